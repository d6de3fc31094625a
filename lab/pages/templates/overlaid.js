"use strict";
// Overlays experiments of the guide on one chart: the validation curves of each one's baseline and of its best variant.
// Which are chosen is in the address, beside what guide.js keeps there.
(() => {
  const panel = document.getElementById("overlaid");
  const boxes = [...document.querySelectorAll("input[name=over]")];
  if (!panel || !boxes.length) return;
  const [chart, legend, relative, clear] = ["svg", "ul", "input", "button"].map((tag) => panel.querySelector(tag));
  const BOX = { width: 320, height: 150, margin: 6 };  // of the small charts, as sparkline.py draws them
  const ROOM = { left: 44, right: 22, top: 8, bottom: 24 };
  const MOST = 6;  // as many as there are colours

  const part = (tag, values, text = "") => {
    const made = document.createElementNS(chart.namespaceURI, tag);
    for (const [name, value] of Object.entries(values)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  };

  // The curve of a variant in a card's small chart, as epochs and losses; empty where the chart has none.
  function curve(card, v) {
    const small = card.querySelector(".picture svg");
    const line = small.querySelector(`polyline.validation[data-v="${v}"]`);
    const [low, high] = small.dataset.ends.split(" ").map((end) => (small.dataset.log ? Math.log(end) : +end));
    const share = (place, size) => (place - BOX.margin) / (size - 2 * BOX.margin);
    return (line ? line.getAttribute("points") : "").split(" ").filter(Boolean).map((point) => {
      const [x, y] = point.split(",").map(Number);
      const value = low + (1 - share(y, BOX.height)) * (high - low);
      return [1 + share(x, BOX.width) * (small.dataset.epochs - 1), small.dataset.log ? Math.exp(value) : value];
    });
  }

  // What is drawn of a card: its curves, in percent of its epochs and of the lowest loss of its baseline where asked.
  function curvesOf(card) {
    const { baseline, variant, best } = card.dataset;
    const lines = [{ name: baseline, points: curve(card, 0), wide: false }];
    if (variant) lines.push({ name: variant, points: curve(card, best), wide: true });
    const { epochs } = card.querySelector(".picture svg").dataset;
    const lowest = Math.min(...lines[0].points.map(([, y]) => y));
    const scaled = ([x, y]) => (relative.checked ? [(100 * x) / epochs, (100 * y) / lowest] : [x, y]);
    return lines.map((line) => ({ ...line, points: line.points.map(scaled) })).filter((line) => line.points.length);
  }

  function steps(low, high, most) {
    const power = 10 ** Math.floor(Math.log10((high - low) / most));
    const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= (high - low) / most);
    const first = Math.ceil(low / step - 1e-9);
    return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => +((first + i) * step).toPrecision(6));
  }

  function draw(cards) {
    const [width, height] = [chart.clientWidth, chart.clientHeight];
    const shown = cards.map((card) => ({ card, lines: curvesOf(card) }));
    const points = shown.flatMap(({ lines }) => lines.flatMap((line) => {
      // The first epochs, in which every loss falls, do not decide the axis.
      const last = line.points.at(-1)[0];
      return line.points.filter(([x]) => x > last / 10);
    }));
    const right = Math.max(2, ...points.map(([x]) => x));
    let [low, high] = [Math.min, Math.max].map((end) => end(...points.map(([, y]) => y)));
    [low, high] = high > low ? [low - (high - low) / 20, high + (high - low) / 20] : [low - 1, high + 1];
    const x = (value) => ROOM.left + ((value - 1) / (right - 1)) * (width - ROOM.left - ROOM.right);
    const y = (value) => height - ROOM.bottom - ((value - low) / (high - low)) * (height - ROOM.bottom - ROOM.top);
    const unit = relative.checked ? " %" : "";
    const axes = steps(low, high, 5).flatMap((value) => [
      part("path", { d: `M${ROOM.left},${y(value)}H${width - ROOM.right}`, class: "grid" }),
      part("text", { x: ROOM.left - 6, y: y(value) + 4, "text-anchor": "end" }, value + unit),
    ]).concat(steps(1, right, width / 90).filter((value) => value >= 1).map((value) =>
      part("text", { x: x(value), y: height - 6, "text-anchor": "middle" }, value + unit)));
    const frame = part("clipPath", { id: "overlaid-frame" });
    frame.append(part("rect", {
      x: ROOM.left, y: ROOM.top, width: Math.max(0, width - ROOM.left - ROOM.right), height: height - ROOM.top - ROOM.bottom,
    }));
    const lines = shown.flatMap((one, i) => one.lines.map((line) => part("polyline", {
      points: line.points.map(([e, value]) => `${x(e).toFixed(1)},${y(value).toFixed(1)}`).join(" "),
      class: `validation ${line.wide ? "wide" : ""}`, stroke: `var(--o${i})`, "clip-path": "url(#overlaid-frame)",
    })));
    // The number of an experiment stands at the end of its last line; numbers keep apart.
    let before = -Infinity;
    const ends = shown.map(({ lines: [...own] }, i) => ({ i, at: own.at(-1)?.points.at(-1) })).filter(({ at }) => at)
      .sort((a, b) => y(a.at[1]) - y(b.at[1])).map(({ i, at }) => {
        before = Math.max(y(at[1]) + 4, before + 13);
        return part("text", { x: x(at[0]) + 6, y: before, class: "number", fill: `var(--o${i})` }, i + 1);
      });
    chart.replaceChildren(frame, ...axes, ...lines, ...ends);
    legend.replaceChildren(...shown.map(({ card, lines: own }, i) => {
      const item = document.createElement("li");
      const number = Object.assign(document.createElement("b"), { textContent: i + 1 });
      number.style.color = `var(--o${i})`;
      item.append(number, ` ${card.dataset.name}: `, own.map((line) => line.name).join(", "));
      return item;
    }));
  }

  const chosen = () => boxes.filter((box) => box.checked);

  function show() {
    const cards = chosen().map((box) => box.closest(".card"));
    panel.hidden = !cards.length;
    for (const box of boxes) box.disabled = !box.checked && cards.length >= MOST;
    if (cards.length) draw(cards);
  }

  function changed() {
    show();
    const kept = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    const values = { over: chosen().map((box) => box.value).join(","), relative: relative.checked ? "on" : "" };
    for (const [name, value] of Object.entries(values)) {
      if (value) kept.set(name, value);
      else kept.delete(name);
    }
    history.replaceState(null, "", kept.toString() ? `#${kept}` : location.href.split("#")[0]);
  }

  function fromAddress() {
    const kept = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    const names = (kept.get("over") ?? "").split(",");
    for (const box of boxes) box.checked = false;
    for (const box of boxes.filter(({ value }) => names.includes(value)).slice(0, MOST)) box.checked = true;
    relative.checked = kept.get("relative") === "on";
    show();
  }

  for (const box of [...boxes, relative]) box.addEventListener("change", changed);
  clear.addEventListener("click", () => {
    const [first] = chosen();
    for (const box of [...boxes, relative]) box.checked = false;
    changed();
    first?.focus();
  });
  window.addEventListener("hashchange", fromAddress);
  window.addEventListener("resize", show);
  for (const box of boxes) box.closest("label").hidden = false;
  fromAddress();
})();
