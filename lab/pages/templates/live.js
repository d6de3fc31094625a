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
