// words.js: what is to be seen, in sentences; every number in them is computed from the runs that are shown.
const range = (band) => `${written(band.low)} to ${written(band.high)}`;
const epochsOf = (count) => (count === 1 ? "1 epoch" : `${count} epochs`);
const seedsOf = (count) => (count === 1 ? "1 seed" : `${count} seeds`);

function summary(seeds) {
  if (!seeds.epochs) return `${seedsOf(seeds.runs.length)}, not trained yet. Press play.`;
  const last = bandOf(seeds.last.map((row) => row.val_data_loss));
  const kept = bandOf(seeds.kept.map((row) => row?.val_data_loss ?? NaN));
  if (!last || !kept) return `No loss is finite any more: the training has diverged after ${epochsOf(seeds.epochs)}.`;
  const epochs = bandOf(seeds.kept.map((row) => row?.epoch ?? NaN));
  const count = seeds.runs.length;
  const when = epochs.low === epochs.high ? `at epoch ${epochs.low}` : `between epochs ${epochs.low} and ${epochs.high}`;
  if (count === 1) {
    return `After ${epochsOf(seeds.epochs)} the validation loss of this one seed is ${written(last.median)}; at its lowest, ` +
      `at epoch ${epochs.median}, it was ${written(kept.median)}. Another seed may tell another story.`;
  }
  const factor = last.low > 0 ? `, a factor of ${(last.high / last.low).toFixed(1)}` : "";
  return `After ${epochsOf(seeds.epochs)} the validation loss of ${seedsOf(count)} lies between ${written(last.low)} and ` +
    `${written(last.high)}${factor}. At its lowest, ${when}, it was ` +
    `${range(kept)}.`;
}

function risen(seeds) {
  if (!seeds.epochs) return "";
  const rises = seeds.runs.map((run) => (run.rows.at(-1)?.val_data_loss ?? NaN) - run.kept.loss).filter(Number.isFinite);
  const up = rises.filter((rise) => rise > 0);
  const stopped = ["stopped early", "diverged"]
    .map((status) => [status, seeds.runs.filter((run) => run.status === status).length])
    .map(([status, count]) => (count ? ` ${count} of ${seeds.runs.length} ${status}.` : "")).join("");
  if (!up.length) return `In no seed has it risen since.${stopped}`;
  return `It has risen since then in ${up.length} of ${seeds.runs.length}, by ${written(bandOf(up).median)} in the median.${stopped}`;
}

// How a state differs from another one, in the order of the page.
function settingInWords(of, other) {
  const others = {
    widths: `${of.widths} units`, activation: of.activation, optimizer: of.optimizer, learning_rate: `rate ${of.learning_rate}`,
    batch_size: `batch ${of.batch_size}`,
  };
  const changed = Object.keys(others).filter((name) => of[name] !== other[name]).map((name) => others[name]);
  return [regularizersInWords(of), ...changed].join(", ");
}

// The seeds of both runs share their initial weights, batches and masks, so that they are compared in pairs.
function comparison(seeds, before) {
  if (!before || !seeds.epochs) return "";
  const found = pairedDifference(seeds.kept.map((row) => row?.val_data_loss ?? NaN), before.kept.map((row) => row?.val_data_loss ?? NaN));
  const [words, wordsBefore] = [settingInWords(state, before.state), settingInWords(before.state, state)];
  if (!found) return `Before: ${wordsBefore}. Two seeds or more are needed to compare.`;
  const difference = `${signed(found.mean)} [${signed(found.low)}, ${signed(found.high)}]`;
  const unequal = before.epochs === seeds.epochs ? "" : `, after ${epochsOf(seeds.epochs)} against ${before.epochs}`;
  const verdict = found.low > 0 ? "worse" : found.high < 0 ? "better" : "chance explains it as well";
  const fair = seeds.changes.length || before.changes.length ? " Strengths were changed while it trained, so this compares no two settings." : "";
  return `Lowest validation loss, ${words} against ${wordsBefore}${unequal}: ${difference} per seed, ` +
    `lower in ${found.lower} of ${found.n}: ${verdict}.${fair}`;
}
