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

// An address that names a place of the page holds no state, and changes none.
window.addEventListener("hashchange", () => {
  if (!location.hash || location.hash.includes("=")) update(fromAddress(), false);
});
