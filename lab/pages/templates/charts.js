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
