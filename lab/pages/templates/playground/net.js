// net.js: a net of dense layers, forward and backward, as the lab's factory `dense` builds it. Every hidden layer is
// kernel (perhaps thinned by DropConnect) -> activation (with its activity penalty) -> noise -> dropout; the output
// layer is linear and the loss is softmax cross-entropy.

// The function, and its derivative by what it returns.
const ACTIVATIONS = {
  tanh: [Math.tanh, (h) => 1 - h * h],
  relu: [(z) => (z > 0 ? z : 0), (h) => (h > 0 ? 1 : 0)],
  leaky_relu: [(z) => (z > 0 ? z : 0.01 * z), (h) => (h > 0 ? 1 : 0.01)],
  elu: [(z) => (z > 0 ? z : Math.expm1(z)), (h) => (h > 0 ? 1 : h + 1)],
  sigmoid: [(z) => 1 / (1 + Math.exp(-z)), (h) => h * (1 - h)],
  linear: [(z) => z, () => 1],
};

// The initial weights that suit an activation, by the lab's names: Gaussians of variance gain / inputs.
const GAINS = { he: 2, xavier: 1 };
const initializerOf = (activation) => (["relu", "leaky_relu", "elu"].includes(activation) ? "he" : "xavier");

class Net {
  // widths: of the hidden layers; outputs: one logit per class. The weights of a run are one array, in which layer by
  // layer the kernel (inputs, units) is followed by the bias, as Keras's get_weights() orders them.
  constructor(widths, activation, outputs, inputs = 2) {
    this.activation = activation;
    this.outputs = outputs;
    const sizes = [inputs, ...widths, outputs];
    let place = 0;
    this.layers = sizes.slice(1).map((units, i) => {
      const hidden = i < widths.length;
      const layer = { name: hidden ? "dense_" + (i + 1) : "output", hidden, inputs: sizes[i], units, kernel: place };
      layer.bias = place + layer.inputs * units;
      place = layer.bias + units;
      return layer;
    });
    this.size = place;
    this.room = 0;
  }

  initial(seed) {
    const weights = new Float64Array(this.size);
    const gain = GAINS[initializerOf(this.activation)];
    for (const layer of this.layers) {
      const uniform = stream(seed, layer.name, "kernel");
      const deviation = Math.sqrt(gain / layer.inputs);
      for (let i = layer.kernel; i < layer.bias; i++) weights[i] = deviation * normal(uniform);
    }
    return weights;
  }

  // The arrays that a batch of `count` examples needs, shared by all runs: they train one after the other.
  _reserve(count) {
    if (count <= this.room) return;
    this.room = count;
    for (const layer of this.layers) {
      layer.activated = new Float64Array(count * layer.units);
      layer.out = new Float64Array(count * layer.units);
      layer.back = new Float64Array(count * layer.units);
      layer.thinned = new Float64Array(layer.inputs * layer.units);
    }
    this.input = new Float64Array(count * this.layers[0].inputs);
  }

  // Returns the logits of `count` examples, of which the first is at the beginning of x; they are overwritten by the
  // next call. With draws it is as in training, without as in inference.
  forward(weights, x, count, draws = null, strengths = {}) {
    this._reserve(count);
    const noise = draws?.draw("input_noise", "input", count * this.layers[0].inputs, strengths.input_noise);
    let below = x;
    if (noise) {
      below = this.input;
      for (let i = 0; i < count * this.layers[0].inputs; i++) below[i] = x[i] + noise[i];
    }
    for (const layer of this.layers) {
      layer.below = below;
      this._linear(layer, weights, count, layer.hidden ? draws : null, strengths.dropconnect);
      if (layer.hidden) this._finish(layer, count, draws, strengths);
      below = layer.out;
    }
    return below;
  }

  _linear(layer, weights, count, draws, dropconnect) {
    const { inputs, units, kernel, bias, below, activated, out, thinned } = layer;
    const factors = draws?.draw("dropconnect", layer.name, inputs * units, dropconnect) ?? null;
    for (let k = 0; k < inputs * units; k++) thinned[k] = weights[kernel + k] * (factors ? factors[k] : 1);
    layer.factors = factors;
    const to = layer.hidden ? activated : out;
    for (let n = 0; n < count; n++) multiply(below, n * inputs, inputs, thinned, weights, bias, to, n * units, units);
  }

