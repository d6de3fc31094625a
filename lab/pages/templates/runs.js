// runs.js: the table of all runs: made when it is first unfolded, filtered and sorted by the state.
const runs = drawn.runs;
const runsFold = document.getElementById("runs");
const runsTable = document.getElementById("runs-table");

const runsHeads = () => [
  { heading: "variant", meaning: "pressed, its curve comes forward" }, { heading: "seed", meaning: "of the run", decimals: 0 },
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
  if (column.decimals === undefined) cell.textContent = value;
  else {
    cell.className = "number";
    cell.textContent = value === null ? "" : runNumber(value, column.decimals);
  }
  return cell;
}

function makeRuns() {
  const heads = runsHeads();
  const head = runsTable.tHead.insertRow();
  for (const { heading, meaning, decimals } of heads) {
    const th = document.createElement("th");
    th.scope = "col";
    th.ariaSort = "none";
    if (decimals !== undefined) th.className = "number";
    const button = Object.assign(document.createElement("button"), { type: "button", title: meaning, textContent: heading });
    button.append(Object.assign(document.createElement("span"), { className: "arrow", ariaHidden: "true" }));
    th.append(button);
    head.append(th);
  }
  const body = runsTable.tBodies[0];
  runs.seed.forEach((seed, i) => {
    const v = runs.variant[i];
    const row = document.createElement("tr");
    const th = Object.assign(document.createElement("th"), { scope: "row" });
    th.dataset.key = names[v];
    const button = Object.assign(document.createElement("button"), { type: "button", className: "pick name" });
    const run = runs.run ? runs.run[i] : seed;
    Object.assign(button.dataset, { v, run });
    button.setAttribute("aria-label", names[v] + ", seed " + runWords(run));
    button.append(swatch(v), Object.assign(document.createElement("span"), { textContent: names[v] }));
    th.append(button);
    row.append(th, runCell(heads[1], seed), ...runs.columns.map((column) => runCell(column, column.values[i])));
    row.dataset.v = v;
    body.append(row);
  });
  sortable(runsTable, (column, order) => {
    update({ sort: order === "none" ? "" : (order === "descending" ? "-" : "") + heads[column].heading });
  });
}

function showRuns() {
  const heads = runsHeads();
  const verdicts = runs.columns.find((column) => column.decimals === undefined);
  const fits = (i) => (state.variant < 0 || runs.variant[i] === state.variant) &&
    (!state.verdict || !verdicts || verdicts.values[i] === state.verdict);
  const count = runs.seed.filter((_, i) => fits(i)).length;
  const all = runs.seed.length;
  document.getElementById("runs-count").textContent = count < all ? count + " of " + all + " runs" :
    all + (all === 1 ? " run" : " runs");
  document.getElementById("runs-variant").value = state.variant;
  const verdict = document.getElementById("runs-verdict");
  if (verdict) verdict.value = state.verdict;
  document.getElementById("runs-all").hidden = count === all;
  if (!runsFold.open) return;
  if (!runsTable.tHead.rows.length) makeRuns();
  for (const row of runsTable.tBodies[0].rows) row.hidden = !fits(+row.dataset.place);
  const descending = state.sort.startsWith("-");
  const column = heads.findIndex(({ heading }) => heading === state.sort.slice(descending ? 1 : 0));
  const order = column < 0 ? "none" : descending ? "descending" : "ascending";
  const now = column < 0 ? "none" : runsTable.tHead.rows[0].cells[column].ariaSort;
  if (now !== order || column < 0) sortRows(runsTable, column, order);
  document.getElementById("runs-none").hidden = count > 0;
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
  document.getElementById("runs-all").addEventListener("click", () => update({ variant: -1, run: null, verdict: "" }));
}
