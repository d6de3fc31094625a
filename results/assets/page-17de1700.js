"use strict";
(async () => {
// state.js: the chosen state of the page. It is kept in the address (#metric=accuracy&smooth=3), so that it survives
// a reload and can be shared. Only what differs from the start is there; variants have their names, not their places.
const drawn = JSON.parse(document.getElementById("drawn").textContent);
const { names, paths, curves } = drawn;
// The words of the page in its language; English is what is written here, and its own translation.
const WORDS = drawn.words || {};
const named = (word) => WORDS[word] ?? word;
const say = (text, values = {}) => named(text).replace(/\{(\w+)\}/g, (_, name) => values[name]);

const measures = curves ? curves.measures : [];

// A run of a variant is known by its seed; where the data are cut into folds, by seed * folds + fold.
const runWords = (run) => (drawn.folds ?
  say("{seed} fold {fold}", { seed: Math.floor(run / drawn.folds), fold: run % drawn.folds }) : String(run));

const START = {
  metric: 0,                          // the place of the measure
  logx: false, logy: null,            // whether an axis is logarithmic; null: as the measure asks
  x: null, y: null,                   // the ends of the axes; null: fitted; y may be "whole"
  smooth: 0,                          // how many epochs on each side a mean is over
  shown: curves ? curves.shown : [],  // variants with a switch of their own
  splits: ["train", "validation"], band: true, seeds: [],
  family: paths.length ? 0 : -1,      // the path that is shown as a fan
  at: -1,                             // the strength that is brought forward
  variant: -1, run: null,             // the variant that is chosen, and the number of its run
  verdict: "", sort: "",              // of the table of runs
};
const state = { ...START };
const watchers = [];                  // called with the names of what changed

const placeIn = (among) => (text) => (among.includes(text) ? among.indexOf(text) : undefined);
const whole = (low, high) => (text) =>
  (/^\d+$/.test(text) && +text >= low && +text <= high ? +text : undefined);
const ends = (text) => {
  const [from, to, ...more] = text.split("..").map((end) => (end.trim() === "" ? NaN : +end));
  return !more.length && Number.isFinite(from) && Number.isFinite(to) && from < to ? [from, to] : undefined;
};
const many = (one) => (text) =>
  (text === "" ? [] : text.split(",").map((part) => one(decodeURIComponent(part))).filter((v) => v !== undefined));
const listed = (values) => values.map((value) => String(value).replaceAll(/[%,]/g, encodeURIComponent)).join(",");
const axis = [(log) => (log ? "log" : "linear"), (text) => ({ log: true, linear: false })[text]];

// For each field: as text, and from text; what the text does not say is undefined.
const CODES = {
  metric: [(i) => measures[i].name, placeIn(measures.map((measure) => measure.name))],
  logx: axis,
  logy: axis,
  x: [(pair) => pair.join(".."), ends],
  y: [(pair) => (pair === "whole" ? pair : pair.join("..")), (text) => (text === "whole" ? text : ends(text))],
  smooth: [String, whole(0, 10)],
  shown: [(places) => listed(places.map((v) => names[v])), many(placeIn(names))],
  splits: [listed, many((text) => (START.splits.includes(text) ? text : undefined))],
  band: [(on) => (on ? "on" : "off"), (text) => ({ on: true, off: false })[text]],
  seeds: [listed, many((text) => (curves && curves.seeds.includes(+text) ? +text : undefined))],
  family: [(i) => (i < 0 ? "" : paths[i].name), (text) => (text === "" ? -1 : placeIn(paths.map((p) => p.name))(text))],
  at: [String, whole(0, 1000)],
  variant: [(v) => names[v], placeIn(names)],
  run: [String, (text) => (/^-?\d+$/.test(text) ? +text : undefined)],
  verdict: [String, String],
  sort: [String, String],
};

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function address() {
  return Object.keys(START)
    .filter((name) => !same(state[name], START[name]) && state[name] !== null)
    .map((name) => name + "=" + encodeURIComponent(CODES[name][0](state[name])).replaceAll("%2C", ","))
    .join("&");
}

function fromAddress() {
  const chosen = { ...START };
  for (const part of location.hash.slice(1).split("&")) {
    const [name, text] = part.split("=");
    if (!(name in CODES) || text === undefined) continue;
    try {
      const value = CODES[name][1](decodeURIComponent(text));
      if (value !== undefined) chosen[name] = value;
    } catch (error) {
      // An address that was torn on its way says nothing.
    }
  }
  if (chosen.family < 0 || chosen.at >= paths[chosen.family].places.length) chosen.at = -1;
  return chosen;
}

function update(change, keep = true) {
  const changed = Object.keys(change).filter((name) => !same(state[name], change[name]));
  Object.assign(state, change);
  const text = address();
  if (keep && changed.length) history.replaceState(null, "", location.href.split("#")[0] + (text ? "#" + text : ""));
  for (const watcher of watchers) watcher(changed);
}

window.addEventListener("hashchange", () => update(fromAddress(), false));

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

// charts.js: draws a chart into its place, and passes values on to it.
const VEGA = "../assets/vega.js";
const views = {};
const failed = [];
const held = {};      // what each chart's tables hold: the rows of each line as text

const groupOf = (row) => row.g ?? "";

// The rows of each line as text.
function grouped(rows) {
  const groups = Map.groupBy(rows, groupOf);
  return new Map([...groups].map(([g, own]) => [g, JSON.stringify(own)]));
}

// The embedder may write into what it is given.
const copy = (value) => JSON.parse(JSON.stringify(value));

const EMBEDDED = {
  ast: true, renderer: "svg", actions: false, tooltip: { disableDefaultStyle: true },
  // Selecting nothing is no fault: no warnings about empty extents.
  logLevel: 1,
};

async function draw(id, spec, tables) {
  const place = document.getElementById(id);
  try {
    if (!window.vegaEmbed) {
      throw new Error(
        say("{file} is missing. Keep this page in its folder of results, or make one for sending with “python -m lab export page”.",
          { file: VEGA }));
    }
    const old = views[id];
    const embedded = await vegaEmbed(place, { ...copy(spec), datasets: copy(tables) }, EMBEDDED);
    held[id] = Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, grouped(rows)]));
    if (old) old.finalize();
    views[id] = embedded.view;
    // Its place has a description; the hundred marks inside say nothing to those who do not see them.
    place.querySelector("svg").setAttribute("aria-hidden", "true");
  } catch (error) {
    place.textContent = say("This chart cannot be drawn: {why}", { why: error.message });
    place.className = "failed";
    failed.push(id);
    console.error(id, error);
  }
}

