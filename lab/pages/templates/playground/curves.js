// curves.js: the charts over the epochs, each a median over the seeds in two bands: the middle half, and all of them.

function drawCurves(seeds, before, metric) {
  const frame = prepared("losses");
  const epochs = Math.max(seeds.epochs, before?.bands.val_data_loss.length ?? 0, 10);
  const split = metric === "accuracy" ? ["train_accuracy", "val_accuracy"] : ["train_data_loss", "val_data_loss"];
  const shown = split.map((name) => seeds.bands[name]);
  const places = axes(frame, [0, epochs], metric === "accuracy" ? [lowest(shown), 1] : [0, highest([...shown, ...(before ? [before.bands[split[1]]] : [])])], { name: say("epoch") });
  drawChanges(frame.context, places, seeds.changes);
  if (before) drawMedian(frame.context, places, before.bands[split[1]], "before", [2, 3]);
  drawBand(frame.context, places, shown[0], "ink", 0.55);
  drawBand(frame.context, places, shown[1], "validation", 1);
  drawMedian(frame.context, places, shown[0], "ink", []);
  drawMedian(frame.context, places, shown[1], "validation", [6, 3]);
}

function drawPenalty(seeds) {
  const frame = prepared("penalty");
  const epochs = Math.max(seeds.epochs, 10);
  const bands = seeds.bands.val_penalty;
  const places = axes(frame, [0, epochs], [0, highest([bands], 1e-9)], { name: say("epoch") });
  drawChanges(frame.context, places, seeds.changes);
  drawBand(frame.context, places, bands, "penalty", 1);
  drawMedian(frame.context, places, bands, "penalty", []);
}

// The upper end of an axis that leaves out single seeds far above the others, but no median and no middle half.
function highest(lists, least = 0.05) {
  let end = 0;
  for (const bands of lists) for (const band of bands) if (band) end = Math.max(end, Math.min(band.high, 1.6 * band.upper), band.upper);
  return end ? 1.04 * end : least > 0.01 ? 1 : 0.1;
}

function lowest(lists) {
  let end = 1;
  for (const bands of lists) for (const band of bands) if (band) end = Math.min(end, band.low);
  return Math.max(0, end - 0.03);
}

// Long trainings have more epochs than the chart has pixels.
function thinned(bands, { left, right }) {
  const step = Math.max(1, Math.floor(bands.length / (right - left)));
  return bands.map((band, i) => [i + 1, band]).filter(([epoch, band]) => band && (epoch % step === 0 || epoch === bands.length));
}

function clipped(context, { left, right, top, bottom }, draw) {
  context.save();
  context.beginPath();
  context.rect(left, top - 2, right - left, bottom - top + 2);
  context.clip();
  draw();
  context.restore();
}

function drawBand(context, places, bands, name, strength) {
  const { across, up } = places;
  const shown = thinned(bands, places);
  clipped(context, places, () => {
    for (const [low, high, alpha] of [["low", "high", 0.13], ["lower", "upper", 0.2]]) {
      context.fillStyle = ink(name, alpha * strength);
      context.beginPath();
      for (const [epoch, band] of shown) context.lineTo(across(epoch), up(band[high]));
      for (const [epoch, band] of shown.toReversed()) context.lineTo(across(epoch), up(band[low]));
      context.fill();
    }
  });
}

function drawMedian(context, places, bands, name, dashes) {
  const { across, up } = places;
  clipped(context, places, () => {
    context.strokeStyle = ink(name);
    context.lineWidth = 1.8;
    context.lineJoin = "round";
    context.setLineDash(dashes);
    line(context, thinned(bands, places).map(([epoch, band]) => [across(epoch), up(band.median)]));
  });
}

// A tick at each epoch after which a strength was changed: what comes then is no experiment with one setting.
function drawChanges(context, { across, top, bottom }, changes) {
  context.strokeStyle = ink("soft", 0.55);
  context.lineWidth = 1;
  context.setLineDash([1, 3]);
  for (const epoch of changes) line(context, [[across(epoch), top], [across(epoch), bottom]]);
  context.setLineDash([]);
}
