// zoom.js: zooms into the chart over the epochs by dragging a box, with the wheel, by key or by typing the ends.
const chart = document.getElementById("curves");

const bend = (value, log) => (log ? Math.log(value) : value);
const unbend = (value, log) => (log ? Math.exp(value) : value);

// Where the plot is on the screen, and which value lies at a share of an axis.
const plot = () => chart.querySelector("svg g.root > g > path.background").getBoundingClientRect();
function valueAt([from, to], share, log) {
  const [low, high] = [bend(from, log), bend(to, log)];
  return unbend(low + share * (high - low), log);
}

function sharesOf(event) {
  const box = plot();
  return [(event.clientX - box.left) / box.width, (box.bottom - event.clientY) / box.height];
}

// Numbers in the address need no more digits than the screen has dots.
const rounded = (pair) => pair.map((end) => +end.toPrecision(4));

// Sets the axes to the parts of them between two shares.
function zoomTo(x, y) {
  const change = {};
  if (x) change.x = rounded(x.map((share) => valueAt(fitted.x, share, state.logx)));
  if (y) change.y = rounded(y.map((share) => valueAt(fitted.y, share, isLog())));
  // The chart has no finer part than a few epochs.
  if (x && change.x[1] - change.x[0] < 1) delete change.x;
  if (y && !(change.y[0] < change.y[1])) delete change.y;
  update(change);
}

const resetAxes = () => update({ x: null, y: null });

// A factor below 1 zooms in around a point of the plot.
function zoomBy(factor, [x, y], both = true) {
  const around = (share) => [share - share * factor, share + (1 - share) * factor];
  zoomTo(around(x), both ? around(y) : null);
}

function zooming() {
  let from = null;
  const brush = document.createElement("div");
  brush.className = "brush";
  brush.hidden = true;
  chart.parentElement.append(brush);

  // A drag along one axis zooms that axis only.
  const parts = (event) => {
    const across = Math.abs(event.clientX - from.clientX) > 8;
    const up = Math.abs(event.clientY - from.clientY) > 8;
    const [a, b] = [sharesOf(from), sharesOf(event)];
    const part = (i) => [a[i], b[i]].map((share) => Math.min(1, Math.max(0, share))).sort((p, q) => p - q);
    return { x: across ? part(0) : null, y: up ? part(1) : null };
  };

  chart.addEventListener("pointerdown", (event) => {
    const [x, y] = views.curves ? sharesOf(event) : [-1, -1];
    if (event.pointerType !== "mouse" || event.button || x < 0 || x > 1 || y < 0 || y > 1) return;
    from = event;
    chart.setPointerCapture(event.pointerId);
  });
  chart.addEventListener("pointermove", (event) => {
    if (!from) return;
    const { x, y } = parts(event);
    const box = plot();
    const outer = chart.parentElement.getBoundingClientRect();
    brush.hidden = !x && !y;
    const [left, right] = x || [0, 1];
    const [low, high] = y || [0, 1];
    brush.style.left = box.left - outer.left + left * box.width + "px";
    brush.style.width = (right - left) * box.width + "px";
    brush.style.top = box.top - outer.top + (1 - high) * box.height + "px";
    brush.style.height = (high - low) * box.height + "px";
  });
  chart.addEventListener("pointerup", (event) => {
    if (!from) return;
    const { x, y } = parts(event);
    from = null;
    brush.hidden = true;
    if (x || y) zoomTo(x, y);
    else choose(nearestVariant(event));
  });
  chart.addEventListener("pointercancel", () => {
    from = null;
    brush.hidden = true;
  });
  chart.addEventListener("dblclick", resetAxes);
  chart.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoomBy(Math.exp(Math.sign(event.deltaY) * 0.2), sharesOf(event));
  }, { passive: false });
  chart.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowUp: [0, 0.2], ArrowDown: [0, -0.2] };
    if (event.key === "+" || event.key === "=") zoomBy(0.7, [0.5, 0.5]);
    else if (event.key === "-") zoomBy(1 / 0.7, [0.5, 0.5]);
    else if (event.key === "0") resetAxes();
    else if (event.shiftKey && event.key in moves) {
      const [x, y] = moves[event.key];
      zoomTo(x ? [x, 1 + x] : null, y ? [y, 1 + y] : null);
    } else return;
    event.preventDefault();
  });
}