// The bundle gives no name to Vega's sets of changes; one is taken from the call that replaces a whole table.
function changeset(view, name) {
  let taken = null;
  view.pulse = (_, changes) => { taken = changes.constructor(); };
  view.data(name, []);
  delete view.pulse;
  return taken;
}

function set(id, signals, tables = {}) {
  const view = views[id];
  if (!view) return undefined;
  for (const [name, value] of Object.entries(signals)) view.signal(name, value);
  for (const [name, rows] of Object.entries(tables)) {
    const [old, now] = [held[id][name], grouped(rows)];
    // Only the lines that differ are passed on: Vega computes each point that it is given.
    const gone = new Set([...old.keys()].filter((g) => old.get(g) !== now.get(g)));
    const come = [...now.keys()].filter((g) => old.get(g) !== now.get(g));
    if (!gone.size && !come.length) continue;
    const change = changeset(view, name).remove((row) => gone.has(groupOf(row)));
    view.change(name, change.insert(come.flatMap((g) => JSON.parse(now.get(g)))));
    held[id][name] = now;
  }
  return view.runAsync();
}

// curves.js: the chart over the epochs: makes its rows for the chosen state, fits its axes and draws it.
let hovered = -1;     // the variant whose name is under the mouse or has the focus
let embeddedAs = "";  // measure and scales of the chart that is drawn now
let fitted = null;    // the ends of the axes that are drawn now

const measure = () => measures[state.metric];
const isLog = () => (state.logy === null ? measure().log : state.logy);
const path = () => (state.family < 0 ? null : paths[state.family]);
const fan = () => (path() ? path().places.filter((v) => v > 0) : []);
const shownVariants = () => [...state.shown, ...fan().filter((v) => !state.shown.includes(v))];
const hue = (v) => "var(--v" + v + ")";

function front() {
  if (hovered >= 0 && (hovered === state.variant || shownVariants().includes(hovered))) return hovered;
  if (state.variant >= 0) return state.variant;
  return path() && state.at >= 0 ? path().places[state.at] : -1;
}

// The chosen run, where the page has its curve.
function chosenRun() {
  const chosen = (run) => run.v === state.variant && run.s === state.run;
  const there = state.splits.some((split) => measure()[split] && singles(measure()[split]).some(chosen));
  return state.run !== null && there ? state.variant + ":" + state.run : "";
}

// The lines of the chosen measure: one per split, variant and part.
function drawnLines() {
  const seen = new Set([...shownVariants(), ...(state.variant >= 0 ? [state.variant] : [])]);
  return state.splits.filter((split) => measure()[split]).flatMap((split) =>
    medians(measure()[split]).filter((part) => seen.has(part.v)).map((part, i) => ({
      ...part, split, group: split + part.v + "." + i, smooth: smoothed(part.m, state.smooth),
    })));
}

function drawnSeeds() {
  const seen = new Set(shownVariants());
  return state.splits.filter((split) => measure()[split]).flatMap((split) =>
    singles(measure()[split]).filter((run) =>
      (state.seeds.includes(run.s) && seen.has(run.v)) || run.v + ":" + run.s === chosenRun(),
    ).map((run) => ({ ...run, split })));
}

// A value that a scale cannot show is left out, and leaves a gap in the line.
const fits = (value, log) => value !== null && (!log || value > 0);

// The rows of the chart, made once for each state.
let rowsMade = { of: "" };
function tables() {
  const of = JSON.stringify([state, front()]);
  if (rowsMade.of !== of) rowsMade = { of, rows: makeTables() };
  return rowsMade.rows;
}

function makeTables() {
  const lines = drawnLines();
  const row = (line, i, y) =>
    ({ v: line.v, g: line.group, c: hue(line.v), split: line.split, w: line.whole, e: line.e[i], y });
  const points = (line, values) => values.flatMap((value, i) =>
    (fits(value, isLog()) && fits(line.e[i], state.logx) ? [row(line, i, value)] : []));
  const banded = new Set([...state.shown, front()]);
  const bands = lines.filter((line) =>
    state.band && banded.has(line.v) && (line.split === "validation" || !measure().validation));
  return {
    bands: bands.flatMap((line) => line.e.flatMap((e, i) =>
      (fits(line.lo[i], isLog()) && fits(line.hi[i], isLog()) && fits(e, state.logx)
        ? [{ v: line.v, g: line.group, c: hue(line.v), e, lo: line.lo[i], hi: line.hi[i] }] : []))),
    raw: state.smooth ? lines.flatMap((line) => points(line, line.m)) : [],
    lines: lines.flatMap((line) => points(line, line.smooth)),
    singles: drawnSeeds().flatMap((run) => run.e.flatMap((e, i) =>
      (fits(run.y[i], isLog()) && fits(e, state.logx) ? [{
        v: run.v, r: run.v + ":" + run.s, g: run.split + run.v + ":" + run.s, c: hue(run.v), split: run.split, e, y: run.y[i],
      }] : []))),
    marks: marks(lines),
    points: [],
    rule: [],
  };
}

// The kept epoch and the onset, on the validation curve of the chosen measure.
function marks(lines) {
  return curves.marks.flatMap(([v, mark, e]) => {
    const line = lines.find((one) => one.v === v && one.split === "validation" && one.e.includes(e));
    const y = line ? line.smooth[line.e.indexOf(e)] : null;
    return fits(y, isLog()) ? [{ v, mark, k: drawn.markers[v], c: hue(v), e, y }] : [];
  });
}

