// curves.js: the chart over the epochs: makes its rows for the chosen state, fits its axes and draws it.
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

// The chosen run, where the page has its curve.
function chosenRun() {
  const chosen = (run) => run.v === state.variant && run.s === state.run;
  const there = state.splits.some((split) => measure()[split] && singles(measure()[split]).some(chosen));
  return state.run !== null && there ? state.variant + ":" + state.run : "";
}

// The lines of the chosen measure: one per split, variant and part; and those of the runs that are shown singly.
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

// What is drawn, found once for each state.
let drawnNow = { of: "" };
function now() {
  const of = JSON.stringify(state);
  if (drawnNow.of !== of) drawnNow = { of, lines: drawnLines(), seeds: drawnSeeds() };
  return drawnNow;
}

// A value that a scale cannot show is left out, and leaves a gap in the line.
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

// The rows of the chart: paths with their colours, paler behind what is brought forward.
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

// The kept epoch and the onset, on the validation curve of the chosen measure.
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

// The ends of the axes: as chosen, or fitted to what is drawn.
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
  // A logarithmic axis cannot begin at 0 or below.
  const above = (pair, log) => (log && pair[0] <= 0 ? [Math.min(1e-3, pair[1] / 1e3), Math.max(pair[1], 1)] : pair);
  return { x: above(x, state.logx), y: above(y, isLog()) };
}

// The ends that are drawn: a little more, so that marks at the first and last epoch are whole.
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

// Draws again with what is brought forward, where the state is the same.
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
  // A line counts from point to point, for it may cross a part in which no point of it lies.
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

// Brings a variant forward for as long as its name has the mouse or the focus.
function bringForward(v) {
  if (hovered === v) return;
  hovered = v;
  fade();
}
