// compare.js: compares all shown variants at one epoch, under the mouse or chosen with the arrow keys.
const MOST_COMPARED = 12;
const panel = document.getElementById("compared-at");
let comparedAt = null;

// All drawn lines at the drawn epoch nearest to one, those of the highest values first.
function comparisonAt(epoch) {
  const { lines } = now();
  const epochs = [...new Set(lines.flatMap((line) => line.e))];
  if (!epochs.length) return null;
  const nearest = epochs.reduce((best, e) => (Math.abs(e - epoch) < Math.abs(best - epoch) ? e : best));
  const variants = new Map();
  const points = [];
  for (const line of lines) {
    const i = line.e.indexOf(nearest);
    const value = i < 0 ? null : line.smooth[i];
    if (value === null) continue;
    if (!variants.has(line.v)) variants.set(line.v, { v: line.v, n: line.n[i] });
    variants.get(line.v)[line.split] = value;
    if (shownAt(nearest, value)) points.push({ v: line.v, c: hue(line.v), e: nearest, y: value });
  }
  const by = (row) => row.validation ?? row.train;
  return { epoch: nearest, rows: [...variants.values()].sort((a, b) => by(b) - by(a)), points };
}

function nearestVariant(event) {
  const [x, y] = sharesOf(event);
  const found = comparisonAt(valueAt(fitted.x, x, state.logx));
  const height = (value) => {
    const [low, high] = fitted.y.map((end) => bend(end, isLog()));
    return (bend(value, isLog()) - low) / (high - low);
  };
  const near = (found ? found.points : []).map((point) => [Math.abs(height(point.y) - y), point.v]);
  near.sort((a, b) => a[0] - b[0]);
  return near.length && near[0][0] < 0.06 ? near[0][1] : -1;
}

function showComparison(epoch, left) {
  const found = comparisonAt(epoch);
  if (!found || !found.rows.length) return hideComparison();
  comparedAt = found.epoch;
  const at = bend(found.epoch, state.logx);
  set("curves", {}, { rule: [{ e: at }], points: found.points.map(({ c, y }) => ({ c, e: at, y: bend(y, isLog()) })) });
  const splits = state.splits.filter((split) => measure()[split]);
  const cell = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  head.append(cell("th", say("epoch {epoch}", { epoch: found.epoch })), ...splits.map((split) => cell("th", named(split))));
  const body = table.createTBody();
  // The one in front is among the rows whatever its value.
  const first = found.rows.filter((row) => row.v === front());
  const listed = [...first, ...found.rows.filter((row) => row.v !== front())].slice(0, MOST_COMPARED);
  for (const row of found.rows.filter((one) => listed.includes(one))) {
    const tr = body.insertRow();
    if (row.v === front()) tr.className = "front";
    const name = cell("th", "");
    name.append(swatch(row.v), names[row.v]);
    tr.append(name, ...splits.map((split) => cell("td", said(row[split]))));
  }
  panel.replaceChildren(table);
  const more = found.rows.length - listed.length;
  if (more) panel.append(cell("p", say("and {count} more", { count: more })));
  panel.classList.toggle("left", left);
  panel.hidden = false;
  return found;
}

function hideComparison() {
  if (comparedAt === null) return;
  comparedAt = null;
  panel.hidden = true;
  set("curves", {}, { rule: [], points: [] });
}

// The marker of a variant in its colour, as the pills have it.
function swatch(v) {
  const own = document.querySelector('svg.swatch[data-v="' + v + '"]');
  return own ? own.cloneNode(true) : "";
}

function comparing() {
  const compare = (event) => {
    if (!views.curves || (event.buttons && event.pointerType === "mouse")) return hideComparison();
    const [x, y] = sharesOf(event);
    if (x < 0 || x > 1 || y < 0 || y > 1) return hideComparison();
    // The panel keeps away from the mouse.
    return showComparison(valueAt(fitted.x, x, state.logx), x > 0.5);
  };
  chart.addEventListener("pointermove", compare);
  // A finger touches the chart and leaves it; what it asked for stays until it touches something else.
  chart.addEventListener("pointerdown", (event) => { if (event.pointerType !== "mouse") compare(event); });
  chart.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hideComparison(); });
  chart.addEventListener("blur", hideComparison);
  chart.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hideComparison();
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [from, to] = fitted.x;
    const epochs = [...new Set(gridded().flat())].filter((e) => e >= from && e <= to).sort((a, b) => a - b);
    if (!epochs.length) return;
    const now = epochs.findIndex((e) => e >= (comparedAt ?? (from + to) / 2));
    const next = epochs[Math.min(epochs.length - 1, Math.max(0, comparedAt === null ? now : now + way))];
    const found = showComparison(next, next > (from + to) / 2);
    if (!found) return;
    const told = found.rows.slice(0, MOST_COMPARED).map((row) => names[row.v] + ": " + state.splits
      .filter((split) => row[split] !== undefined).map((split) => named(split) + " " + said(row[split])).join(", "));
    document.getElementById("said").textContent = say("Epoch {epoch}. {values}", { epoch: found.epoch, values: told.join("; ") });
  });
}
