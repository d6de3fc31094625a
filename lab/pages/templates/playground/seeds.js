// seeds.js: the runs of all seeds, trained side by side, and what is told about their spread.

class Seeds {
  constructor(state, points) {
    this.points = points;
    this.net = new Net(widthsOf(state.widths), state.activation, points.classes.length);
    this.runs = Array.from({ length: state.seeds }, (_, seed) => new Run(seed, this.net, points));
    this.turn = 0;
    this.epochs = 0;
    this.bands = {};
    this.changes = [];  // the epochs after which a strength was changed
    this.trainedWith = null;
    for (const name of SHOWN) this.bands[name] = [];
  }

  get ended() {
    return this.runs.every((run) => run.ended);
  }

  // Trains one epoch of one run, so that a page stays responsive between two of them. Returns whether that was the last
  // run of this epoch.
  advance(strengths) {
    if (this.turn === 0) this._note(strengths);
    this.runs[this.turn].epoch(strengths);
    this.turn = (this.turn + 1) % this.runs.length;
    if (this.turn) return false;
    this.epochs += 1;
    // Runs that have ended are in no band any more: each epoch shows those that still trained.
    const rows = this.runs.map((run) => run.rows[this.epochs - 1]).filter(Boolean);
    for (const name of SHOWN) this.bands[name].push(bandOf(rows.map((row) => row[name])));
    return true;
  }

  _note(strengths) {
    const now = JSON.stringify(LIVE.filter((name) => name !== "epochs").map((name) => strengths[name]));
    if (this.trainedWith !== null && this.trainedWith !== now) this.changes.push(this.epochs);
    this.trainedWith = now;
  }

  // The losses of each run at its kept epoch; null for a run without one.
  get kept() {
    return this.runs.map((run) => run.kept.row);
  }

  get last() {
    return this.runs.map((run) => run.rows.at(-1) ?? null);
  }
}

const SHOWN = ["train_data_loss", "val_data_loss", "train_accuracy", "val_accuracy", "val_penalty"];

// The p-quantile of rising numbers, interpolated linearly as in the lab's bands.
function quantile(sorted, p) {
  const place = p * (sorted.length - 1);
  const below = Math.floor(place);
  return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

// The median, the quartiles and both ends over the seeds; null where no value is finite.
function bandOf(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (!sorted.length) return null;
  const [low, lower, median, upper, high] = [0, 0.25, 0.5, 0.75, 1].map((p) => quantile(sorted, p));
  return { low, lower, median, upper, high, n: sorted.length };
}

// The mean of paired differences with its 95 % interval (t); null with fewer than two pairs.
function pairedDifference(values, others) {
  const differences = values.map((value, i) => value - others[i]).filter(Number.isFinite);
  const n = differences.length;
  if (n < 2) return null;
  const mean = differences.reduce((sum, d) => sum + d, 0) / n;
  const deviation = Math.sqrt(differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / (n - 1));
  const half = (settings.quantiles[n - 2] * deviation) / Math.sqrt(n);
  return { mean, low: mean - half, high: mean + half, n, lower: differences.filter((d) => d < 0).length };
}
