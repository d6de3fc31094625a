// state.js: what is chosen. It is kept in the address (#data=moons&l2=0.01), so that it survives a reload and can be
// sent; only what differs from the start is there. What an address says and the page does not offer is ignored.
const STRENGTHS = Object.fromEntries(settings.regularizers.map((one) => [one.name, one.values]));
const START = { ...settings.start, ...Object.fromEntries(Object.keys(STRENGTHS).map((name) => [name, 0])), points: "" };
const OFFERS = { ...settings.choices, ...STRENGTHS, data: [...Object.keys(SETS), "pasted"] };

const state = { ...START };

// Other values begin the training anew; these act from the next epoch on.
const LIVE = [...Object.keys(STRENGTHS), "epochs", "optimizer", "learning_rate", "batch_size"];

function offered(name, text) {
  if (name === "points") return text;
  // A number may be written in another way: 1e-5, as Python does.
  const number = text.trim() === "" ? NaN : Number(text);
  return OFFERS[name]?.find((value) => String(value) === text || value === number);
}

function address() {
  const changed = Object.keys(START).filter((name) => state[name] !== START[name]);
  return changed.map((name) => name + "=" + encodeURIComponent(state[name])).join("&");
}

function fromAddress(text) {
  const chosen = { ...START };
  for (const part of text.replace(/^#/, "").split("&")) {
    const [name, written] = part.split("=");
    if (!(name in START) || written === undefined) continue;
    try {
      const value = offered(name, decodeURIComponent(written));
      if (value !== undefined) chosen[name] = value;
    } catch (error) {
      // An address that was torn on its way says nothing.
    }
  }
  if (chosen.data === "pasted") {
    try {
      parsePoints(chosen.points);
    } catch (error) {
      chosen.data = START.data;
    }
  }
  return chosen;
}

function keepInAddress() {
  const text = address();
  history.replaceState(null, "", location.href.split("#")[0] + (text ? "#" + text : ""));
}

const widthsOf = (text) => text.split("-").map(Number);

// The regularizers that are on, in the order of the page.
const regularizersOn = (of = state) => settings.regularizers.filter(({ name }) => of[name] !== 0);

// In the language of the page; without words in English.
function regularizersInWords(of = state, words = settings.words) {
  const on = regularizersOn(of);
  if (!on.length) return say("no regularizer", {}, words);
  const elastic = of.l1 && of.l2;
  // Within a sentence "Dropout" is small; "L2" and "DropConnect" are names.
  const small = (label) => label.replace(/^[A-Z](?=[a-z]+\b)/, (letter) => letter.toLowerCase());
  const strengths = on
    .filter(({ name }) => !(elastic && (name === "l1" || name === "l2")))
    .map(({ name, label }) => `${small(say(label, {}, words))} ${of[name]}`);
  return [...(elastic ? [say("elastic net {l1} + {l2}", of, words)] : []), ...strengths].join(say(", ", {}, words));
}
