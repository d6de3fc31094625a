// table.js: sorts a table by the column whose heading is pressed: ascending, descending, and as it was.
const collator = new Intl.Collator("en", { numeric: true });
const ORDERS = { none: "ascending", ascending: "descending", descending: "none" };

// Compares by what `key` returns of each; an unknown value, "", comes last in both directions.
function byKey(key, isNumber, order) {
  return (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === "" || y === "") return (x === "") - (y === "");
    return (order === "descending" ? -1 : 1) * (isNumber ? x - y : collator.compare(x, y));
  };
}

function sortRows(table, column, order) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, i) => { head.ariaSort = i === column ? order : "none"; });
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => a.dataset.place - b.dataset.place);
  if (column >= 0 && order !== "none") {
    rows.sort(byKey((row) => row.cells[column].dataset.key, heads[column].classList.contains("number"), order));
  }
  body.append(...rows);
}

function sortable(table) {
  [...table.tBodies[0].rows].forEach((row, place) => { row.dataset.place = place; });
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => sortRows(table, column, ORDERS[head.ariaSort]));
  });
}

// A table that is wider than its place says so.
function scrolling() {
  const seen = new ResizeObserver((boxes) => {
    for (const { target } of boxes) target.classList.toggle("wider", target.scrollWidth > target.clientWidth + 1);
  });
  for (const box of document.querySelectorAll(".scroll")) seen.observe(box);
}
