"use strict";
(async () => {
const drawn = JSON.parse(document.getElementById("drawn").textContent);
const { names, paths, curves } = drawn;
const WORDS = drawn.words || {};
const named = (word) => WORDS[word] ?? word;
const say = (text, values = {}) => named(text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
const measures = curves ? curves.measures : [];
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
window.addEventListener("hashchange", () => {
if (!location.hash || location.hash.includes("=")) update(fromAddress(), false);
});
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
values.push(scale < 0 ? sum / 10 ** -scale : sum * 10 ** scale);
number = shift = 0;
}
return values;
}
const numbers = (packed) => (packed.length === 2 && typeof packed[1] === "string" ? unpack(packed[1], packed[0]) : packed);
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
function smoothed(values, reach) {
return values.map((value, i) => {
if (value === null || !reach) return value;
const each = Math.min(reach, i, values.length - 1 - i);
const near = values.slice(i - each, i + each + 1).filter((other) => other !== null);
return near.reduce((sum, other) => sum + other, 0) / near.length;
});
}
function said(value) {
if (value === null || value === undefined) return "";
const size = Math.abs(value);
const text = size && (size < 0.001 || size >= 1e6) ? value.toExponential(2) : String(+value.toPrecision(4));
return text.replaceAll("-", "\u2212");
}
const VEGA = "../assets/vega.js";
const views = {};
const failed = [];
const copy = (value) => JSON.parse(JSON.stringify(value));
const EMBEDDED = {
ast: true, renderer: "svg", actions: false, tooltip: { disableDefaultStyle: true }, config: drawn.look,
logLevel: 1,
};
async function draw(id, spec) {
const place = document.getElementById(id);
try {
if (!window.vegaEmbed) {
throw new Error(
say("{file} is missing. Keep this page in its folder of results, or make one for sending with “python -m lab export page”.",
{ file: VEGA }));
}
const old = views[id];
const embedded = await vegaEmbed(place, copy(spec), EMBEDDED);
if (old) old.finalize();
views[id] = embedded.view;
place.querySelector("svg").setAttribute("aria-hidden", "true");
} catch (error) {
place.textContent = say("This chart cannot be drawn: {why}", { why: error.message });
place.className = "failed";
failed.push(id);
console.error(id, error);
}
}
function set(id, signals, tables = {}) {
const view = views[id];
if (!view) return undefined;
for (const [name, value] of Object.entries(signals)) view.signal(name, value);
for (const [name, rows] of Object.entries(tables)) view.data(name, rows);
return view.runAsync();
}
const TABLES = ["bands", "rule", "raw", "singles", "lines", "marks", "points"];
const LINE_WIDTHS = { raw: 1, singles: { field: "width" }, lines: 2 };
const DASHES = { train: [], validation: [6, 3] };
const MOST_TICKS = { x: 8, y: 6 };
const SHARES = {
path: { field: "d" }, pathCache: { field: "extent" }, scaleX: { signal: "width" }, scaleY: { signal: "height" },
};
const drawnAs = (d) => ({ d, extent: Object.assign([["M", 0, 0], ["L", 1, 1]], { path: d }) });
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
const epochsSpec = () => ({
description: curves.description,
autosize: { type: "fit-x", contains: "padding" },
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
const FAR = 1000;
const placed = ([low, high], log) => {
const [from, to] = [bend(low, log), bend(high, log)];
return (value) => Math.min(FAR, Math.max(-FAR, (bend(value, log) - from) / (to - from)));
};
const dots = (share) => Math.round(share * 1e5) / 1e5;
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
let hovered = -1;     // the variant whose name is under the mouse or has the focus
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
function chosenRun() {
const chosen = (run) => run.v === state.variant && run.s === state.run;
const there = state.splits.some((split) => measure()[split] && singles(measure()[split]).some(chosen));
return state.run !== null && there ? state.variant + ":" + state.run : "";
}
function drawnLines() {
const seen = new Set([...shownVariants(), ...(state.variant >= 0 ? [state.variant] : [])]);
return state.splits.filter((split) => measure()[split]).flatMap((split) =>
medians(measure()[split]).filter((part) => seen.has(part.v)).map((part) =>
({ ...part, split, smooth: smoothed(part.m, state.smooth) })));
}
function drawnSeeds() {
const seen = new Set(shownVariants());
const chosen = chosenRun();
return state.splits.filter((split) => measure()[split]).flatMap((split) =>
singles(measure()[split]).filter((run) =>
(state.seeds.includes(run.s) && seen.has(run.v)) || run.v + ":" + run.s === chosen,
).map((run) => ({ ...run, split })));
}
let drawnNow = { of: "" };
function now() {
const of = JSON.stringify(state);
if (drawnNow.of !== of) drawnNow = { of, lines: drawnLines(), seeds: drawnSeeds() };
return drawnNow;
}
const fits = (value, log) => value !== null && (!log || value > 0);
const shownAt = (e, value) => fits(value, isLog()) && fits(e, state.logx);
const BAND = { usual: 0.13, behind: 0.02 };
const OPACITY = {
raw: { usual: 0.3, behind: 0.06 },
singles: { usual: 0.6, behind: 0.14 },
lines: { usual: 1, behind: 0.14, fewer: 0.4 },  // paler where fewer runs still train
marks: { usual: 1, behind: 0.14 },
};
const SINGLE = { usual: 0.9, chosen: 2.6 };  // the width of the line of a run
function tables() {
const { lines, seeds } = now();
const [first, run] = [front(), chosenRun()];
const pale = (v) => run || (first >= 0 && v !== first);
const looks = ({ usual, behind, fewer }, { v, whole = true }) =>
(pale(v) ? behind : whole ? usual : fewer ?? usual);
const [x, y] = [placed(drawnEnds().x, state.logx), placed(drawnEnds().y, isLog())];
const row = (table, line, values) => ({
v: line.v, c: hue(line.v), split: line.split, opacity: looks(OPACITY[table], line),
...(line.paths ??= {})[table] ??= drawnAs(linePath(line.e, values, shownAt, x, y)),
});
const banded = new Set([...state.shown, first]);
return {
bands: lines.filter((line) =>
state.band && banded.has(line.v) && (line.split === "validation" || !measure().validation),
).map((line) => ({
c: hue(line.v), opacity: looks(BAND, line),
...(line.paths ??= {}).band ??= drawnAs(bandPath(line.e, line.lo, line.hi, shownAt, x, y)),
})),
raw: state.smooth ? lines.map((line) => row("raw", line, line.m)) : [],
lines: lines.map((line) => row("lines", line, line.smooth)),
singles: seeds.map((line) => {
const chosen = line.v + ":" + line.s === run;
const own = row("singles", line, line.y);
return { ...own, opacity: chosen ? 1 : own.opacity, width: chosen ? SINGLE.chosen : SINGLE.usual };
}),
marks: marks(lines).map((mark) => ({ ...mark, opacity: looks(OPACITY.marks, mark) })),
};
}
function marks(lines) {
return curves.marks.flatMap(([v, mark, e]) => {
const line = lines.find((one) => one.v === v && one.split === "validation" && one.e.includes(e));
const y = line ? line.smooth[line.e.indexOf(e)] : null;
const c = hue(v);
return shownAt(e, y) ? [{
v, shape: drawn.shapes[drawn.markers[v]], c, fill: mark === "kept" ? c : "var(--paper)",
e: bend(e, state.logx), y: bend(y, isLog()),
}] : [];
});
}
function axes() {
const epochs = gridded().flatMap((grid) => [grid[0], grid[grid.length - 1]]).filter((e) => fits(e, state.logx));
const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
const x = state.x || [first, last > first ? last : first + 1];
let y = state.y === "whole" || !measure().focus ? measure().axis : measure().focus;
if (Array.isArray(state.y)) y = state.y;
else if (isLog() && !measure().log) {
let [low, high] = [Infinity, 0];
for (const line of now().lines) {
line.m.forEach((value, i) => {
if (!shownAt(line.e[i], value)) return;
low = Math.min(low, value);
high = Math.max(high, value);
});
}
const room = high > low ? (high / low) ** 0.04 : 2;
y = high ? [low / room, high * room] : [0.1, 1];
}
const above = (pair, log) => (log && pair[0] <= 0 ? [Math.min(1e-3, pair[1] / 1e3), Math.max(pair[1], 1)] : pair);
return { x: above(x, state.logx), y: above(y, isLog()) };
}
function drawnEnds() {
const { x, y } = fitted;
const room = state.logx ? 0 : 0.012 * (x[1] - x[0]);
return { x: [x[0] - room, x[1] + room], y };
}
function signals() {
const of = (name, pair, log, title) => ({
...Object.fromEntries(pair.map((end, i) => [name + i, bend(end, log)])),
[name + "log"]: log,
[name + "ticks"]: log ? logTicks(pair, MOST_TICKS[name]).map((value) => bend(value, true)) : null,
[name + "title"]: title,
});
const { x, y } = drawnEnds();
return { ...of("x", x, state.logx, say("epoch")), ...of("y", y, isLog(), named(measure().name)) };
}
function fade() {
return views.curves && set("curves", {}, tables());
}
function emptiness() {
const { lines, seeds } = now();
if (!shownVariants().length && state.variant < 0) return say("No variant is shown. Switch one on, or “show all”.");
if (!state.splits.some((split) => measure()[split])) {
return state.splits.length ?
say("“{metric}” has no such line. Switch on train or validation.", { metric: named(measure().name) }) :
say("No line is shown. Switch on train or validation.");
}
const some = lines.some((line) => line.m.some((value, i) => shownAt(line.e[i], value)));
if (!some && isLog()) return say("A logarithmic axis shows values above 0, and here there are none.");
if (!some) return say("The variants that are shown have no number to draw here: their runs diverged.");
const { x, y } = fitted;
const crosses = (e, values) => values.some((value, i) => {
if (!shownAt(e[i], value)) return false;
const next = i + 1 < e.length && shownAt(e[i + 1], values[i + 1]) ? i + 1 : i;
return e[i] <= x[1] && e[next] >= x[0] &&
Math.min(value, values[next]) <= y[1] && Math.max(value, values[next]) >= y[0];
});
const inside = lines.some((line) => crosses(line.e, line.smooth)) || seeds.some((run) => crosses(run.e, run.y));
return inside ? "" : say("Nothing lies in this part of the axes. Reset them.");
}
async function drawCurves() {
fitted = axes();
if (!views.curves && !failed.includes("curves")) await draw("curves", epochsSpec());
if (views.curves) views.curves.description(curves.description.replace(named(measures[0].name), named(measure().name)));
await set("curves", signals(), { ...tables(), points: [], rule: [] });
const empty = document.getElementById("empty");
empty.textContent = emptiness();
empty.hidden = !empty.textContent;
}
function bringForward(v) {
if (hovered === v) return;
hovered = v;
fade();
}
const chart = document.getElementById("curves");
const bend = (value, log) => (log ? Math.log(value) : value);
const unbend = (value, log) => (log ? Math.exp(value) : value);
const plot = () => chart.querySelector("svg g.root > g > path.background").getBoundingClientRect();
function valueAt([from, to], share, log) {
const [low, high] = [bend(from, log), bend(to, log)];
return unbend(low + share * (high - low), log);
}
function sharesOf(event) {
const box = plot();
return [(event.clientX - box.left) / box.width, (box.bottom - event.clientY) / box.height];
}
const rounded = (pair) => pair.map((end) => +end.toPrecision(4));
function zoomTo(x, y) {
const change = {};
if (x) change.x = rounded(x.map((share) => valueAt(fitted.x, share, state.logx)));
if (y) change.y = rounded(y.map((share) => valueAt(fitted.y, share, isLog())));
if (x && change.x[1] - change.x[0] < 1) delete change.x;
if (y && !(change.y[0] < change.y[1])) delete change.y;
update(change);
}
const resetAxes = () => update({ x: null, y: null });
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
const MOST_COMPARED = 12;
const panel = document.getElementById("compared-at");
let comparedAt = null;
function comparisonAt(epoch) {
const { lines } = now();
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
if (shownAt(nearest, value)) points.push({ v: line.v, c: hue(line.v), e: nearest, y: value });
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
const at = bend(found.epoch, state.logx);
set("curves", {}, { rule: [{ e: at }], points: found.points.map(({ c, y }) => ({ c, e: at, y: bend(y, isLog()) })) });
const splits = state.splits.filter((split) => measure()[split]);
const cell = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
const table = document.createElement("table");
const head = table.createTHead().insertRow();
head.append(cell("th", say("epoch {epoch}", { epoch: found.epoch })), ...splits.map((split) => cell("th", named(split))));
const body = table.createTBody();
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
function swatch(v) {
const own = document.querySelector('svg.swatch[data-v="' + v + '"]');
return own ? own.cloneNode(true) : "";
}
function comparing() {
const compare = (event) => {
if (!views.curves || (event.buttons && event.pointerType === "mouse")) return hideComparison();
const [x, y] = sharesOf(event);
if (x < 0 || x > 1 || y < 0 || y > 1) return hideComparison();
return showComparison(valueAt(fitted.x, x, state.logx), x > 0.5);
};
chart.addEventListener("pointermove", compare);
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
const form = document.getElementById("controls");
const inputs = (selector) => (form ? [...form.querySelectorAll(selector)] : []);
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
const fan = all === "shown" && !path() && paths.length ? { family: START.family, at: -1 } : {};
update({ [all]: inputs(`[data-list="${all}"]`).map(valueOf), ...fan });
}
if (none) update({ [none]: [], ...(none === "shown" ? { family: -1, at: -1, variant: -1, run: null } : {}) });
if (button.id === "reset") resetAxes();
if (save) saving[save]();
});
}
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
async function picture() {
const seen = [...new Set(now().lines.map((line) => line.v))];
const spec = epochsSpec();
const values = { width: 760, ...signals() };
const legend = { orient: "bottom", direction: "horizontal", symbolType: "stroke", symbolSize: 300, symbolStrokeWidth: 2,
symbolOpacity: 1, labelColor: "var(--ink)" };
Object.assign(spec, {
height: 400, padding: 18, autosize: "pad", background: "var(--paper)",
signals: spec.signals.map(({ name }) => ({ name, value: values[name] })),
data: TABLES.map((name) => ({ name, values: tables()[name] || [] })),
scales: [...spec.scales,
{ name: "names", type: "ordinal", domain: seen.map((v) => names[v]), range: seen.map(hue) },
{ name: "splits", type: "ordinal", domain: Object.keys(DASHES).map(named), range: Object.values(DASHES) }],
legends: [
{ ...legend, stroke: "names", columns: 5, labelLimit: 180 },
{ ...legend, strokeDash: "splits", symbolStrokeColor: "var(--ink)" },
],
title: { text: wrapped(drawn.title, 80), anchor: "start", color: "var(--ink)", fontSize: 16, offset: 14 },
});
const place = document.createElement("div");
const embedded = await vegaEmbed(place, JSON.parse(resolved(JSON.stringify(spec))),
{ ...EMBEDDED, config: JSON.parse(resolved(JSON.stringify(EMBEDDED.config))), renderer: "none" });
return embedded.view;
}
const quoted = (text) => (/[",\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);
function csv() {
const rows = [["variant", "measured_on", "seed", "epoch", measure().name, "lower_quartile", "upper_quartile", "runs"]];
for (const line of now().lines) {
line.e.forEach((e, i) =>
rows.push([names[line.v], line.split, "median", e, line.m[i], line.lo[i], line.hi[i], line.n[i]]));
}
for (const run of now().seeds) {
run.e.forEach((e, i) => rows.push([names[run.v], run.split, runWords(run.s), e, run.y[i], "", "", 1]));
}
return rows.map((row) => row.map((cell) => quoted(String(cell ?? ""))).join(",") + "\n").join("");
}
const python = (text) => JSON.stringify(text);
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
tell(say("Copy the selected line."));
}
},
};
const collator = new Intl.Collator("en", { numeric: true });
const ORDERS = { none: "ascending", ascending: "descending", descending: "none" };
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
function scrolling() {
const seen = new ResizeObserver((boxes) => {
for (const { target } of boxes) target.classList.toggle("wider", target.scrollWidth > target.clientWidth + 1);
});
for (const box of document.querySelectorAll(".scroll")) seen.observe(box);
}
const runs = drawn.runs;
const runsFold = document.getElementById("runs");
const runsTable = document.getElementById("runs-table");
const runsHeads = () => [
{ heading: "variant", meaning: say("pressed, its curve comes forward") },
{ heading: "seed", meaning: say("of the run"), decimals: 0 },
...runs.columns,
];
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
const AT_ONCE = 40;
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
const reliabilityFold = document.getElementById("reliability");
let reliabilityOf = null;             // the place of the variant whose curve is drawn
async function showReliability() {
if (!reliabilityFold || !reliabilityFold.open) return;
const { spec, curves: of } = drawn.reliability;
const v = state.variant in of ? state.variant : +Object.keys(of)[0];
document.getElementById("reliability-variant").value = v;
if (v === reliabilityOf) return;
reliabilityOf = v;
await draw("reliability-curve", { ...spec, datasets: { reliability: of[v] } });
}
function unfolding() {
if (!reliabilityFold) return;
reliabilityFold.addEventListener("toggle", showReliability);
reliabilityFold.addEventListener("input", (event) => update({ variant: +event.target.value, run: null }));
}
const EVERY = 1000;
async function takeOver(text) {
const fresh = new DOMParser().parseFromString(text, "text/html");
const data = JSON.parse(fresh.getElementById("drawn").textContent);
const shape = (one) => JSON.stringify([one.names, one.curves && [one.curves.seeds, one.curves.measures.map((m) => m.name)],
one.paths.map((path) => path.name), !one.forest, !one.pairs, one.runs.columns.map((column) => column.heading)]);
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
drawnNow = { of: "" };
START.shown = data.curves.shown;
if (untouched) state.shown = START.shown;
}
if (drawn.forest && !same(drawn.forest, data.forest)) {
await draw("forest", { ...data.forest.spec, datasets: data.forest.tables });
}
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
const NOT_DRAWN = ["verdict", "sort"];
let pathDrawn = null;
let drawings = 0;  // that are under way
let latest = Promise.resolve();
async function drawPath() {
if (!path()) return;
if (pathDrawn !== path()) {
pathDrawn = path();
await draw("path", { ...path().spec, datasets: { path: path().losses } });
}
await set("path", { at: state.at });
}
function leading() {
for (const link of document.querySelectorAll(".contents a")) {
link.addEventListener("click", (event) => {
event.preventDefault();
const heading = document.getElementById(link.hash.slice(1));
heading.tabIndex = -1;
heading.focus();
heading.scrollIntoView();
});
}
}
async function show(changed) {
const draws = curves && !changed.every((name) => NOT_DRAWN.includes(name));
if (draws) {
drawings += 1;
chart.setAttribute("aria-busy", "true");
if (comparedAt !== null) hideComparison();
fitted = axes();
}
showControls();
showRuns();
showReliability();
if (!draws) return;
latest = latest.catch(() => {}).then(drawCurves).then(drawPath);
try {
await latest;
} finally {
drawings -= 1;
}
if (!drawings) chart.setAttribute("aria-busy", "false");
}
Object.assign(state, fromAddress());
document.querySelectorAll("table.sortable").forEach((table) => sortable(table));
listing();
leading();
unfolding();
naming();
scrolling();
if (curves) {
controlling();
zooming();
comparing();
}
for (const id of ["forest", "pairs"]) {
if (drawn[id]) await draw(id, { ...drawn[id].spec, datasets: drawn[id].tables });
}
await show(Object.keys(START));
watchers.push(show);
document.documentElement.dataset.drawn = failed.length ? "some" : "all";
if (document.getElementById("live")) follow();
})();
