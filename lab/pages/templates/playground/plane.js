// plane.js: the plane with its points, what the nets decide everywhere, and the border of every seed.
const SIDE = 46;  // grid points per side

class Regions {
  // Looks at the runs one after the other, so that a page stays responsive between two of them.
  constructor(seeds) {
    const { train, validation, classes } = seeds.points;
    this.seeds = seeds;
    this.classes = classes.length;
    this.view = viewOf([train.x, validation.x]);
    this.grid = new Float64Array(2 * SIDE * SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) {
      this.grid[2 * i] = this.view.x + ((i % SIDE) / (SIDE - 1)) * this.view.size;
      this.grid[2 * i + 1] = this.view.y + (1 - Math.floor(i / SIDE) / (SIDE - 1)) * this.view.size;
    }
    this.next = 0;
    this.found = [];
    this.shown = [];
  }

  // Looks at one run; returns whether all have been looked at since the last time, so that there is a new picture.
  advance(weights) {
    const { runs, net } = this.seeds;
    const run = runs[this.next];
    const logits = net.forward(weights === "kept" ? run.kept.weights : run.weights, this.grid, SIDE * SIDE);
    // A run that has diverged decides nothing.
    const finite = logits.subarray(0, SIDE * SIDE * this.classes).every(Number.isFinite);
    this.found[this.next] = finite && { chances: chances(logits, this.classes), borders: borders(logits, this.classes) };
    this.next = (this.next + 1) % runs.length;
    if (this.next) return false;
    this.shown = this.found.slice();
    return true;
  }

  all(weights) {
    this.next = 0;
    while (!this.advance(weights));
  }
}

// The square around all points, with some room.
function viewOf(arrays) {
  const ends = [0, 1].map((axis) => {
    let [low, high] = [Infinity, -Infinity];
    for (const x of arrays) {
      for (let i = axis; i < x.length; i += 2) [low, high] = [Math.min(low, x[i]), Math.max(high, x[i])];
    }
    return [low, high];
  });
  const size = 1.14 * Math.max(...ends.map(([low, high]) => high - low));
  return { x: (ends[0][0] + ends[0][1] - size) / 2, y: (ends[1][0] + ends[1][1] - size) / 2, size };
}

function chances(logits, classes) {
  const found = new Float32Array(SIDE * SIDE * classes);
  for (let i = 0; i < found.length; i += classes) {
    let largest = logits[i];
    for (let k = 1; k < classes; k++) largest = Math.max(largest, logits[i + k]);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += found[i + k] = Math.exp(logits[i + k] - largest);
    for (let k = 0; k < classes; k++) found[i + k] /= sum;
  }
  return found;
}

// The lines between the classes, as segments [x1, y1, x2, y2] in grid steps (marching squares). The border of the last
// class is part of the others'.
function borders(logits, classes) {
  const segments = [];
  const lead = new Float64Array(SIDE * SIDE);
  for (let k = 0; k < classes - 1; k++) {
    for (let i = 0; i < SIDE * SIDE; i++) {
      let other = -Infinity;
      for (let c = 0; c < classes; c++) if (c !== k) other = Math.max(other, logits[i * classes + c]);
      lead[i] = logits[i * classes + k] - other;
    }
    for (let row = 0; row < SIDE - 1; row++) {
      for (let column = 0; column < SIDE - 1; column++) {
        const i = row * SIDE + column;
        const leads = (lead[i] > 0) + (lead[i + 1] > 0) + (lead[i + SIDE] > 0) + (lead[i + SIDE + 1] > 0);
        // Most cells lie on one side of the border.
        if (leads === 0 || leads === 4) continue;
        const corners = [[i, 0, 0], [i + 1, 1, 0], [i + SIDE + 1, 1, 1], [i + SIDE, 0, 1]];
        const crossed = [];
        corners.forEach(([from, x, y], c) => {
          const [to, toX, toY] = corners[(c + 1) % 4];
          if (lead[from] > 0 === lead[to] > 0) return;
          const share = lead[from] / (lead[from] - lead[to]);
          crossed.push(column + x + share * (toX - x), row + y + share * (toY - y));
        });
        for (let c = 0; c + 3 < crossed.length; c += 4) segments.push(crossed.slice(c, c + 4));
      }
    }
  }
  return segments;
}

const small = document.createElement("canvas");
small.width = small.height = SIDE;

// only: the seed that is shown; null for all. A class is the more strongly coloured the surer the nets are on average.
function drawPlane(regions, { only, validation }) {
  const { context, width, height } = prepared("plane");
  const shown = (only === null ? regions.shown : regions.shown.slice(only, only + 1)).filter(Boolean);
  if (shown.length) drawGround(context, width, height, shown, regions.classes);
  const step = width / (SIDE - 1);
  context.lineCap = "round";
  context.strokeStyle = ink("ink", shown.length > 1 ? Math.max(0.3, 1.2 / Math.sqrt(shown.length)) : 0.9);
  context.lineWidth = shown.length > 1 ? 1 : 1.8;
  for (const { borders: segments } of shown) {
    context.beginPath();
    for (const [x1, y1, x2, y2] of segments) {
      context.moveTo(x1 * step, y1 * step);
      context.lineTo(x2 * step, y2 * step);
    }
    context.stroke();
  }
  drawPoints(context, width, regions, validation);
}

function drawGround(context, width, height, shown, classes) {
  const paper = colour("paper");
  const tints = Array.from({ length: classes }, (_, k) => colour("class-" + k));
  const image = new ImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const mean = tints.map((_, k) => shown.reduce((sum, one) => sum + one.chances[i * classes + k], 0) / shown.length);
    const sure = (Math.max(...mean) - 1 / classes) / (1 - 1 / classes);
    const strength = 0.05 + 0.37 * sure;
    for (let part = 0; part < 3; part++) {
      const mixed = tints.reduce((sum, tint, k) => sum + mean[k] * tint[part], 0);
      image.data[4 * i + part] = paper[part] + strength * (mixed - paper[part]);
    }
    image.data[4 * i + 3] = 255;
  }
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  // The outer grid points lie on the edge of the picture.
  const over = width / (SIDE - 1) / 2;
  context.drawImage(small, -over, -over, width + 2 * over, height + 2 * over);
}

function drawPoints(context, width, { seeds, view }, validation) {
  const place = (x, i) => [((x[2 * i] - view.x) / view.size) * width, (1 - (x[2 * i + 1] - view.y) / view.size) * width];
  const { train, validation: held } = seeds.points;
  if (validation) {
    held.y.forEach((label, i) => {
      context.fillStyle = ink("class-" + label, 0.75);
      marker(context, label, ...place(held.x, i), 1.7);
      context.fill();
    });
  }
  const size = width < 400 || train.y.length > 120 ? 3.6 : 4.6;
  train.y.forEach((label, i) => {
    const [x, y] = place(train.x, i);
    context.fillStyle = ink("class-" + label);
    context.strokeStyle = ink("paper");
    context.lineWidth = 1.2;
    marker(context, label, x, y, size);
    context.fill();
    context.stroke();
    if (label === train.right[i]) return;
    context.strokeStyle = ink("ink");
    context.lineWidth = 1.3;
    context.beginPath();
    context.arc(x, y, size + 3.2, 0, 2 * Math.PI);
    context.stroke();
  });
}
