// api.js: what a console or a test may ask of the page.
//
// train({ epochs, seed, weights, orders, draws }) trains one run with the present state and points. `weights` is what
// Keras's get_weights() returns, each array flat; `orders` has an order of the training points per epoch; `draws` has
// for "layer/kind" the numbers of each step, as `Draws` makes them. What is left out is drawn from the seed. Returns
// { rows, kept_epoch, status }.
function trainOnce({ epochs, seed = 0, weights, orders, draws }) {
  const points = pointsOf(state);
  const net = new Net(widthsOf(state.widths), state.activation, points.classes.length);
  const options = {};
  if (weights) options.weights = Float64Array.from(weights.flat());
  if (orders) options.orders = orders;
  if (draws) options.draws = new GivenDraws(draws);
  const run = new Run(seed, net, points, options);
  for (let epoch = 0; epoch < epochs; epoch++) run.epoch(state);
  return { rows: run.rows, kept_epoch: run.kept.epoch, status: run.status };
}

function heldPoints() {
  const { classes, train, validation } = seeds.points;
  const rows = (x) => Array.from({ length: x.length / 2 }, (_, i) => [x[2 * i], x[2 * i + 1]]);
  const split = ({ x, y }) => ({ x: rows(x), y: [...y] });
  return { classes, train: split(train), validation: split(validation) };
}

// Epochs of all seeds per second, without drawing.
function speed(epochs) {
  const timed = new Seeds(state, pointsOf(state));
  const began = performance.now();
  while (timed.epochs < epochs) timed.advance(state);
  return (1000 * epochs) / (performance.now() - began);
}

window.playground = {
  train: trainOnce,
  points: heldPoints,
  script: () => script(seeds.points),
  rows: () => seeds.runs.map((run) => run.rows),
  bands: () => seeds.bands,
  speed,
};
