// training.js: one run, epoch by epoch, as the lab's reference engine (lab/engine/keras_fit.py) trains it. The names of
// a row are those of the lab's histories.
const LARGEST = 3.4028234663852886e38;  // of float32: what is larger has diverged

class Run {
  // net: shared by all runs; data: { train: { x, y }, validation: { x, y } } with x as one flat array.
  constructor(seed, net, data, { weights = net.initial(seed), draws = new Draws(seed), orders = null } = {}) {
    this.seed = seed;
    this.net = net;
    this.data = data;
    this.start = weights;
    this.weights = Float64Array.from(weights);
    this.gradient = new Float64Array(net.size);
    this.optimizer = new Optimizer(net.size);
    this.draws = draws;
    this.orders = orders;
    this.rows = [];
    // The kept epoch has the lowest validation data loss; until there is one the kept weights are the first.
    this.kept = { epoch: 0, loss: Infinity, row: null, weights: Float64Array.from(weights) };
    this.status = "training";
  }

  get ended() {
    return this.status !== "training";
  }

  // Trains one epoch with the strengths of now and adds its row. A run that has ended stays as it is.
  epoch(strengths) {
    if (this.ended) return;
    const number = this.rows.length + 1;
    const fitted = this._steps(number, strengths);
    const train = this.measure(this.data.train, strengths);
    const validation = this.measure(this.data.validation, strengths);
    const row = {
      epoch: number,
      loss: fitted.data_loss + fitted.penalty,
      data_loss: fitted.data_loss,
      penalty: fitted.penalty,
      accuracy: fitted.accuracy,
      train_data_loss: train.data_loss,
      train_accuracy: train.accuracy,
      val_loss: validation.data_loss + validation.penalty,
      val_data_loss: validation.data_loss,
      val_penalty: validation.penalty,
      val_accuracy: validation.accuracy,
    };
    this.rows.push(row);
    this._keep(row, strengths.patience);
  }

  // Takes the steps of one epoch; returns means over the examples as they were trained on.
  _steps(epoch, strengths) {
    const { net, data, weights, gradient } = this;
    const count = data.train.y.length;
    const order = this.orders?.[epoch - 1] ?? permutation(count, stream(this.seed, "batches", epoch));
    const size = Math.min(strengths.batch_size, count);
    const [x, y] = [new Float64Array(2 * size), new Int32Array(size)];
    let [loss, penalty, hits] = [0, 0, 0];
    for (let from = 0; from < count; from += size) {
      const n = Math.min(size, count - from);
      for (let i = 0; i < n; i++) {
        const row = order[from + i];
        x[2 * i] = data.train.x[2 * row];
        x[2 * i + 1] = data.train.x[2 * row + 1];
        y[i] = data.train.y[row];
      }
      const logits = net.forward(weights, x, n, this.draws, strengths);
      const seen = lossAndHits(logits, y, n, net.outputs);
      gradient.fill(0);
      loss += seen.loss;
      hits += seen.hits;
      penalty += activityPenalty(net, n, strengths);
      penalty += n * weightPenalty(net, weights, this.start, strengths, gradient);
      net.backward(weights, y, n, strengths, gradient);
      this.optimizer.step(net, weights, gradient, strengths);
    }
    return { data_loss: loss / count, penalty: penalty / count, accuracy: hits / count };
  }

  // Measures a split in inference mode, with the weights as they are.
  measure({ x, y }, strengths) {
    const { net, weights } = this;
    const count = y.length;
    const { loss, hits } = lossAndHits(net.forward(weights, x, count), y, count, net.outputs);
    const charged = activityPenalty(net, count, strengths) / count;
    const penalty = charged + weightPenalty(net, weights, this.start, strengths);
    return { data_loss: loss / count, penalty, accuracy: hits / count };
  }

  // The rule of lab/engine/history.py: a tie is not better, and a run whose losses are not finite ends at once.
  _keep(row, patience) {
    const finite = [row.loss, row.train_data_loss, row.val_data_loss].every((loss) => Math.abs(loss) <= LARGEST);
    if (!finite) {
      // A history holds float32, in which these are infinite.
      for (const name of Object.keys(row)) if (Math.abs(row[name]) > LARGEST) row[name] = Infinity;
      this.status = "diverged";
      return;
    }
    if (row.val_data_loss < this.kept.loss) {
      this.kept.weights.set(this.weights);
      Object.assign(this.kept, { epoch: row.epoch, loss: row.val_data_loss, row });
    }
    if (patience && row.epoch - this.kept.epoch >= patience) this.status = "stopped early";
  }
}
