// runs.js: the table of all runs: made when it is first unfolded, filtered and sorted by the state.
const runs = drawn.runs;
const runsFold = document.getElementById("runs");
const runsTable = document.getElementById("runs-table");

const runsHeads = () => [
  { heading: "variant", meaning: say("pressed, its curve comes forward") },
  { heading: "seed", meaning: say("of the run"), decimals: 0 },
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

// The runs that fit, in the chosen order.
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

// A browser lays out every row that is there, and some twelve are seen: the others come when the table is scrolled
// towards its end.
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
  // A run that is chosen keeps its focus.
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
