// api.js: what a console or a test may ask: a training with everything handed in, and what the page holds.
//
// train({ widths, activation, classes, train, validation, strengths, epochs, seed, weights, orders, draws }) trains one
// run. The splits are { x: [[x1, x2], ...], y: [class, ...] }. `weights` is what Keras's get_weights() returns, each
// array flat; `orders` is one order of the training points per epoch; `draws` has for "layer/kind" the numbers of each
// step, as `Draws` makes them. What is left out is drawn from the seed. Returns { rows, kept_epoch, status }.
const array = (values) => Float64Array.from(values);

function trainOnce(given) {
  const split = ({ x, y }) => ({ x: array(x.flat()), y: Int32Array.from(y) });
  const net = new Net(given.widths, given.activation, given.classes);
  const options = {};
  if (given.weights) options.weights = array(given.weights.flat());
  if (given.orders) options.orders = given.orders;
  if (given.draws) options.draws = new GivenDraws(given.draws);
  const data = { train: split(given.train), validation: split(given.validation) };
  const run = new Run(given.seed ?? 0, net, data, options);
  for (let epoch = 0; epoch < given.epochs; epoch++) run.epoch(given.strengths);
  return { rows: run.rows, kept_epoch: run.kept.epoch, status: run.status };
}

function heldPoints() {
  const { train, validation, classes } = seeds.points;
  const rows = (x) => Array.from({ length: x.length / 2 }, (_, i) => [x[2 * i], x[2 * i + 1]]);
  const split = ({ x, y }) => ({ x: rows(x), y: [...y] });
  return { classes, train: split(train), validation: split(validation) };
}

// Epochs per second of the runs that are set up now, without drawing.
function speed(epochs) {
  const timed = new Seeds(state, pointsOf(state));
  const began = performance.now();
  while (timed.epochs < epochs) timed.advance(state);
  return (1000 * epochs) / (performance.now() - began);
}

window.playground = { train: trainOnce, points: heldPoints, script: () => script(seeds.points), speed };