  _finish(layer, count, draws, strengths) {
    const { activated, out } = layer;
    const size = count * layer.units;
    const [activate] = ACTIVATIONS[this.activation];
    for (let i = 0; i < size; i++) activated[i] = activate(activated[i]);
    const noise = draws?.draw("noise", layer.name, size, strengths.noise);
    const dropped = draws?.draw("dropout", layer.name, size, strengths.dropout) ?? null;
    layer.dropped = dropped;
    for (let i = 0; i < size; i++) {
      const value = noise ? activated[i] + noise[i] : activated[i];
      out[i] = dropped ? value * dropped[i] : value;
    }
  }

  // Adds the gradient of the minimized loss to `gradient`, after `forward` on the same examples: of the mean data loss
  // and of the activity penalty; weight penalties have a gradient of their own.
  backward(weights, y, count, strengths, gradient) {
    const top = this.layers.at(-1);
    softmaxGradient(top.out, y, count, this.outputs, strengths.label_smoothing ?? 0, top.back);
    for (let l = this.layers.length - 1; l >= 0; l--) {
      const layer = this.layers[l];
      if (layer.hidden) this._backThroughUnit(layer, count, strengths);
      this._backThroughKernel(layer, l ? this.layers[l - 1].back : null, count, gradient);
    }
  }

  _backThroughUnit(layer, count, { activity_l1 = 0, activity_l2 = 0 }) {
    const { back, activated, dropped } = layer;
    const [, slope] = ACTIVATIONS[this.activation];
    for (let i = 0; i < count * layer.units; i++) {
      const h = activated[i];
      let g = dropped ? back[i] * dropped[i] : back[i];
      if (activity_l1 || activity_l2) g += (activity_l1 * Math.sign(h) + 2 * activity_l2 * h) / count;
      back[i] = g * slope(h);
    }
  }

  _backThroughKernel(layer, below, count, gradient) {
    const { inputs, units, kernel, bias, back, thinned, factors, below: x } = layer;
    for (let j = 0; j < units; j++) {
      let sum = 0;
      for (let n = 0; n < count; n++) sum += back[n * units + j];
      gradient[bias + j] += sum;
    }
    for (let i = 0; i < inputs; i++) {
      const from = i * units;
      for (let j = 0; j < units; j++) {
        let sum = 0;
        for (let n = 0; n < count; n++) sum += x[n * inputs + i] * back[n * units + j];
        gradient[kernel + from + j] += factors ? sum * factors[from + j] : sum;
      }
      for (let n = 0; below && n < count; n++) {
        let sum = 0;
        for (let j = 0; j < units; j++) sum += back[n * units + j] * thinned[from + j];
        below[n * inputs + i] = sum;
      }
    }
  }
}

// Writes one example's linear outputs: bias plus inputs times kernel. Four units at a time, whose sums stay in registers,
// take half the time of one after the other.
function multiply(x, at, inputs, kernel, weights, bias, to, row, units) {
  let j = 0;
  for (; j + 3 < units; j += 4) {
    let a = weights[bias + j];
    let b = weights[bias + j + 1];
    let c = weights[bias + j + 2];
    let d = weights[bias + j + 3];
    for (let i = 0, k = j; i < inputs; i++, k += units) {
      const value = x[at + i];
      a += value * kernel[k];
      b += value * kernel[k + 1];
      c += value * kernel[k + 2];
      d += value * kernel[k + 3];
    }
    to[row + j] = a;
    to[row + j + 1] = b;
    to[row + j + 2] = c;
    to[row + j + 3] = d;
  }
  for (; j < units; j++) {
    let sum = weights[bias + j];
    for (let i = 0; i < inputs; i++) sum += x[at + i] * kernel[i * units + j];
    to[row + j] = sum;
  }
}
