// charts.js: draws a chart into its place, and passes values on to it.
const VEGA = "../assets/vega.js";
const views = {};
const failed = [];

// The embedder may write into what it is given.
const copy = (value) => JSON.parse(JSON.stringify(value));

const EMBEDDED = {
  ast: true, renderer: "svg", actions: false, tooltip: { disableDefaultStyle: true }, config: drawn.look,
  // Selecting nothing is no fault: no warnings about empty extents.
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
    // Its place has a description; the hundred marks inside say nothing to those who do not see them.
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
