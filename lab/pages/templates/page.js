// page.js: puts the page together: reads the state from the address, draws, and draws again whatever changes.
const NOT_DRAWN = ["verdict", "sort"];
let pathDrawn = null;

async function drawPath() {
  if (!path()) return;
  if (pathDrawn !== path()) {
    pathDrawn = path();
    await draw("path", path().spec, { path: path().losses });
  }
  await set("path", { at: state.at });
}

async function show(changed) {
  if (curves && !changed.every((name) => NOT_DRAWN.includes(name))) {
    if (comparedAt !== null) hideComparison();
    const drawing = drawCurves();
    showControls();
    await drawing;
    await drawPath();
  } else showControls();
  showRuns();
}

Object.assign(state, fromAddress());
document.querySelectorAll("table.sortable").forEach((table) => sortable(table));
listing();
naming();
scrolling();
if (curves) {
  controlling();
  zooming();
  comparing();
}
if (drawn.forest) await draw("forest", drawn.forest.spec, drawn.forest.tables);
await show(Object.keys(START));
watchers.push(show);
document.documentElement.dataset.drawn = failed.length ? "some" : "all";
