// optimizers.js: one step of each optimizer, with Keras's arithmetic and the defaults of the lab's `Training`.
const MOMENTUM = 0.9;
const [BETA_1, BETA_2, EPSILON] = [0.9, 0.999, 1e-7];

class Optimizer {
  constructor(size) {
    this.steps = 0;
    this.first = new Float64Array(size);
    this.second = new Float64Array(size);
  }

  step(net, weights, gradient, { optimizer, learning_rate, weight_decay = 0, max_norm = 0 }) {
    this.steps += 1;
    if (weight_decay) decay(net, weights, learning_rate * weight_decay);
    this[optimizer](weights, gradient, learning_rate);
    if (max_norm) bound(net, weights, max_norm);
  }

  sgd(weights, gradient, rate) {
    for (let i = 0; i < weights.length; i++) weights[i] -= rate * gradient[i];
  }

  momentum(weights, gradient, rate) {
    const { first } = this;
    for (let i = 0; i < weights.length; i++) {
      first[i] = MOMENTUM * first[i] - rate * gradient[i];
      weights[i] += first[i];
    }
  }

  adam(weights, gradient, rate) {
    const { first, second } = this;
    const scaled = (rate * Math.sqrt(1 - BETA_2 ** this.steps)) / (1 - BETA_1 ** this.steps);
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i];
      first[i] += (g - first[i]) * (1 - BETA_1);
      second[i] += (g * g - second[i]) * (1 - BETA_2);
      weights[i] -= (scaled * first[i]) / (Math.sqrt(second[i]) + EPSILON);
    }
  }
}

// Decoupled weight decay takes a share off every kernel, the output's included, and spares the biases.
function decay(net, weights, share) {
  for (const layer of net.layers) for (let i = layer.kernel; i < layer.bias; i++) weights[i] -= weights[i] * share;
}

// Scales the weights into each hidden unit down to a largest norm, as keras.constraints.MaxNorm does.
function bound(net, weights, largest) {
  for (const layer of net.layers) {
    if (!layer.hidden) continue;
    for (let j = 0; j < layer.units; j++) {
      let squares = 0;
      for (let i = layer.kernel + j; i < layer.bias; i += layer.units) squares += weights[i] * weights[i];
      const norm = Math.sqrt(squares);
      const scale = Math.min(norm, largest) / (EPSILON + norm);
      for (let i = layer.kernel + j; i < layer.bias; i += layer.units) weights[i] *= scale;
    }
  }
}
