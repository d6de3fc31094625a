// controls.js: the controls of the page, bound to the state by their names.
const byId = (id) => document.getElementById(id);
const controls = [...document.querySelectorAll(".choice select, .slider input")];

// A slider moves over the places of its values; a choice is the text of its value.
function readControl(control) {
  const offers = OFFERS[control.id];
  return control.type === "range" ? offers[Number(control.value)] : offered(control.id, control.value);
}

function showControls() {
  for (const control of controls) {
    const name = control.id;
    if (control.type !== "range") {
      control.value = String(state[name]);
      continue;
    }
    const values = OFFERS[name];
    control.value = String(values.indexOf(state[name]));
    const text = sliderText(name, state[name]);
    control.setAttribute("aria-valuetext", text);
    const output = control.parentElement.querySelector("output");
    output.textContent = text;
    output.classList.toggle("on", state[name] !== 0);
  }
  // A set has no more points than it has; of a user's all are taken.
  const all = SETS[state.data]?.train.y.length ?? 0;
  if (state.size >= all) byId("size").value = "all";
  byId("size").disabled = state.data === "pasted";
}

function sliderText(name, value) {
  if (name === "label_noise") return `${Math.round(100 * value)}\u00a0%`;
  if (value === 0) return say("off");
  // A power of ten as people write it: 1e-5, not 0.00001.
  return value < 0.0005 ? value.toExponential().replace("-", MINUS) : String(value);
}

function bindControls(change) {
  for (const control of controls) {
    control.addEventListener("input", () => change({ [control.id]: readControl(control) }));
  }
  byId("off").addEventListener("click", () => {
    change(Object.fromEntries(settings.regularizers.map(({ name }) => [name, 0])));
  });
}

// The choice between all seeds and one of them.
function listSeeds(count) {
  const select = byId("only");
  const chosen = select.value;
  const options = [["", count > 1 ? say("all {count} seeds", { count }) : say("the seed")]];
  if (count > 1) for (let seed = 0; seed < count; seed++) options.push([String(seed), say("seed {seed}", { seed })]);
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  select.value = options.some(([value]) => value === chosen) ? chosen : "";
}

function bindPoints(change) {
  byId("use-points").addEventListener("click", () => {
    const text = byId("points").value.trim();
    try {
      const count = parsePoints(text).length;
      byId("points-said").textContent = say("{count} points; three fifths of each class are trained on.", { count });
      change({ data: "pasted", points: text });
    } catch (error) {
      byId("points-said").textContent = say("Not taken: {why}.", { why: error.message });
    }
  });
}

function bindScript(written_) {
  byId("copy").addEventListener("click", async () => {
    const text = written_();
    byId("script").value = text;
    try {
      await navigator.clipboard.writeText(text);
      byId("copied").textContent = say("Copied.");
    } catch (error) {
      // A page from disk may not be allowed to write there.
      byId("script").select();
      byId("copied").textContent = say("Selected: copy it with Ctrl+C.");
    }
  });
}

// How a run ended, by its status.
const ENDED = { training: "", "stopped early": say("stopped early"), diverged: say("diverged") };

// One row per seed, for those who want numbers and for those who cannot see the dots.
function showTable(seeds) {
  const rows = seeds.runs.map((run) => {
    const [kept, last] = [run.kept.row, run.rows.at(-1)];
    const cells = [
      run.seed, kept?.epoch ?? "", kept ? written(kept.val_data_loss) : "", last ? written(last.val_data_loss) : "",
      last ? written(last.train_data_loss) : "", last ? written(last.val_penalty) : "",
      last ? written(last.val_accuracy, 2) : "", ENDED[run.status],
    ];
    const row = document.createElement("tr");
    cells.forEach((cell, i) => {
      const made = document.createElement(i ? "td" : "th");
      if (!i) made.scope = "row";
      if (i < cells.length - 1) made.className = "number";
      made.textContent = cell;
      row.append(made);
    });
    return row;
  });
  byId("table").tBodies[0].replaceChildren(...rows);
}
