// series.js: unpacks the curves of the page's data (lab/pages/packing.py says how they are packed) and smooths them.
const SEXTETS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const unpacked = {};

function unpack(text, scale) {
  const values = [];
  let sum = 0, number = 0, shift = 0;
  for (const character of text) {
    if (character === "_") {
      values.push(null);
      continue;
    }
    const digit = SEXTETS.indexOf(character);
    number |= (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    sum += number & 1 ? -(number >>> 1) : number >>> 1;
    // Dividing by a power of ten is exact to the last digit, multiplying by a fraction is not.
    values.push(scale < 0 ? sum / 10 ** -scale : sum * 10 ** scale);
    number = shift = 0;
  }
  return values;
}

const numbers = (packed) => (packed.length === 2 && typeof packed[1] === "string" ? unpack(packed[1], packed[0]) : packed);

// The parts of a column's medians, and its single seeds, each unpacked when it is first asked for.
function medians(column) {
  const grids = gridded();
  return (unpacked[column] ??= curves.columns[column].medians.map(([v, all, grid, runs, m, lo, hi]) => {
    const e = grids[grid];
    const n = typeof runs === "string" ? unpack(runs, 0) : e.map(() => runs);
    return { v, whole: !!all, e, n, m: numbers(m), lo: numbers(lo || m), hi: numbers(hi || m) };
  }));
}

function singles(column) {
  const grids = gridded();
  return (unpacked["seeds of " + column] ??= column === "gap" ? gaps() :
    curves.columns[column].seeds.map(([v, s, grid, y]) => ({ v, s, e: grids[grid], y: numbers(y) })));
}

const gridded = () => (unpacked["the epochs"] ??= curves.grids.map((text) => unpack(text, 0)));

function gaps() {
  const train = singles("train_data_loss");
  return (train.length ? singles("val_data_loss") : []).map((run, i) => ({
    ...run,
    y: run.y.map((value, j) => (value === null || train[i].y[j] === null ? null : value - train[i].y[j])),
  }));
}

// A mean over `reach` points on each side; fewer at the ends, the same on both sides, so that no curve is shifted.
function smoothed(values, reach) {
  return values.map((value, i) => {
    if (value === null || !reach) return value;
    const each = Math.min(reach, i, values.length - 1 - i);
    const near = values.slice(i - each, i + each + 1).filter((other) => other !== null);
    return near.reduce((sum, other) => sum + other, 0) / near.length;
  });
}

// Numbers as they are read: four digits, small and large ones with a power of ten.
function said(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  const text = size && (size < 0.001 || size >= 1e6) ? value.toExponential(2) : String(+value.toPrecision(4));
  return text.replaceAll("-", "\u2212");
}