// The ends of the axes: as chosen, or fitted to what is drawn.
function axes(rows) {
  const epochs = gridded().flatMap((grid) => [grid[0], grid[grid.length - 1]]).filter((e) => fits(e, state.logx));
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
  const x = state.x || [first, last > first ? last : first + 1];
  let y = state.y === "whole" || !measure().focus ? measure().axis : measure().focus;
  if (Array.isArray(state.y)) y = state.y;
  else if (isLog() && !measure().log) {
    const values = [...rows.lines, ...rows.raw].map((row) => row.y);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = values.length && high > low ? (high / low) ** 0.04 : 2;
    y = values.length ? [low / room, high * room] : [0.1, 1];
  }
  // A logarithmic axis cannot begin at 0 or below.
  const above = (pair, log) => (log && pair[0] <= 0 ? [Math.min(1e-3, pair[1] / 1e3), Math.max(pair[1], 1)] : pair);
  return { x: above(x, state.logx), y: above(y, isLog()) };
}

function signals() {
  const { x, y } = fitted;
  // A little room, so that marks at the first and last epoch are whole.
  const room = state.logx ? 0 : 0.012 * (x[1] - x[0]);
  return { x0: x[0] - room, x1: x[1] + room, y0: y[0], y1: y[1] };
}

const SINGLE = { usual: 0.9, chosen: 2.6 };  // the width of the line of a run

// How each row of a table is drawn: paler behind what is brought forward.
function emphasis() {
  const [first, run] = [front(), chosenRun()];
  return (table, row) => {
    const { usual, behind, fewer } = curves.opacity[table];
    const chosen = run && row.r === run;
    const pale = run || (first >= 0 && row.v !== first);
    const width = table === "singles" ? { width: chosen ? SINGLE.chosen : SINGLE.usual } : {};
    return { opacity: chosen ? 1 : pale ? behind : fewer && !row.w ? fewer : usual, ...width };
  };
}

// Makes paler what is drawn and not brought forward.
function fade() {
  if (!views.curves) return;
  const looks = emphasis();
  for (const shape of chart.querySelectorAll("g.mark-line path, g.mark-area path, g.mark-symbol path")) {
    const { datum, mark } = shape.__data__;
    const layer = /layer_(\d+)_/.exec(mark.name);
    const table = layer && curves.spec.layer[layer[1]].data.name;
    if (!(table in curves.opacity)) continue;
    const { opacity, width } = looks(table, datum);
    shape.setAttribute("opacity", opacity);
    if (width) shape.setAttribute("stroke-width", width);
  }
}

// The specification with the chosen measure and scales.
function curvesSpec() {
  const spec = copy(curves.spec);
  // Vega labels the chart with it.
  spec.description = spec.description.replace(named(measures[0].name), named(measure().name));
  // A logarithmic scale knows no zero, and warns where one is spoken of.
  const scaled = (scale, log) => {
    scale.type = log ? "log" : "linear";
    if (log) delete scale.zero;
  };
  for (const { encoding } of spec.layer) {
    scaled(encoding.x.scale, state.logx);
    if (!encoding.y) continue;
    scaled(encoding.y.scale, isLog());
    encoding.y.title = named(measure().name);
  }
  for (const parameter of spec.params) if (parameter.name in signals()) parameter.value = signals()[parameter.name];
  return spec;
}

function emptiness(rows) {
  if (!shownVariants().length && state.variant < 0) return say("No variant is shown. Switch one on, or “show all”.");
  if (!state.splits.some((split) => measure()[split])) {
    return state.splits.length ?
      say("“{metric}” has no such line. Switch on train or validation.", { metric: named(measure().name) }) :
      say("No line is shown. Switch on train or validation.");
  }
  if (!rows.lines.length && isLog()) return say("A logarithmic axis shows values above 0, and here there are none.");
  if (!rows.lines.length) return say("The variants that are shown have no number to draw here: their runs diverged.");
  const { x, y } = fitted;
  // A line counts from point to point, for it may cross a part in which no point of it lies.
  const crosses = (row, i, all) => {
    const next = all[i + 1] && all[i + 1].g === row.g ? all[i + 1] : row;
    return row.e <= x[1] && next.e >= x[0] && Math.min(row.y, next.y) <= y[1] && Math.max(row.y, next.y) >= y[0];
  };
  const some = rows.lines.some(crosses) || rows.singles.some(crosses);
  return some ? "" : say("Nothing lies in this part of the axes. Reset them.");
}

async function drawCurves() {
  const rows = tables();
  fitted = axes(rows);
  const as = [state.metric, state.logx, isLog()].join();
  if (as !== embeddedAs) {
    embeddedAs = as;
    await draw("curves", curvesSpec(), rows);
  }
  await set("curves", signals(), rows);
  fade();
  const empty = document.getElementById("empty");
  empty.textContent = emptiness(rows);
  empty.hidden = !empty.textContent;
}

// Brings a variant forward for as long as its name has the mouse or the focus.
function bringForward(v) {
  if (hovered === v) return;
  hovered = v;
  if (!views.curves) return;
  // The one in front has a band, which is in the rows.
  if (path()) set("curves", {}, { bands: tables().bands }).then(fade);
  else fade();
}

// zoom.js: zooms into the chart over the epochs by dragging a box, with the wheel, by key or by typing the ends.
const chart = document.getElementById("curves");

const bend = (value, log) => (log ? Math.log(value) : value);
const unbend = (value, log) => (log ? Math.exp(value) : value);

// Where the plot is on the screen, and which value lies at a share of an axis.
const plot = () => chart.querySelector("svg g.root > g > path.background").getBoundingClientRect();
function valueAt([from, to], share, log) {
  const [low, high] = [bend(from, log), bend(to, log)];
  return unbend(low + share * (high - low), log);
}

function sharesOf(event) {
  const box = plot();
  return [(event.clientX - box.left) / box.width, (box.bottom - event.clientY) / box.height];
}

// Numbers in the address need no more digits than the screen has dots.
const rounded = (pair) => pair.map((end) => +end.toPrecision(4));

// Sets the axes to the parts of them between two shares.
function zoomTo(x, y) {
  const change = {};
  if (x) change.x = rounded(x.map((share) => valueAt(fitted.x, share, state.logx)));
  if (y) change.y = rounded(y.map((share) => valueAt(fitted.y, share, isLog())));
  // The chart has no finer part than a few epochs.
  if (x && change.x[1] - change.x[0] < 1) delete change.x;
  if (y && !(change.y[0] < change.y[1])) delete change.y;
  update(change);
}

const resetAxes = () => update({ x: null, y: null });

