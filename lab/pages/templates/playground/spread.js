// spread.js: one dot per seed, by its validation loss: what a demonstration with one seed would have shown.

const DOT = 4.2;

function drawSpread(seeds, before, only) {
  const frame = prepared("spread");
  const { context, width, height } = frame;
  const rows = [
    [say("kept epoch"), seeds.kept, "validation"],
    [say("now"), seeds.last, "validation"],
    ...(before ? [[say("kept, before"), before.kept, "before"]] : []),
  ].map(([name, found, tint]) => ({ name, tint, losses: found.map((row) => row?.val_data_loss ?? NaN) }));
  const finite = rows.flatMap((row) => row.losses).filter(Number.isFinite);
  const [low, high] = finite.length ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
  const room = Math.max(0.04 * (high - low), 0.01 * Math.max(1, Math.abs(high)));
  const across = scale(context, frame, low - room, high + room);
  rows.forEach((row, place) => {
    const y = 12 + ((place + 0.5) * (height - 34)) / rows.length;
    context.fillStyle = ink("soft");
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(row.name, 0, y);
    drawDots(context, row, y, across, place === 0 || row.tint === "before", only);
  });
}

function scale(context, { width, height }, low, high) {
  const left = 84;
  const across = (value) => left + ((value - low) / (high - low)) * (width - left - 10);
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  for (const value of ticks(low, high, width / 90)) {
    context.strokeStyle = ink("hair");
    context.lineWidth = 1;
    line(context, [[across(value), 4], [across(value), height - 20]]);
    context.fillStyle = ink("soft");
    context.fillText(String(value), across(value), height - 6);
  }
  return across;
}

// Dots that would cover each other are put beside the line, alternately above and below it.
function drawDots(context, { losses, tint }, y, across, filled, only) {
  const order = losses.map((loss, seed) => [loss, seed]).filter(([loss]) => Number.isFinite(loss)).sort((a, b) => a[0] - b[0]);
  const placed = [];
  for (const [loss, seed] of order) {
    const x = across(loss);
    const offset = [0, -1, 1, -2, 2, -3, 3].map((level) => level * 1.5 * DOT)
      .find((dy) => placed.every(([px, pdy]) => (px - x) ** 2 + (pdy - dy) ** 2 >= (1.8 * DOT) ** 2)) ?? 0;
    placed.push([x, offset]);
    context.beginPath();
    context.arc(x, y + offset, seed === only ? 1.5 * DOT : DOT, 0, 2 * Math.PI);
    context.fillStyle = ink(tint, filled ? 0.72 : 0.12);
    context.strokeStyle = ink(seed === only ? "ink" : tint);
    context.lineWidth = seed === only ? 2 : 1.1;
    context.fill();
    context.stroke();
  }
  const band = bandOf(losses);
  if (!band || order.length < 2) return;
  context.strokeStyle = ink("ink");
  context.lineWidth = 2;
  line(context, [[across(band.median), y - 15], [across(band.median), y + 15]]);
}
