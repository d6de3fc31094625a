// reliability.js: the reliability curve of the chosen variant, drawn once its panel is unfolded.
const reliabilityFold = document.getElementById("reliability");
let reliabilityOf = null;             // the place of the variant whose curve is drawn

async function showReliability() {
  if (!reliabilityFold || !reliabilityFold.open) return;
  const { spec, curves: of } = drawn.reliability;
  const v = state.variant in of ? state.variant : +Object.keys(of)[0];
  document.getElementById("reliability-variant").value = v;
  if (v === reliabilityOf) return;
  reliabilityOf = v;
  await draw("reliability-curve", { ...spec, datasets: { reliability: of[v] } });
}

function unfolding() {
  if (!reliabilityFold) return;
  reliabilityFold.addEventListener("toggle", showReliability);
  reliabilityFold.addEventListener("input", (event) => update({ variant: +event.target.value, run: null }));
}
