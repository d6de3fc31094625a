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