// A factor below 1 zooms in around a point of the plot.
function zoomBy(factor, [x, y], both = true) {
  const around = (share) => [share - share * factor, share + (1 - share) * factor];
  zoomTo(around(x), both ? around(y) : null);
}

function zooming() {
  let from = null;
  const brush = document.createElement("div");
  brush.className = "brush";
  brush.hidden = true;
  chart.parentElement.append(brush);

  // A drag along one axis zooms that axis only.
  const parts = (event) => {
    const across = Math.abs(event.clientX - from.clientX) > 8;
    const up = Math.abs(event.clientY - from.clientY) > 8;
    const [a, b] = [sharesOf(from), sharesOf(event)];
    const part = (i) => [a[i], b[i]].map((share) => Math.min(1, Math.max(0, share))).sort((p, q) => p - q);
    return { x: across ? part(0) : null, y: up ? part(1) : null };
  };

  chart.addEventListener("pointerdown", (event) => {
    const [x, y] = views.curves ? sharesOf(event) : [-1, -1];
    if (event.pointerType !== "mouse" || event.button || x < 0 || x > 1 || y < 0 || y > 1) return;
    from = event;
    chart.setPointerCapture(event.pointerId);
  });
  chart.addEventListener("pointermove", (event) => {
    if (!from) return;
    const { x, y } = parts(event);
    const box = plot();
    const outer = chart.parentElement.getBoundingClientRect();
    brush.hidden = !x && !y;
    const [left, right] = x || [0, 1];
    const [low, high] = y || [0, 1];
    brush.style.left = box.left - outer.left + left * box.width + "px";
    brush.style.width = (right - left) * box.width + "px";
    brush.style.top = box.top - outer.top + (1 - high) * box.height + "px";
    brush.style.height = (high - low) * box.height + "px";
  });
  chart.addEventListener("pointerup", (event) => {
    if (!from) return;
    const { x, y } = parts(event);
    from = null;
    brush.hidden = true;
    if (x || y) zoomTo(x, y);
    else choose(nearestVariant(event));
  });
  chart.addEventListener("pointercancel", () => {
    from = null;
    brush.hidden = true;
  });
  chart.addEventListener("dblclick", resetAxes);
  chart.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoomBy(Math.exp(Math.sign(event.deltaY) * 0.2), sharesOf(event));
  }, { passive: false });
  chart.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowUp: [0, 0.2], ArrowDown: [0, -0.2] };
    if (event.key === "+" || event.key === "=") zoomBy(0.7, [0.5, 0.5]);
    else if (event.key === "-") zoomBy(1 / 0.7, [0.5, 0.5]);
    else if (event.key === "0") resetAxes();
    else if (event.shiftKey && event.key in moves) {
      const [x, y] = moves[event.key];
      zoomTo(x ? [x, 1 + x] : null, y ? [y, 1 + y] : null);
    } else return;
    event.preventDefault();
  });
}

// compare.js: compares all shown variants at one epoch, under the mouse or chosen with the arrow keys.
const MOST_COMPARED = 12;
const panel = document.getElementById("compared-at");
let comparedAt = null;

// All drawn lines at the drawn epoch nearest to one, those of the highest values first.
function comparisonAt(epoch) {
  const lines = drawnLines();
  const epochs = [...new Set(lines.flatMap((line) => line.e))];
  if (!epochs.length) return null;
  const nearest = epochs.reduce((best, e) => (Math.abs(e - epoch) < Math.abs(best - epoch) ? e : best));
  const variants = new Map();
  const points = [];
  for (const line of lines) {
    const i = line.e.indexOf(nearest);
    const value = i < 0 ? null : line.smooth[i];
    if (value === null) continue;
    if (!variants.has(line.v)) variants.set(line.v, { v: line.v, n: line.n[i] });
    variants.get(line.v)[line.split] = value;
    if (fits(value, isLog())) points.push({ v: line.v, c: hue(line.v), e: nearest, y: value });
  }
  const by = (row) => row.validation ?? row.train;
  return { epoch: nearest, rows: [...variants.values()].sort((a, b) => by(b) - by(a)), points };
}

function nearestVariant(event) {
  const [x, y] = sharesOf(event);
  const found = comparisonAt(valueAt(fitted.x, x, state.logx));
  const height = (value) => {
    const [low, high] = fitted.y.map((end) => bend(end, isLog()));
    return (bend(value, isLog()) - low) / (high - low);
  };
  const near = (found ? found.points : []).map((point) => [Math.abs(height(point.y) - y), point.v]);
  near.sort((a, b) => a[0] - b[0]);
  return near.length && near[0][0] < 0.06 ? near[0][1] : -1;
}

function showComparison(epoch, left) {
  const found = comparisonAt(epoch);
  if (!found || !found.rows.length) return hideComparison();
  comparedAt = found.epoch;
  set("curves", {}, { rule: [{ e: found.epoch }], points: found.points });
  const splits = state.splits.filter((split) => measure()[split]);
  const cell = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  head.append(cell("th", say("epoch {epoch}", { epoch: found.epoch })), ...splits.map((split) => cell("th", named(split))));
  const body = table.createTBody();
  // The one in front is among the rows whatever its value.
  const first = found.rows.filter((row) => row.v === front());
  const listed = [...first, ...found.rows.filter((row) => row.v !== front())].slice(0, MOST_COMPARED);
  for (const row of found.rows.filter((one) => listed.includes(one))) {
    const tr = body.insertRow();
    if (row.v === front()) tr.className = "front";
    const name = cell("th", "");
    name.append(swatch(row.v), names[row.v]);
    tr.append(name, ...splits.map((split) => cell("td", said(row[split]))));
  }
  panel.replaceChildren(table);
  const more = found.rows.length - listed.length;
  if (more) panel.append(cell("p", say("and {count} more", { count: more })));
  panel.classList.toggle("left", left);
  panel.hidden = false;
  return found;
}

function hideComparison() {
  if (comparedAt === null) return;
  comparedAt = null;
  panel.hidden = true;
  set("curves", {}, { rule: [], points: [] });
}

// The marker of a variant in its colour, as the pills have it.
function swatch(v) {
  const own = document.querySelector('svg.swatch[data-v="' + v + '"]');
  return own ? own.cloneNode(true) : "";
}

