// python.js: "make this an experiment": the state as a script for the lab, in English as all of the lab's code.
const IN_REGULARIZATION = ["l1", "l2", "l2_start", "activity_l1", "activity_l2", "dropout", "dropconnect", "noise", "max_norm"];
const IN_TRAINING = ["weight_decay", "label_smoothing", "patience"];

const keywords = (names) => names.filter((name) => state[name]).map((name) => `${name}=${state[name]}`).join(", ");
const quoted = (text) => JSON.stringify(text);

// A name that may be a folder: what is on, with its strengths, where that is not too long.
function variantName() {
  const name = regularizersOn().map((one) => `${one.name}_${state[one.name]}`).join("+");
  return name.length > 80 ? "regularized" : name;
}

function dataLines(points) {
  const noise = state.label_noise ? [`label_noise=${state.label_noise}`] : [];
  if (state.data !== "pasted") {
    const size = points.train.y.length < SETS[state.data].train.y.length ? [`train_size=${points.train.y.length}`] : [];
    const bound = [state.data, ...size, `validation_size=${settings.validation_size}`, ...noise].join(", ");
    return [`DATA = partial(${bound})`];
  }
  const set = pastedSet(state.points);
  const rows = ({ raw }) => raw.map((point) => `    (${point.x}, ${point.y}, ${quoted(point.name)}),`);
  return [
    ...["train", "validation", "test"].flatMap((part) => [`${part.toUpperCase()} = [`, ...rows(set[part]), "]"]),
    "", "",
    "def points(*, label_noise=0.0, seed=0):",
    '    """Return the pasted points, cut as the playground cut them. The seed decides which labels are wrong."""',
    "    train, validation, test = (",
    "        (np.array([row[:2] for row in part]), np.array([row[2] for row in part])) for part in (TRAIN, VALIDATION, TEST)",
    "    )",
    "    cut = {\"validation\": validation, \"test\": test, \"standardize\": True, \"name\": \"points\"}",
    "    return from_arrays(*train, **cut, label_noise=label_noise, seed=seed)",
    "", "",
    state.label_noise ? `DATA = partial(points, ${noise[0]})` : "DATA = points",
  ];
}

const NOISY = [
  "",
  "",
  "def noisy(input_shape, outputs, *, deviation, seed=0, **settings):",
  '    """Return the net behind Gaussian noise on its inputs."""',
  "    import keras",
  "",
  "    net = NET(input_shape, outputs, seed=seed, **settings)",
  "    inputs = net.inputs[0]",
  '    x = keras.layers.GaussianNoise(deviation, seed=derive(seed, "input", "input_noise"), name="input_noise")(inputs)',
  "    for layer in net.layers[1:]:",
  "        x = layer(x)",
  "    return keras.Model(inputs, x)",
  "",
  "",
];

function script(points) {
  const widths = widthsOf(state.widths);
  const regularization = keywords(IN_REGULARIZATION);
  const training = keywords(IN_TRAINING);
  const bound = [
    ...(regularization ? [`regularization=Regularization(${regularization})`] : []),
    ...(state.input_noise ? [`deviation=${state.input_noise}`] : []),
  ].join(", ");
  const model = state.input_noise ? `partial(noisy, ${bound})` : bound ? `partial(NET, ${bound})` : "NET";
  const variant = [
    `        ${quoted(variantName())}: Variant(`,
    "            data=DATA,",
    `            model=${model},`,
    `            training=${training ? `replace(TRAINING, ${training})` : "TRAINING"},`,
    "        ),",
  ];
  const pasted = state.data === "pasted";
  const rate = `optimizer=${quoted(state.optimizer)}, learning_rate=${state.learning_rate}`;
  return [
    `"""What changes on ${pasted ? "my points" : state.data} with ${regularizersInWords(state, {})}?`,
    "",
    "Written by the playground. The runs draw initial weights and batches of their own: expect the same spread, not the",
    "same numbers.",
    '"""',
    "",
    ...(training ? ["from dataclasses import replace"] : []),
    "from functools import partial",
    "",
    ...(pasted ? ["import numpy as np", ""] : []),
    "from lab.cli import main",
    `from lab.data import ${pasted ? "from_arrays" : state.data}`,
    "from lab.experiment import Experiment, Variant",
    "from lab.models import dense",
    ...(regularization ? ["from lab.regularization import Regularization"] : []),
    ...(state.input_noise ? ["from lab.seeds import derive"] : []),
    "from lab.training import Training",
    "",
    ...dataLines(points),
    `NET = partial(dense, widths=(${widths.join(", ")}${widths.length === 1 ? "," : ""}), ` +
      `activation=${quoted(state.activation)}, initializer=${quoted(initializerOf(state.activation))})`,
    `TRAINING = Training(${rate}, batch_size=${state.batch_size}, epochs=${state.epochs})`,
    ...(state.input_noise ? NOISY : [""]),
    "EXPERIMENT = Experiment(",
    '    name="playground",',
    "    variants={",
    '        "none": Variant(data=DATA, model=NET, training=TRAINING),',
    ...(regularizersOn().length ? variant : []),
    "    },",
    '    baseline="none",',
    `    seeds=range(${state.seeds}),`,
    ")",
    "",
    'if __name__ == "__main__":',
    "    main(EXPERIMENT)",
    "",
  ].join("\n");
}
