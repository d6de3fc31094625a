// random.js: seeded random numbers. Each choice has a stream of its own, named by the seed and by what it is for, so
// that settings which are compared start from the same weights, see the same batches and share their masks.

// Returns a function that returns the next number in [0, 1). The state of sfc32 is a hash of the names.
function stream(...names) {
  const text = names.join("/");
  let hash = 1779033703 ^ text.length;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 3432918353);
    hash = (hash << 13) | (hash >>> 19);
  }
  const word = () => {
    hash = Math.imul(hash ^ (hash >>> 16), 2246822507);
    hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
    return (hash ^= hash >>> 16) >>> 0;
  };
  let [a, b, c, d] = [word(), word(), word(), word()];
  const next = () => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t | 0;
    return (t >>> 0) / 4294967296;
  };
  // The first numbers still show the hash.
  for (let i = 0; i < 12; i++) next();
  return next;
}

// A draw of the standard normal distribution (Box and Muller 1958).
function normal(uniform) {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

// The numbers from 0 to n - 1 in random order (Fisher and Yates).
function permutation(n, uniform) {
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    const other = order[j];
    order[j] = order[i];
    order[i] = other;
  }
  return order;
}

// The draws of one run while it trains. A layer's masks come from its own stream, whatever else draws.
class Draws {
  constructor(seed) {
    this.seed = seed;
    this.streams = new Map();
    this.buffers = new Map();
  }

  // Returns `size` numbers for a layer, or null where the strength is 0: factors, 0 or 1 / (1 - rate), for "dropout"
  // and "dropconnect"; numbers that are added for "noise" and "input_noise".
  draw(kind, layer, size, strength) {
    if (!strength) return null;
    const name = layer + "/" + kind;
    if (!this.streams.has(name)) this.streams.set(name, stream(this.seed, layer, kind));
    const uniform = this.streams.get(name);
    let numbers = this.buffers.get(name);
    if (!numbers || numbers.length < size) this.buffers.set(name, (numbers = new Float64Array(size)));
    if (kind === "noise" || kind === "input_noise") {
      for (let i = 0; i < size; i++) numbers[i] = strength * normal(uniform);
    } else {
      const kept = 1 / (1 - strength);
      for (let i = 0; i < size; i++) numbers[i] = uniform() < strength ? 0 : kept;
    }
    return numbers;
  }
}

// Draws that were made elsewhere, step by step: what a test hands over from the lab's own run.
class GivenDraws {
  constructor(given) {
    this.given = given;
    this.steps = new Map();
  }

  draw(kind, layer, size, strength) {
    if (!strength) return null;
    const name = layer + "/" + kind;
    const step = this.steps.get(name) ?? 0;
    this.steps.set(name, step + 1);
    return this.given[name][step];
  }
}
