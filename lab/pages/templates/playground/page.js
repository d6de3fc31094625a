// page.js: puts the page together: reads the state from the address, trains in slices, draws.
const SLICE = [12, 60];  // milliseconds of training per frame, so that controls answer at once
const BETWEEN = 120;     // milliseconds between two drawings
const PENALTIES = ["l1", "l2", "l2_start", "activity_l1", "activity_l2"];
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

let seeds = null;
let regions = null;
let before = null;       // what was kept for comparison
let playing = false;
let drawnAt = 0;
let frame = 0;
let endedAt = -Infinity; // when a training came to its end by itself
let trainedAt = 0;       // when the last slice of training ended

function begin(keepsComparison) {
  seeds = new Seeds(state, pointsOf(state));
  regions = new Regions(seeds);
  if (!keepsComparison) before = null;
  endedAt = -Infinity;
  listSeeds(state.seeds);
  show();
}

// What decides the pairs in which runs are compared: with others, what was kept says nothing.
const PAIRED = ["data", "points", "size", "label_noise", "seeds"];

function change(changes, anew = false) {
  const names = Object.keys(changes).filter((name) => state[name] !== changes[name]);
  if (!names.length) return;
  Object.assign(state, changes);
  keepInAddress();
  showControls();
  if (!anew && names.every((name) => LIVE.includes(name))) show();
  else begin(!names.some((name) => PAIRED.includes(name)));
}

const finished = () => seeds.ended || seeds.epochs >= state.epochs;

// Trains for so long; stops early after an epoch of all seeds if the charts are due, which compare equal epochs.
function trainFor(milliseconds) {
  const began = performance.now();
  do {
    if (seeds.turn === 0 && finished()) return pause(true);
    if (seeds.advance(state) && !still.matches && began - drawnAt > BETWEEN) return drawCharts();
  } while (performance.now() - began < milliseconds);
}

function tick() {
  if (!playing) return;
  frame = requestAnimationFrame(tick);
  // Training has at least as long as the rest of a frame takes, which is much where pictures are drawn slowly.
  trainFor(Math.min(SLICE[1], Math.max(SLICE[0], performance.now() - trainedAt)));
  trainedAt = performance.now();
  if (!playing) return;
  byId("epoch").textContent = String(seeds.epochs);
  if (!still.matches && regions.advance(byId("weights").value)) drawRegions();
}

// Nothing moves for those who asked for that: the pictures change when the training pauses.
function play() {
  if (finished()) begin(true);
  playing = true;
  trainedAt = performance.now();
  byId("play").textContent = say("Pause");
  byId("said").textContent = say("Training.");
  frame = requestAnimationFrame(tick);
}

function pause(ended = false) {
  playing = false;
  cancelAnimationFrame(frame);
  byId("play").textContent = say("Play");
  // The epoch of all seeds is brought to its end, so that they are compared after as many.
  while (seeds.turn) seeds.advance(state);
  show();
  if (ended) endedAt = performance.now();
  const epochs = epochsOf(seeds.epochs);
  byId("said").textContent = ended ? say("Finished after {epochs}.", { epochs }) : say("Paused after {epochs}.", { epochs });
}

function step() {
  if (playing) return pause();
  if (finished()) return;
  do seeds.advance(state); while (seeds.turn);
  show();
}

function drawRegions() {
  drawPlane(regions, { only: only(), validation: byId("held").checked });
}

const only = () => (byId("only").value === "" ? null : Number(byId("only").value));

function drawCharts() {
  drawnAt = performance.now();
  drawCurves(seeds, before, byId("metric").value);
  drawPenalty(seeds);
  byId("no-penalty").hidden = PENALTIES.some((name) => state[name]) || seeds.changes.length > 0;
  drawSpread(seeds, before, only());
  byId("summary").textContent = [summary(seeds), ...risen(seeds)].join(say(" "));
  byId("compared").textContent = comparison(seeds, before);
  if (byId("numbers").open) showTable(seeds);
}

// Everything that is shown, drawn anew.
function show() {
  byId("epoch").textContent = String(seeds.epochs);
  byId("of").textContent = say("of {count} epochs", { count: state.epochs });
  byId("of-short").textContent = say("of {count}", { count: state.epochs });
  regions.all(byId("weights").value);
  drawRegions();
  drawCharts();
  byId("spread").setAttribute("aria-label", say("Validation loss of each seed. {summary}", { summary: summary(seeds) }));
  byId("before").hidden = before === null;
  byId("before-key").hidden = before === null;
  byId("keep").disabled = !seeds.epochs;
  byId("script").value = script(seeds.points);
  byId("script-hint").textContent = seeds.changes.length
    ? say("Strengths were changed after epoch {epochs}; the experiment trains with the present ones from the start.", { epochs: seeds.changes.join(say(", ")) })
    : "";
}

function keep() {
  while (seeds.turn) seeds.advance(state);
  before = { state: { ...state }, bands: seeds.bands, kept: seeds.kept, epochs: seeds.epochs, changes: seeds.changes };
  byId("said").textContent = say("Kept: {setting}, after {epochs}.", { setting: regularizersInWords(), epochs: epochsOf(before.epochs) });
  // The next training is what is compared with it.
  const goesOn = playing;
  playing = false;
  cancelAnimationFrame(frame);
  begin(true);
  byId("play").textContent = say("Play");
  if (goesOn) play();
}

Object.assign(state, fromAddress(location.hash));
showControls();
bindControls(change);
bindPoints(change);
bindScript(() => script(seeds.points));
byId("points").value = state.points;
byId("play").addEventListener("click", () => {
  if (playing) return pause();
  // Who wanted to pause a training that has just ended does not want it to begin anew.
  if (performance.now() - endedAt > 500) play();
});
byId("step").addEventListener("click", step);
byId("restart").addEventListener("click", () => {
  if (playing) pause();
  begin(true);
  byId("said").textContent = say("Back at the initial weights.");
});
byId("keep").addEventListener("click", keep);
byId("before").addEventListener("click", () => {
  before = null;
  show();
});
for (const id of ["only", "weights", "held", "metric"]) byId(id).addEventListener("input", show);
byId("numbers").addEventListener("toggle", show);
window.addEventListener("resize", show);
dark.addEventListener("change", show);
window.addEventListener("hashchange", () => {
  if (playing) pause();
  change(fromAddress(location.hash), true);
});
begin(false);
document.documentElement.dataset.drawn = "all";
