// words.js: what is to be seen, in sentences; every number in them is computed from the runs that are shown.
const epochsOf = (count) => (count === 1 ? say("{count} epoch", { count }) : say("{count} epochs", { count }));
const seedsOf = (count) => (count === 1 ? say("{count} seed", { count }) : say("{count} seeds", { count }));

function summary(seeds) {
  const count = seeds.runs.length;
  if (!seeds.epochs) return say("{seeds}, not trained yet. Press play.", { seeds: seedsOf(count) });
  const last = bandOf(seeds.last.map((row) => row.val_data_loss));
  const kept = bandOf(seeds.kept.map((row) => row?.val_data_loss ?? NaN));
  const after = epochsOf(seeds.epochs);
  if (!last || !kept) return say("No loss is finite any more: the training has diverged after {epochs}.", { epochs: after });
  const epochs = bandOf(seeds.kept.map((row) => row?.epoch ?? NaN));
  if (count === 1) {
    return say("After {epochs} the validation loss of this one seed is {loss}; at its lowest, at epoch {kept}, it was {lowest}. Another seed may tell another story.",
      { epochs: after, loss: written(last.median), kept: epochs.median, lowest: written(kept.median) });
  }
  const values = { epochs: after, seeds: seedsOf(count), low: written(last.low), high: written(last.high) };
  const spread = last.low > 0
    ? say("After {epochs} the validation loss of {seeds} lies between {low} and {high}, a factor of {factor}.", { ...values, factor: (last.high / last.low).toFixed(1) })
    : say("After {epochs} the validation loss of {seeds} lies between {low} and {high}.", values);
  const ends = { low: written(kept.low), high: written(kept.high) };
  const lowest = epochs.low === epochs.high
    ? say("At its lowest, at epoch {epoch}, it was {low} to {high}.", { epoch: epochs.low, ...ends })
    : say("At its lowest, between epochs {first} and {last}, it was {low} to {high}.", { first: epochs.low, last: epochs.high, ...ends });
  return [spread, lowest].join(say(" "));
}

// Returns sentences: in how many seeds the loss has risen again, and how runs ended.
function risen(seeds) {
  if (!seeds.epochs) return [];
  const runs = seeds.runs.length;
  const rises = seeds.runs.map((run) => (run.rows.at(-1)?.val_data_loss ?? NaN) - run.kept.loss).filter(Number.isFinite);
  const up = rises.filter((rise) => rise > 0);
  const [stopped, diverged] = ["stopped early", "diverged"].map((status) => seeds.runs.filter((run) => run.status === status).length);
  return [
    up.length
      ? say("It has risen since then in {count} of {runs}, by {rise} in the median.", { count: up.length, runs, rise: written(bandOf(up).median) })
      : say("In no seed has it risen since."),
    ...(stopped ? [say("{count} of {runs} stopped early.", { count: stopped, runs })] : []),
    ...(diverged ? [say("{count} of {runs} diverged.", { count: diverged, runs })] : []),
  ];
}

// How a state differs from another one, in the order of the page.
function settingInWords(of, other) {
  const others = {
    widths: say("{widths} units", of), activation: of.activation, optimizer: of.optimizer,
    learning_rate: say("rate {learning_rate}", of), batch_size: say("batch {batch_size}", of),
  };
  const changed = Object.keys(others).filter((name) => of[name] !== other[name]).map((name) => others[name]);
  return [regularizersInWords(of), ...changed].join(say(", "));
}

// The seeds of both runs share their initial weights, batches and masks, so that they are compared in pairs.
function comparison(seeds, before) {
  if (!before || !seeds.epochs) return "";
  const found = pairedDifference(seeds.kept.map((row) => row?.val_data_loss ?? NaN), before.kept.map((row) => row?.val_data_loss ?? NaN));
  const [setting, other] = [settingInWords(state, before.state), settingInWords(before.state, state)];
  if (!found) return say("Before: {setting}. Two seeds or more are needed to compare.", { setting: other });
  const values = {
    setting, other, lower: found.lower, runs: found.n, epochs: epochsOf(seeds.epochs), before: before.epochs,
    difference: `${signed(found.mean)} [${signed(found.low)}, ${signed(found.high)}]`,
    verdict: found.low > 0 ? say("worse") : found.high < 0 ? say("better") : say("chance explains it as well"),
  };
  const compared = before.epochs === seeds.epochs
    ? say("Lowest validation loss, {setting} against {other}: {difference} per seed, lower in {lower} of {runs}: {verdict}.", values)
    : say("Lowest validation loss, {setting} against {other}, after {epochs} against {before}: {difference} per seed, lower in {lower} of {runs}: {verdict}.", values);
  if (!seeds.changes.length && !before.changes.length) return compared;
  return [compared, say("Strengths were changed while it trained, so this compares no two settings.")].join(say(" "));
}
