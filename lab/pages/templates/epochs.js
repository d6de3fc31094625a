// epochs.js: how Vega draws the chart over the epochs.
// A line is one path here. Vega-Lite makes a shape of each point and computes all of them for every change, which
// takes half a second for a page with many runs.

// The lowest table is drawn first. A line has a colour "c", its path "d" with its "extent", an "opacity",
// and a "split" or a "width".
const TABLES = ["bands", "rule", "raw", "singles", "lines", "marks", "points"];
const LINE_WIDTHS = { raw: 1, singles: { field: "width" }, lines: 2 };
// A solid line has no dashes at all: with dashes of 1 and gaps of 0 it takes a browser ten times as long to paint.
const DASHES = { train: [], validation: [6, 3] };
const MOST_TICKS = { x: 8, y: 6 };

// Paths are given in shares of the plot, from its upper left.
const SHARES = {
  path: { field: "d" }, pathCache: { field: "extent" }, scaleX: { signal: "width" }, scaleY: { signal: "height" },
};
// Vega parses each path to find how far it extends, which takes it longer than all the rest of a click, unless it
// finds it parsed already. The plot clips the paths, so each may be said to extend over the whole of it.
const drawnAs = (d) => ({ d, extent: Object.assign([["M", 0, 0], ["L", 1, 1]], { path: d }) });
// Strokes and fills are pale, not their elements: a browser blends a pale element as a layer of its own, which takes it
// longer than all the rest of a click.
const opacity = { field: "opacity" };

const axisOf = (name, orient, format, more) => ({
  scale: name, orient, aria: false, title: { signal: name + "title" }, values: { signal: name + "ticks" },
  tickCount: MOST_TICKS[name], labelFlush: name === "x", labelOverlap: true, ...more,
  encode: { labels: { update: { text: { signal: `format(${name}log ? exp(datum.value) : datum.value, '${format}')` } } } },
});

const pathsOf = (name) => ({
  name: "drawn-" + name, type: "path", from: { data: name }, aria: false, clip: true, interactive: false,
  encode: {
    enter: { strokeDash: { scale: "dash", field: "split" }, strokeJoin: { value: "round" } },
    update: {
      ...SHARES, stroke: { field: "c" }, strokeOpacity: opacity,
      strokeWidth: typeof LINE_WIDTHS[name] === "number" ? { value: LINE_WIDTHS[name] } : LINE_WIDTHS[name],
    },
  },
});

const symbolsOf = (name, update) => ({
  name: "drawn-" + name, type: "symbol", from: { data: name }, aria: false, clip: true, interactive: false,
  encode: { update: { x: { scale: "x", field: "e" }, y: { scale: "y", field: "y" }, ...update } },
});

const PLACE_WIDE = "isFinite(containerSize()[0]) ? containerSize()[0] : 200";

// The specification; its signals are the ends and ticks of both axes, as logarithms where an axis is logarithmic.
const epochsSpec = () => ({
  description: curves.description,
  autosize: { type: "fit-x", contains: "padding" },
  // The label of the last epoch is wider than its tick.
  padding: { left: 0, top: 5, right: 10, bottom: 5 },
  height: 300,
  signals: [
    { name: "width", init: PLACE_WIDE, on: [{ update: PLACE_WIDE, events: "window:resize" }] },
    ...["x", "y"].flatMap((name) => [
      { name: name + "0", value: 0 }, { name: name + "1", value: 1 }, { name: name + "log", value: false },
      { name: name + "ticks", value: null }, { name: name + "title", value: "" },
    ]),
  ],
  data: TABLES.map((name) => ({ name, values: [] })),
  scales: [
    ...[["x", "width"], ["y", "height"]].map(([name, range]) => ({
      name, type: "linear", domain: [{ signal: name + "0" }, { signal: name + "1" }], range, zero: false, nice: false,
    })),
    { name: "dash", type: "ordinal", domain: Object.keys(DASHES), range: Object.values(DASHES) },
  ],
  axes: [axisOf("x", "bottom", "d", { tickMinStep: { signal: "xlog ? 1e-9 : 1" } }), axisOf("y", "left", "~g", { grid: true })],
  marks: [
    {
      name: "drawn-bands", type: "path", from: { data: "bands" }, aria: false, clip: true, interactive: false,
      encode: { update: { ...SHARES, fill: { field: "c" }, fillOpacity: opacity } },
    },
    {
      name: "drawn-rule", type: "rule", from: { data: "rule" }, aria: false, interactive: false,
      encode: {
        update: {
          x: { scale: "x", field: "e" }, y: { value: 0 }, y2: { signal: "height" }, stroke: { value: "var(--soft)" },
        },
      },
    },
    ...Object.keys(LINE_WIDTHS).map(pathsOf),
    symbolsOf("marks", {
      shape: { field: "shape" }, size: { value: 80 }, strokeWidth: { value: 1.6 }, stroke: { field: "c" },
      fill: { field: "fill" }, strokeOpacity: opacity, fillOpacity: opacity,
    }),
    symbolsOf("points", {
      size: { value: 60 }, fill: { field: "c" }, stroke: { value: "var(--paper)" }, strokeWidth: { value: 1 },
    }),
  ],
});

// The values that are marked at a logarithmic axis: few of each decade, or as at a linear axis where it is short.
function logTicks([low, high], most) {
  const decades = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) decades.push(power);
  const every = Math.ceil(decades.length / most);
  const ticks = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 5], [1, 3], [1]].map((digits) => decades
    .filter((power) => digits.length > 1 || power % every === 0)
    .flatMap((power) => digits.map((digit) => +(digit + "e" + power)))
    .filter((value) => value >= low && value <= high)).find((values) => values.length <= most) || [];
  return ticks.length > 2 ? ticks : evenTicks([low, high], most);
}

function evenTicks([low, high], most) {
  const least = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= least);
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; i += 1) ticks.push(i * step);
  return ticks.filter((value) => value > 0);
}

// Where a value lies on an axis, as a share of it; a line that leaves the plot far behind is cut.
const FAR = 1000;
const placed = ([low, high], log) => {
  const [from, to] = [bend(low, log), bend(high, log)];
  return (value) => Math.min(FAR, Math.max(-FAR, (bend(value, log) - from) / (to - from)));
};

const dots = (share) => Math.round(share * 1e5) / 1e5;

// The path through some points; where a value is missing, a line has a gap, and a point by itself is a short stroke.
function linePath(e, values, shown, x, y) {
  let path = "";
  let open = 0;
  for (let i = 0; i < e.length; i += 1) {
    if (!shown(e[i], values[i])) {
      if (open === 1) path += "h.003";
      open = 0;
      continue;
    }
    path += (open ? "L" : "M") + dots(x(e[i])) + "," + dots(1 - y(values[i]));
    open += 1;
  }
  return open === 1 ? path + "h.003" : path;
}

// The outline of what lies between two curves.
function bandPath(e, low, high, shown, x, y) {
  let path = "";
  for (let from = 0; from < e.length; from += 1) {
    let to = from;
    while (to < e.length && shown(e[to], low[to]) && shown(e[to], high[to])) to += 1;
    for (let i = from; i < to; i += 1) path += (i > from ? "L" : "M") + dots(x(e[i])) + "," + dots(1 - y(high[i]));
    for (let i = to - 1; i >= from; i -= 1) path += "L" + dots(x(e[i])) + "," + dots(1 - y(low[i]));
    if (to > from) path += "Z";
    from = to;
  }
  return path;
}
