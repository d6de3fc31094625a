// data.js: the points that are trained on: the lab's own draws, which the page holds, or what a user pasted.
const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
const decoded = ({ x, y }) => ({ x: Float64Array.from(new Float32Array(bytesOf(x))), y: Int32Array.from(y, Number) });

const SETS = Object.fromEntries(
  settings.sets.map((one) => [one.name, { ...one, train: decoded(one.train), validation: decoded(one.validation) }]),
);

// By the numbers of points and classes: which labels become wrong first, and by how many classes each is then off.
const WRONG = Object.fromEntries(
  Object.entries(settings.wrong).map(([of, { order, shift }]) => [of, { order: new Uint16Array(bytesOf(order)), shift }]),
);

// Returns the points of a state: train (with wrong labels, if asked for; `right` are the true ones) and validation,
// whose labels stay right. The first n training points and their wrong labels are those of the lab's loader.
function pointsOf(state) {
  const set = state.data === "pasted" ? pastedSet(state.points) : SETS[state.data];
  const all = set.train.y.length;
  const count = state.data === "pasted" || state.size === "all" ? all : Math.min(state.size, all);
  const right = set.train.y.slice(0, count);
  const classes = set.classes.length;
  const { order, shift } = WRONG[count + "/" + classes] ?? wrongOrder(count, classes);
  const y = right.slice();
  for (const i of order.slice(0, Math.floor(state.label_noise * count + 0.5))) y[i] = (y[i] + Number(shift[i])) % classes;
  return { name: state.data, classes: set.classes, train: { x: set.train.x.slice(0, 2 * count), y, right },
    validation: set.validation, test: set.test };
}

// For numbers of points that the page holds no order of: those of a user.
function wrongOrder(count, classes) {
  const uniform = stream("label_noise", count, classes);
  const order = permutation(count, uniform);
  return { order, shift: Array.from({ length: count }, () => 1 + Math.floor(uniform() * (classes - 1))) };
}

const LEAST = 5;    // points of a class: each of the three splits needs one
const MOST = 2000;  // points: more would make neither a picture nor an address

// Reads "x, y, label" per line, separated by commas, semicolons, tabs or spaces; a first line without numbers is a
// header. Returns the points, each once; throws an Error whose message says what is wrong and where.
function parsePoints(text) {
  const lines = text.split(/\r?\n/).map((line, i) => [i + 1, line.trim()]).filter(([, line]) => line);
  const points = new Map();
  lines.forEach(([number, line], place) => {
    const cells = line.split(/\s*[,;\t]\s*|\s+/);
    const [x, y] = cells.slice(0, 2).map((cell) => (cell === "" ? NaN : Number(cell)));
    if (cells.length !== 3 || !Number.isFinite(x) || !Number.isFinite(y) || cells[2] === "") {
      if (place === 0 && !Number.isFinite(x)) return;
      throw new Error(say("line {number} must be two numbers and a label, as in “0.5, -1.2, red”; it is “{text}”", { number, text: line.slice(0, 40) }));
    }
    if (!Number.isFinite(Math.fround(x)) || !Number.isFinite(Math.fround(y))) {
      throw new Error(say("line {number} must have numbers that float32 can hold; it is “{text}”", { number, text: line.slice(0, 40) }));
    }
    points.set(Math.fround(x) + " " + Math.fround(y), { x: Math.fround(x), y: Math.fround(y), label: [...cells[2]].slice(0, 30).join("") });
  });
  const found = [...points.values()];
  const labels = [...new Set(found.map((point) => point.label))].sort();
  if (labels.length < 2 || labels.length > settings.most_classes) {
    throw new Error(say("there must be 2 to {most} different labels; there are {count}", { most: settings.most_classes, count: labels.length }));
  }
  for (const label of labels) {
    const count = found.filter((point) => point.label === label).length;
    if (count >= LEAST) continue;
    throw new Error(say("every label needs at least {least} different points; “{label}” has {count}", { least: LEAST, label, count }));
  }
  if (found.length > MOST) {
    throw new Error(say("there must be at most {most} points; there are {count}", { most: MOST, count: found.length }));
  }
  return found.map((point) => ({ ...point, label: labels.indexOf(point.label), name: point.label }));
}

// Cuts a user's points into train, validation and test: of each class a fifth for either of the latter, at random. The
// test points are for the experiment that the page writes; nothing here looks at them. Features get mean 0 and
// deviation 1 over the training points, as lab.data.from_arrays(standardize=True) does.
function pastedSet(text) {
  const points = parsePoints(text);
  const order = [...permutation(points.length, stream("cut", points.length))].map((i) => points[i]);
  const classes = [...new Set(points.map((point) => point.name))].sort();
  const parts = { train: [], validation: [], test: [] };
  classes.forEach((_, label) => {
    const own = order.filter((point) => point.label === label);
    const fifth = Math.max(1, Math.floor(own.length / 5));
    parts.test.push(...own.slice(0, fifth));
    parts.validation.push(...own.slice(fifth, 2 * fifth));
    parts.train.push(...own.slice(2 * fifth));
  });
  const scales = ["x", "y"].map((axis) => scaleOf(parts.train.map((point) => point[axis])));
  const split = (part) => ({
    raw: part,
    x: Float64Array.from(part.flatMap((point) => [scales[0](point.x), scales[1](point.y)])),
    y: Int32Array.from(part, (point) => point.label),
  });
  return { classes, train: split(parts.train), validation: split(parts.validation), test: split(parts.test) };
}

function scaleOf(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return (value) => Math.fround((value - mean) / (deviation || 1));
}
