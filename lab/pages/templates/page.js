// page.js: puts the page together: reads the state from the address, draws, and draws again whatever changes.
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

// The contents move the reader without a change of the address, which holds the state.
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
  // One drawing at a time, each of the state that it finds: whatever came in between, the last one is of the last state.
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