function comparing() {
  const compare = (event) => {
    if (!views.curves || (event.buttons && event.pointerType === "mouse")) return hideComparison();
    const [x, y] = sharesOf(event);
    if (x < 0 || x > 1 || y < 0 || y > 1) return hideComparison();
    // The panel keeps away from the mouse.
    return showComparison(valueAt(fitted.x, x, state.logx), x > 0.5);
  };
  chart.addEventListener("pointermove", compare);
  // A finger touches the chart and leaves it; what it asked for stays until it touches something else.
  chart.addEventListener("pointerdown", (event) => { if (event.pointerType !== "mouse") compare(event); });
  chart.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hideComparison(); });
  chart.addEventListener("blur", hideComparison);
  chart.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hideComparison();
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [from, to] = fitted.x;
    const epochs = [...new Set(gridded().flat())].filter((e) => e >= from && e <= to).sort((a, b) => a - b);
    if (!epochs.length) return;
    const now = epochs.findIndex((e) => e >= (comparedAt ?? (from + to) / 2));
    const next = epochs[Math.min(epochs.length - 1, Math.max(0, comparedAt === null ? now : now + way))];
    const found = showComparison(next, next > (from + to) / 2);
    if (!found) return;
    const told = found.rows.slice(0, MOST_COMPARED).map((row) => names[row.v] + ": " + state.splits
      .filter((split) => row[split] !== undefined).map((split) => named(split) + " " + said(row[split])).join(", "));
    document.getElementById("said").textContent = say("Epoch {epoch}. {values}", { epoch: found.epoch, values: told.join("; ") });
  });
}

// controls.js: the controls of the charts: what they change in the state, and how they show it.
const form = document.getElementById("controls");
const inputs = (selector) => (form ? [...form.querySelectorAll(selector)] : []);

// A choice of a variant by its name, its curve or its row; the same once more takes it back.
function choose(v, run = null) {
  if (v < 0 && state.variant < 0) return;
  const again = state.variant === v && state.run === run;
  update({ variant: again ? -1 : v, run: again ? null : run });
}

const strengthSays = () =>
  (state.at < 0 ? say("all {count} strengths", { count: path().places.length }) : path().says[state.at]);

function showControls() {
  for (const input of inputs("[data-state]")) {
    const { state: name } = input.dataset;
    if (input.type === "checkbox") input.checked = name === "logy" ? isLog() : state[name];
    else if (input.type === "radio") input.checked = state[name] === +input.value;
    else input.value = name === "at" ? state.at + 1 : state[name];
  }
  for (const input of inputs("[data-list]")) input.checked = state[input.dataset.list].includes(valueOf(input));
  for (const input of inputs("[data-end]")) {
    const [name, end] = input.dataset.end;
    // What is being typed stays as it is.
    if (input !== document.activeElement) input.value = +fitted[name][+end].toPrecision(4);
    input.removeAttribute("aria-invalid");
  }
  for (const input of inputs("[data-whole]")) input.checked = state.y === "whole";
  const reset = document.getElementById("reset");
  if (reset) reset.disabled = state.x === null && state.y === null;
  const smooth = document.getElementById("smooth-said");
  if (smooth) {
    smooth.value = state.smooth ? say("mean of {count}", { count: 2 * state.smooth + 1 }) : say("off");
    inputs("[data-state=smooth]")[0].setAttribute("aria-valuetext", smooth.value);
  }
  showFan();
  showPicked(document);
}

// Shows which name is pressed: that of the chosen variant, or of its chosen run.
function showPicked(within) {
  for (const button of within.querySelectorAll("button.pick")) {
    const { v, run } = button.dataset;
    const pressed = String(+v === state.variant && (run === undefined ? state.run === null : +run === state.run));
    if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
  }
}

function showFan() {
  const slider = document.getElementById("at");
  if (!slider) return;
  document.getElementById("fan").hidden = !path();
  if (!path()) return;
  slider.max = path().places.length;
  slider.value = state.at + 1;
  slider.setAttribute("aria-valuetext", strengthSays());
  document.getElementById("at-said").value = strengthSays();
  const ramp = document.getElementById("ramp");
  ramp.replaceChildren(...path().places.map((v) => {
    const step = document.createElement("span");
    step.style.background = hue(v);
    return step;
  }));
  const [weakest, strongest] = document.querySelectorAll("#fan .end");
  [weakest.textContent, strongest.textContent] = path().ends;
}

const valueOf = (input) => (input.dataset.list === "splits" ? input.value : +input.value);

function changed(input) {
  const { state: name, list, end } = input.dataset;
  if (list) {
    update({ [list]: inputs(`[data-list="${list}"]:checked`).map(valueOf) });
  } else if ("whole" in input.dataset) {
    update({ y: input.checked ? "whole" : null });
  } else if (end) {
    const pair = ["0", "1"].map((place) => inputs(`[data-end="${end[0]}${place}"]`)[0].value);
    const [from, to] = pair.map((text) => (text === "" ? NaN : +text));
    const log = end[0] === "x" ? state.logx : isLog();
    // While a number is typed, the ends may be in no order; then the axis waits.
    const right = from < to && (!log || from > 0);
    if (right) update({ [end[0]]: [from, to] });
    input.setAttribute("aria-invalid", !right);
  } else if (name === "metric") {
    update({ metric: +input.value, logy: null, y: null });
  } else if (name === "family") {
    update({ family: +input.value, at: -1 });
  } else if (name === "at") {
    update({ at: +input.value - 1 });
  } else {
    const log = name === "logx" ? { x: null } : name === "logy" ? { y: null } : {};
    update({ [name]: input.type === "checkbox" ? input.checked : +input.value, ...log });
  }
}

function controlling() {
  form.addEventListener("input", (event) => changed(event.target));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("focusout", showControls);
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { all, none, save } = button.dataset;
    if (all) {
      // All variants are those with a switch of their own and a fan; one that was switched off comes back.
      const fan = all === "shown" && !path() && paths.length ? { family: START.family, at: -1 } : {};
      update({ [all]: inputs(`[data-list="${all}"]`).map(valueOf), ...fan });
    }
    if (none) update({ [none]: [], ...(none === "shown" ? { family: -1, at: -1, variant: -1, run: null } : {}) });
    if (button.id === "reset") resetAxes();
    if (save) saving[save]();
  });
}

