// canvas.js: what all pictures of the page share: size, colours of the style sheet, and axes.
const FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif";
const MINUS = "\u2212";

// Colours by the names of the style sheet's variables, as [red, green, blue]; other ones on a dark screen.
const palette = new Map();
const dark = window.matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => palette.clear());

function colour(name) {
  if (!palette.has(name)) {
    const probe = document.getElementById("probe");
    probe.style.color = `var(--${name})`;
    palette.set(name, getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number));
  }
  return palette.get(name);
}

const ink = (name, alpha = 1) => `rgba(${colour(name).join(",")},${alpha})`;

// Returns the context of a canvas that has one unit per CSS pixel, cleared, with its width and height.
function prepared(id) {
  const canvas = document.getElementById(id);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  return { context, width, height };
}

// About `count` round numbers between two ends; none where the ends are too close for numbers to lie between them.
function ticks(low, high, count) {
  if (!(high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high)))) return [];
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push(Number((i * step).toPrecision(6)));
  return found;
}

// Draws the axes of a chart and returns the functions that place a value on them.
function axes({ context, width, height }, x, y, { left = 38, bottom = 20, top = 6, right = 8, name = "" } = {}) {
  const across = (value) => left + ((value - x[0]) / (x[1] - x[0] || 1)) * (width - left - right);
  const up = (value) => height - bottom - ((value - y[0]) / (y[1] - y[0] || 1)) * (height - bottom - top);
  context.lineWidth = 1;
  context.fillStyle = ink("soft");
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(...y, Math.max(2, height / 55))) {
    context.strokeStyle = ink("hair");
    line(context, [[left, up(value)], [width - right, up(value)]]);
    context.fillText(String(value), left - 5, up(value));
  }
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  const room = name ? width - right - context.measureText(name).width - 18 : width;
  for (const value of ticks(...x, Math.max(2, (width - left) / 80))) {
    if (across(value) < room) context.fillText(String(value), across(value), height - 6);
  }
  context.textAlign = "right";
  context.fillText(name, width - right, height - 6);
  return { across, up, left, right: width - right, top, bottom: height - bottom };
}

function line(context, points) {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
}

// Draws the marker of a class: colour never carries a meaning alone.
function marker(context, kind, x, y, size) {
  context.beginPath();
  if (kind === 0) context.arc(x, y, size, 0, 2 * Math.PI);
  else if (kind === 1) context.rect(x - 0.88 * size, y - 0.88 * size, 1.76 * size, 1.76 * size);
  else {
    const corners = kind === 2 ? [[0, -1.2], [1.1, 0.8], [-1.1, 0.8]] : [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]];
    for (const [dx, dy] of corners) context.lineTo(x + dx * size, y + dy * size);
    context.closePath();
  }
}

// A number with so many decimals; with one or two digits where those would leave none.
function written(value, decimals = 3) {
  if (!Number.isFinite(value)) return say("not finite");
  const size = Math.abs(value);
  if (size >= 1000 || (size > 0 && size < 1e-4)) return value.toExponential(1).replaceAll("-", MINUS);
  return (size > 0 && size < 10 ** (1 - decimals) ? value.toPrecision(2) : value.toFixed(decimals)).replace("-", MINUS);
}

// A difference, with the decimals of the ends of its interval.
const signed = (value) => `${value > 0 ? "+" : ""}${value.toFixed(3)}`.replace("-", MINUS);
