// controls.js: the controls of the charts: what they change in the state, and how they show it.
const form = document.getElementById("controls");
const inputs = (selector) => (form ? [...form.querySelectorAll(selector)] : []);

// A choice of a variant by its name, its curve or its row; the same once more takes it back.
function choose(v, run = null) {
  if (v < 0 && state.variant < 0) return;
  const again = state.variant === v && state.run === run;
  update({ variant: again ? -1 : v, run: again ? null : run });
}

const strengthSays = () =>
  (state.at < 0 ? say("all {count} strengths", { count: path().places.length }) : path().says[state.at]);

function showControls() {
  for (const input of inputs("[data-state]")) {
    const { state: name } = input.dataset;
    if (input.type === "checkbox") input.checked = name === "logy" ? isLog() : state[name];
    else if (input.type === "radio") input.checked = state[name] === +input.value;
    else input.value = name === "at" ? state.at + 1 : state[name];
  }
  for (const input of inputs("[data-list]")) input.checked = state[input.dataset.list].includes(valueOf(input));
  for (const input of inputs("[data-end]")) {
    const [name, end] = input.dataset.end;
    // What is being typed stays as it is.
    if (input !== document.activeElement) input.value = +fitted[name][+end].toPrecision(4);
    input.removeAttribute("aria-invalid");
  }
  for (const input of inputs("[data-whole]")) input.checked = state.y === "whole";
  const reset = document.getElementById("reset");
  if (reset) reset.disabled = state.x === null && state.y === null;
  const smooth = document.getElementById("smooth-said");
  if (smooth) {
    smooth.value = state.smooth ? say("mean of {count}", { count: 2 * state.smooth + 1 }) : say("off");
    inputs("[data-state=smooth]")[0].setAttribute("aria-valuetext", smooth.value);
  }
  showFan();
  showPicked(document);
}

// Shows which name is pressed: that of the chosen variant, or of its chosen run.
function showPicked(within) {
  for (const button of within.querySelectorAll("button.pick")) {
    const { v, run } = button.dataset;
    const pressed = String(+v === state.variant && (run === undefined ? state.run === null : +run === state.run));
    if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
  }
}

function showFan() {
  const slider = document.getElementById("at");
  if (!slider) return;
  document.getElementById("fan").hidden = !path();
  if (!path()) return;
  slider.max = path().places.length;
  slider.value = state.at + 1;
  slider.setAttribute("aria-valuetext", strengthSays());
  document.getElementById("at-said").value = strengthSays();
  const ramp = document.getElementById("ramp");
  ramp.replaceChildren(...path().places.map((v) => {
    const step = document.createElement("span");
    step.style.background = hue(v);
    return step;
  }));
  const [weakest, strongest] = document.querySelectorAll("#fan .end");
  [weakest.textContent, strongest.textContent] = path().ends;
}

const valueOf = (input) => (input.dataset.list === "splits" ? input.value : +input.value);

function changed(input) {
  const { state: name, list, end } = input.dataset;
  if (list) {
    update({ [list]: inputs(`[data-list="${list}"]:checked`).map(valueOf) });
  } else if ("whole" in input.dataset) {
    update({ y: input.checked ? "whole" : null });
  } else if (end) {
    const pair = ["0", "1"].map((place) => inputs(`[data-end="${end[0]}${place}"]`)[0].value);
    const [from, to] = pair.map((text) => (text === "" ? NaN : +text));
    const log = end[0] === "x" ? state.logx : isLog();
    // While a number is typed, the ends may be in no order; then the axis waits.
    const right = from < to && (!log || from > 0);
    if (right) update({ [end[0]]: [from, to] });
    input.setAttribute("aria-invalid", !right);
  } else if (name === "metric") {
    update({ metric: +input.value, logy: null, y: null });
  } else if (name === "family") {
    update({ family: +input.value, at: -1 });
  } else if (name === "at") {
    update({ at: +input.value - 1 });
  } else {
    const log = name === "logx" ? { x: null } : name === "logy" ? { y: null } : {};
    update({ [name]: input.type === "checkbox" ? input.checked : +input.value, ...log });
  }
}

function controlling() {
  form.addEventListener("input", (event) => changed(event.target));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("focusout", showControls);
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { all, none, save } = button.dataset;
    if (all) {
      // All variants are those with a switch of their own and a fan; one that was switched off comes back.
      const fan = all === "shown" && !path() && paths.length ? { family: START.family, at: -1 } : {};
      update({ [all]: inputs(`[data-list="${all}"]`).map(valueOf), ...fan });
    }
    if (none) update({ [none]: [], ...(none === "shown" ? { family: -1, at: -1, variant: -1, run: null } : {}) });
    if (button.id === "reset") resetAxes();
    if (save) saving[save]();
  });
}

// Names anywhere on the page bring their variant forward while the mouse or the focus is on them.
function naming() {
  const named = (event) => event.target.closest && event.target.closest("[data-v]:not(svg)");
  for (const type of ["pointerover", "focusin"]) {
    document.addEventListener(type, (event) => bringForward(named(event) ? +named(event).dataset.v : -1));
  }
  document.addEventListener("focusout", () => bringForward(-1));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.pick");
    if (button) choose(+button.dataset.v, button.dataset.run === undefined ? null : +button.dataset.run);
  });
}