// Names anywhere on the page bring their variant forward while the mouse or the focus is on them.
function naming() {
  const named = (event) => event.target.closest && event.target.closest("[data-v]:not(svg)");
  for (const type of ["pointerover", "focusin"]) {
    document.addEventListener(type, (event) => bringForward(named(event) ? +named(event).dataset.v : -1));
  }
  document.addEventListener("focusout", () => bringForward(-1));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.pick");
    if (button) choose(+button.dataset.v, button.dataset.run === undefined ? null : +button.dataset.run);
  });
}

// save.js: the chart over the epochs as PNG, SVG and CSV, and as a line of pandas that makes its numbers.
const fileName = (kind) => [drawn.name, measure().name.replaceAll(" ", "_")].join("-") + "." + kind;

function download(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  tell(say("Saved as {name}.", { name }));
}

const tell = (text) => { document.getElementById("saved").textContent = text; };

// A colour of the style sheet as an image needs it.
function resolved(text) {
  const probe = document.createElement("i");
  document.body.append(probe);
  const made = text.replaceAll(/var\(--[a-z0-9]+\)/g, (name) => {
    probe.style.color = name;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return made;
}

function wrapped(text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if ((lines.at(-1) + " " + word).length > width) lines.push(word);
    else lines[lines.length - 1] = (lines.at(-1) + " " + word).trim();
  }
  return lines;
}

// The chart with a title, a legend and a ground, for it is on its own in a file.
async function picture() {
  const looks = emphasis();
  const rows = Object.fromEntries(Object.entries(tables()).map(([name, own]) =>
    [name, name in curves.opacity ? own.map((row) => ({ ...row, ...looks(name, row) })) : own]));
  const spec = curvesSpec();
  for (const { data, encoding } of spec.layer) {
    if (data.name in curves.opacity) encoding.opacity = { field: "opacity", type: "quantitative", scale: null };
    if (data.name === "singles") encoding.strokeWidth = { field: "width", type: "quantitative", scale: null };
  }
  const seen = [...new Set(rows.lines.map((row) => row.v))];
  const bottom = { title: null, orient: "bottom", symbolType: "stroke", symbolSize: 300, symbolStrokeWidth: 2 };
  const black = { labelColor: "var(--ink)", symbolStrokeColor: "var(--ink)" };
  // The legend is a layer of its own: those of the lines would be as pale as what is behind the one in front.
  spec.resolve = { legend: { color: "independent", strokeDash: "independent" } };
  spec.layer.push({
    data: { name: "legend" },
    mark: { type: "line" },
    encoding: {
      color: {
        field: "name", type: "nominal", scale: { domain: seen.map((v) => names[v]), range: seen.map(hue) },
        legend: { ...bottom, columns: 5, labelLimit: 180, labelColor: "var(--ink)" },
      },
      strokeDash: {
        ...spec.layer[curves.tables.indexOf("lines")].encoding.strokeDash, legend: { ...bottom, ...black },
      },
    },
  });
  Object.assign(spec, {
    width: 760, height: 400, padding: 18, autosize: "pad", background: "var(--paper)", datasets: { ...rows, legend: [] },
    title: { text: wrapped(drawn.title, 80), anchor: "start", color: "var(--ink)", fontSize: 16, offset: 14 },
  });
  const place = document.createElement("div");
  const embedded = await vegaEmbed(place, JSON.parse(resolved(JSON.stringify(spec))), { ...EMBEDDED, renderer: "none" });
  return embedded.view;
}

const quoted = (text) => (/[",\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);

// What is drawn, one row per epoch of a median or of a single seed.
function csv() {
  const rows = [["variant", "measured_on", "seed", "epoch", measure().name, "lower_quartile", "upper_quartile", "runs"]];
  for (const line of drawnLines()) {
    line.e.forEach((e, i) =>
      rows.push([names[line.v], line.split, "median", e, line.m[i], line.lo[i], line.hi[i], line.n[i]]));
  }
  for (const run of drawnSeeds()) {
    run.e.forEach((e, i) => rows.push([names[run.v], run.split, runWords(run.s), e, run.y[i], "", "", 1]));
  }
  return rows.map((row) => row.map((cell) => quoted(String(cell ?? ""))).join(",") + "\n").join("");
}

// A text as Python writes it: JSON's escapes are Python's too.
const python = (text) => JSON.stringify(text);

// Where the table of histories is: pandas reads a path or an address.
function historiesAt() {
  if (form.dataset.single !== undefined) return drawn.histories;
  const at = new URL(drawn.histories, location.href.split("#")[0]);
  return at.protocol === "file:" ? decodeURIComponent(at.pathname).replace(/^\/(?=[A-Z]:)/, "") : at.href;
}

function pandas() {
  const variants = shownVariants();
  const folds = drawn.folds;
  const lost = curves.diverged.filter(([v]) => variants.includes(v)).map(([v, run]) =>
    `(${[python(names[v]), ...(folds ? [Math.floor(run / folds), run % folds] : [run])].join(", ")})`);
  const keys = ["variant", "seed", ...(folds ? ["fold"] : [])].map(python).join(", ");
  const columns = state.splits.map((split) => measure()[split]).filter(Boolean);
  return [
    `pd.read_csv(${python(historiesAt())}, dtype={"variant": str})`,
    columns.includes("gap") ? '.assign(gap=lambda t: t["val_data_loss"] - t["train_data_loss"])' : "",
    `.loc[lambda t: t["variant"].isin([${variants.map((v) => python(names[v])).join(", ")}])]`,
    // A run that diverged is in no median.
    lost.length ? `.loc[lambda t: ~t.set_index([${keys}]).index.isin([${lost.join(", ")}])]` : "",
    `.groupby(["variant", "epoch"], sort=False)[[${columns.map(python).join(", ")}]].median().unstack("variant")`,
  ].join("");
}

const saving = {
  svg: async () => download(new Blob([await (await picture()).toSVG()], { type: "image/svg+xml" }), fileName("svg")),
  png: async () => (await (await picture()).toCanvas(2)).toBlob((blob) => download(blob, fileName("png"))),
  csv: async () => download(new Blob([csv()], { type: "text/csv" }), fileName("csv")),
  pandas: async () => {
    const line = document.getElementById("pandas");
    line.value = pandas();
    line.parentElement.hidden = false;
    line.select();
    try {
      await navigator.clipboard.writeText(line.value);
      tell(say("Copied."));
    } catch (error) {
      // A browser that does not let a page write to the clipboard lets a person.
      tell(say("Copy the selected line."));
    }
  },
};

// table.js: sorts a table by the column whose heading is pressed: ascending, descending, and as it was.
const collator = new Intl.Collator("en", { numeric: true });
const ORDERS = { none: "ascending", ascending: "descending", descending: "none" };

// Compares by what `key` returns of each; an unknown value, "", comes last in both directions.
function byKey(key, isNumber, order) {
  return (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === "" || y === "") return (x === "") - (y === "");
    return (order === "descending" ? -1 : 1) * (isNumber ? x - y : collator.compare(x, y));
  };
}

function sortRows(table, column, order) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, i) => { head.ariaSort = i === column ? order : "none"; });
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => a.dataset.place - b.dataset.place);
  if (column >= 0 && order !== "none") {
    rows.sort(byKey((row) => row.cells[column].dataset.key, heads[column].classList.contains("number"), order));
  }
  body.append(...rows);
}

