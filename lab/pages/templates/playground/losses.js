// losses.js: the data loss, its gradient, and the penalties, which are reported apart.

// Returns the sums over `count` examples of the plain cross-entropy and of the right predictions.
function lossAndHits(logits, y, count, classes) {
  let loss = 0;
  let hits = 0;
  for (let n = 0; n < count; n++) {
    const row = n * classes;
    let best = 0;
    for (let k = 1; k < classes; k++) if (logits[row + k] > logits[row + best]) best = k;
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += Math.exp(logits[row + k] - logits[row + best]);
    loss += Math.log(sum) + logits[row + best] - logits[row + y[n]];
    if (best === y[n]) hits += 1;
  }
  return { loss, hits };
}

// Writes the gradient of the mean minimized loss by the logits. Label smoothing changes what is minimized, never what
// is reported: a share of the target is spread evenly over the classes (Szegedy et al. 2016).
function softmaxGradient(logits, y, count, classes, smoothing, to) {
  for (let n = 0; n < count; n++) {
    const row = n * classes;
    let largest = logits[row];
    for (let k = 1; k < classes; k++) largest = Math.max(largest, logits[row + k]);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += to[row + k] = Math.exp(logits[row + k] - largest);
    for (let k = 0; k < classes; k++) {
      const target = smoothing / classes + (k === y[n] ? 1 - smoothing : 0);
      to[row + k] = (to[row + k] / sum - target) / count;
    }
  }
}

// Returns the penalty on the hidden kernels, and adds its gradient where one is given. Biases and the output layer
// carry none.
function weightPenalty(net, weights, start, { l1 = 0, l2 = 0, l2_start = 0 }, gradient = null) {
  if (!l1 && !l2 && !l2_start) return 0;
  let penalty = 0;
  for (const layer of net.layers) {
    if (!layer.hidden) continue;
    for (let i = layer.kernel; i < layer.bias; i++) {
      const w = weights[i];
      const moved = w - start[i];
      penalty += l1 * Math.abs(w) + l2 * w * w + l2_start * moved * moved;
      if (gradient) gradient[i] += l1 * Math.sign(w) + 2 * l2 * w + 2 * l2_start * moved;
    }
  }
  return penalty;
}

// Returns the sum over the examples of the penalty on the hidden activations of the last `forward`.
function activityPenalty(net, count, { activity_l1 = 0, activity_l2 = 0 }) {
  if (!activity_l1 && !activity_l2) return 0;
  let penalty = 0;
  for (const layer of net.layers) {
    if (!layer.hidden) continue;
    for (let i = 0; i < count * layer.units; i++) {
      const h = layer.activated[i];
      penalty += activity_l1 * Math.abs(h) + activity_l2 * h * h;
    }
  }
  return penalty;
}