function sortable(table) {
  [...table.tBodies[0].rows].forEach((row, place) => { row.dataset.place = place; });
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => sortRows(table, column, ORDERS[head.ariaSort]));
  });
}

// A table that is wider than its place says so.
function scrolling() {
  const seen = new ResizeObserver((boxes) => {
    for (const { target } of boxes) target.classList.toggle("wider", target.scrollWidth > target.clientWidth + 1);
  });
  for (const box of document.querySelectorAll(".scroll")) seen.observe(box);
}

// runs.js: the table of all runs: made when it is first unfolded, filtered and sorted by the state.
const runs = drawn.runs;
const runsFold = document.getElementById("runs");
const runsTable = document.getElementById("runs-table");

const runsHeads = () => [
  { heading: "variant", meaning: say("pressed, its curve comes forward") },
  { heading: "seed", meaning: say("of the run"), decimals: 0 },
  ...runs.columns,
];

// Whole numbers, as of parameters, are exact below 2 ** 53; losses of a model that went astray are written short.
function runNumber(value, decimals) {
  const long = Math.abs(value) >= (decimals ? 1e6 : 2 ** 53);
  return (long ? value.toExponential(2) : value.toFixed(decimals)).replaceAll("-", "\u2212");
}

function runCell(column, value) {
  const cell = document.createElement("td");
  cell.dataset.key = value ?? "";
  if (column.decimals === undefined) cell.textContent = named(value);
  else {
    cell.className = "number";
    cell.textContent = value === null ? "" : runNumber(value, column.decimals);
  }
  return cell;
}

function makeHeads() {
  const heads = runsHeads();
  const head = runsTable.tHead.insertRow();
  heads.forEach(({ heading, meaning, decimals }, column) => {
    const th = document.createElement("th");
    th.scope = "col";
    th.ariaSort = "none";
    if (decimals !== undefined) th.className = "number";
    const button = Object.assign(document.createElement("button"), { type: "button", title: named(meaning), textContent: named(heading) });
    button.append(Object.assign(document.createElement("span"), { className: "arrow", ariaHidden: "true" }));
    button.addEventListener("click", () => {
      const order = ORDERS[th.ariaSort];
      update({ sort: order === "none" ? "" : (order === "descending" ? "-" : "") + heads[column].heading });
    });
    th.append(button);
    head.append(th);
  });
}

const runRows = [];  // each made when it is first listed

function runRow(i) {
  if (runRows[i]) return runRows[i];
  const v = runs.variant[i];
  const row = document.createElement("tr");
  const th = Object.assign(document.createElement("th"), { scope: "row" });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "pick name" });
  const run = runs.run ? runs.run[i] : runs.seed[i];
  Object.assign(button.dataset, { v, run });
  button.setAttribute("aria-label", say("{variant}, seed {seed}", { variant: names[v], seed: runWords(run) }));
  button.append(swatch(v), Object.assign(document.createElement("span"), { textContent: names[v] }));
  th.append(button);
  row.append(th, runCell(runsHeads()[1], runs.seed[i]), ...runs.columns.map((column) => runCell(column, column.values[i])));
  row.dataset.v = v;
  return (runRows[i] = row);
}

// The runs that fit, in the chosen order.
function runsInOrder(fits) {
  const heads = runsHeads();
  const descending = state.sort.startsWith("-");
  const column = heads.findIndex(({ heading }) => heading === state.sort.slice(descending ? 1 : 0));
  const places = runs.seed.map((_, i) => i).filter((i) => fits(i));
  const order = column < 0 ? "none" : descending ? "descending" : "ascending";
  [...runsTable.tHead.rows[0].cells].forEach((head, i) => { head.ariaSort = i === column ? order : "none"; });
  if (column < 0) return places;
  const values = column === 0 ? runs.variant.map((v) => names[v]) : column === 1 ? runs.seed : heads[column].values;
  return places.sort(byKey((i) => values[i] ?? "", heads[column].decimals !== undefined, order));
}

// A browser lays out a few hundred rows at once; the others come when the table is scrolled towards its end.
const AT_ONCE = 100;
let inOrder = [];

function listMore() {
  const body = runsTable.tBodies[0];
  body.append(...inOrder.slice(body.rows.length, body.rows.length + AT_ONCE).map(runRow));
  showPicked(body);
}

function showRuns() {
  const verdicts = runs.columns.find((column) => column.decimals === undefined);
  const fits = (i) => (state.variant < 0 || runs.variant[i] === state.variant) &&
    (!state.verdict || !verdicts || verdicts.values[i] === state.verdict);
  const count = runs.seed.filter((_, i) => fits(i)).length;
  const all = runs.seed.length;
  document.getElementById("runs-count").textContent = count < all ? say("{count} of {all} runs", { count, all }) :
    all === 1 ? say("{count} run", { count: all }) : say("{count} runs", { count: all });
  document.getElementById("runs-variant").value = state.variant;
  const verdict = document.getElementById("runs-verdict");
  if (verdict) verdict.value = state.verdict;
  document.getElementById("runs-all").hidden = count === all;
  if (!runsFold.open) return;
  if (!runsTable.tHead.rows.length) makeHeads();
  const now = runsInOrder(fits);
  document.getElementById("runs-none").hidden = count > 0;
  if (inOrder.length && same(now, inOrder)) return;
  inOrder = now;
  runsTable.ariaRowCount = String(count + 1);
  // A run that is chosen keeps its focus.
  const focused = document.activeElement;
  runsTable.tBodies[0].replaceChildren();
  listMore();
  if (runsTable.contains(focused)) focused.focus({ preventScroll: true });
}

function listing() {
  runsFold.open = runs.open || state.run !== null || state.sort !== "" || state.verdict !== "";
  runsFold.addEventListener("toggle", () => {
    showRuns();
    showControls();
  });
  runsFold.addEventListener("input", (event) => {
    if (event.target.id === "runs-variant") update({ variant: +event.target.value, run: null });
    if (event.target.id === "runs-verdict") update({ verdict: event.target.value });
  });
  const box = runsTable.parentElement;
  box.addEventListener("scroll", () => {
    if (box.scrollTop + 2 * box.clientHeight > box.scrollHeight) listMore();
  }, { passive: true });
  document.getElementById("runs-all").addEventListener("click", () => update({ variant: -1, run: null, verdict: "" }));
}

// reliability.js: the reliability curve of the chosen variant, drawn once its panel is unfolded.
const reliabilityFold = document.getElementById("reliability");
let reliabilityOf = null;             // the place of the variant whose curve is drawn

async function showReliability() {
  if (!reliabilityFold || !reliabilityFold.open) return;
  const { spec, curves: of } = drawn.reliability;
  const v = state.variant in of ? state.variant : +Object.keys(of)[0];
  document.getElementById("reliability-variant").value = v;
  if (v === reliabilityOf) return;
  reliabilityOf = v;
  await draw("reliability-curve", spec, { reliability: of[v] });
}

function unfolding() {
  if (!reliabilityFold) return;
  reliabilityFold.addEventListener("toggle", showReliability);
  reliabilityFold.addEventListener("input", (event) => update({ variant: +event.target.value, run: null }));
}

// live.js: a page that `watch` serves asks how far the runs are, and takes over what came since it was drawn.
const EVERY = 1000;

// What was there before keeps its place: only what the runs changed is taken over.
async function takeOver(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const data = JSON.parse(fresh.getElementById("drawn").textContent);
  const shape = (one) => JSON.stringify([one.names, one.curves && [one.curves.seeds, one.curves.measures.map((m) => m.name)],
    one.paths.map((path) => path.name), !one.forest, !one.pairs, one.runs.columns.map((column) => column.heading)]);
  // Another chart or switch is another page; its address keeps what is chosen.
  if (shape(data) !== shape(drawn)) return location.reload();
  for (const part of [".answer", ".glance", "table.sortable tbody"]) {
    const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
    if (old && now && old.innerHTML !== now.innerHTML) old.replaceWith(document.adoptNode(now));
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tBodies[0].rows].forEach((row, place) => { row.dataset.place = place; });
    const sorted = [...table.tHead.rows[0].cells].findIndex((head) => head.ariaSort !== "none");
    if (sorted >= 0) sortRows(table, sorted, table.tHead.rows[0].cells[sorted].ariaSort);
  }
  Object.assign(runs, data.runs, { open: runs.open });
  runRows.length = inOrder.length = 0;
  if (curves) {
    const untouched = same(state.shown, START.shown);
    Object.assign(curves, data.curves);
    measures.splice(0, measures.length, ...data.curves.measures);
    for (const name of Object.keys(unpacked)) delete unpacked[name];
    rowsMade = { of: "" };
    START.shown = data.curves.shown;
    if (untouched) state.shown = START.shown;
  }
  if (drawn.forest && !same(drawn.forest, data.forest)) await draw("forest", data.forest.spec, data.forest.tables);
  drawn.forest = data.forest;
  await show(Object.keys(START));
}

async function follow() {
  const place = document.getElementById("live");
  let { version } = place.dataset;
  while (version !== undefined) {
    await new Promise((done) => { setTimeout(done, EVERY); });
    if (document.hidden) continue;
    try {
      const now = await (await fetch("state")).json();
      if (place.textContent !== now.says) place.textContent = now.says;
      if (now.version === version) continue;
      const page = await fetch("");
      if (page.ok) await takeOver(await page.text());
      version = now.version;
      place.dataset.version = version;
    } catch (error) {
      place.textContent = say("The command that serves this page has ended; what is shown is its last state.");
      return;
    }
  }
}

// page.js: puts the page together: reads the state from the address, draws, and draws again whatever changes.
const NOT_DRAWN = ["verdict", "sort"];
let pathDrawn = null;
let drawings = 0;  // that are under way
let latest = Promise.resolve();

async function drawPath() {
  if (!path()) return;
  if (pathDrawn !== path()) {
    pathDrawn = path();
    await draw("path", path().spec, { path: path().losses });
  }
  await set("path", { at: state.at });
}

async function show(changed) {
  const draws = curves && !changed.every((name) => NOT_DRAWN.includes(name));
  if (draws) {
    drawings += 1;
    chart.setAttribute("aria-busy", "true");
    if (comparedAt !== null) hideComparison();
    fitted = axes(tables());
  }
  showControls();
  showRuns();
  showReliability();
  if (!draws) return;
  // One drawing at a time, each of the state that it finds: whatever came in between, the last one is of the last state.
  latest = latest.then(drawCurves).then(drawPath);
  await latest;
  drawings -= 1;
  if (!drawings) chart.setAttribute("aria-busy", "false");
}

Object.assign(state, fromAddress());
document.querySelectorAll("table.sortable").forEach((table) => sortable(table));
listing();
unfolding();
naming();
scrolling();
if (curves) {
  controlling();
  zooming();
  comparing();
}
for (const id of ["forest", "pairs"]) {
  if (drawn[id]) await draw(id, drawn[id].spec, drawn[id].tables);
}
await show(Object.keys(START));
watchers.push(show);
document.documentElement.dataset.drawn = failed.length ? "some" : "all";
if (document.getElementById("live")) follow();

})();
