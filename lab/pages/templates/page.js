"use strict";
// Draws the charts, passes the values of the controls on to them, and sorts the table. The charts themselves are
// declared in the page's data; Vega's own inputs can be neither grouped nor named, and cannot show a strength.
(async () => {
  const VEGA = "../assets/vega.js";
  const drawn = JSON.parse(document.getElementById("drawn").textContent);
  const views = {};
  const failed = [];

  // The embedder may write into what it is given, and tables are shared by several charts.
  const copy = (value) => JSON.parse(JSON.stringify(value));

  // A page for sending holds Vega itself; the others load the one copy that all pages of a folder of results share.
  function vega() {
    if (window.vegaEmbed) return Promise.resolve();
    return new Promise((resolve) => {
      const script = document.createElement("script");
      script.src = VEGA;
      script.onload = script.onerror = resolve;
      document.head.append(script);
    });
  }

  async function draw(id, spec, tables) {
    const place = document.getElementById(id);
    try {
      if (!window.vegaEmbed) {
        throw new Error(VEGA + " is missing. Keep this page in its folder of results, or make one for sending with " +
          "“python -m lab export page”.");
      }
      const datasets = copy(tables);
      const embedded = await vegaEmbed(place, { ...copy(spec), datasets }, {
        ast: true, renderer: "svg", actions: false, tooltip: { disableDefaultStyle: true },
        // Selecting nothing is no fault: no warnings about empty extents.
        logLevel: 1,
      });
      if (views[id]) views[id].finalize();
      views[id] = embedded.view;
    } catch (error) {
      place.textContent = "This chart cannot be drawn: " + error.message;
      place.className = "failed";
      failed.push(id);
      console.error(id, error);
    }
  }

  const set = (id, name, value) => views[id] && views[id].signal(name, value).runAsync();

  function controls(form) {
    const id = form.dataset.chart;
    const checked = (kind, name) =>
      [...form.querySelectorAll(`[data-${kind}="${name}"]:checked`)].map((input) => input.value);
    function apply(input) {
      const { list, words, flag, number } = input.dataset;
      if (list) set(id, list, checked("list", list).map(Number));
      if (words) set(id, words, checked("words", words));
      if (flag) set(id, flag, input.checked);
      if (number) {
        const [first, last] = ["first", "last"].map((name) => form.querySelector(`[data-number="${name}"]`));
        // One end pushes the other.
        if (+first.value >= +last.value) {
          if (input === first) last.value = +first.value + 1;
          else first.value = +last.value - 1;
        }
        for (const end of [first, last]) {
          end.nextElementSibling.value = end.value;
          set(id, end.dataset.number, +end.value);
        }
      }
    }
    form.addEventListener("input", (event) => apply(event.target));
    form.addEventListener("click", (event) => {
      const list = event.target.dataset.all || event.target.dataset.none;
      if (!list) return;
      const inputs = [...form.querySelectorAll(`[data-list="${list}"]`)];
      for (const input of inputs) input.checked = "all" in event.target.dataset;
      apply(inputs[0]);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    // A browser keeps what was chosen when a page is loaded again.
    form.reset();
  }

  async function path(family, at) {
    await draw("path", family.path, { path: family.losses });
    await draw("at_strength", family.at_strength, { medians: drawn.data.medians });
    move(family, at);
  }

  function move(family, at) {
    const slider = document.getElementById("at");
    slider.max = family.words.length - 1;
    slider.value = at;
    slider.setAttribute("aria-valuetext", family.words[at]);
    document.getElementById("at-said").value = family.words[at];
    set("path", "at", at);
    set("at_strength", "at", at);
  }

  function strengths(form) {
    form.reset();
    const chosen = () => drawn.paths[form.elements.family ? +form.elements.family.value : 0];
    form.addEventListener("input", (event) => {
      if (event.target.id === "at") move(chosen(), +event.target.value);
      else path(chosen(), chosen().start);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    return path(chosen(), chosen().start);
  }

  function sortable(table) {
    const body = table.tBodies[0];
    const first = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const words = new Intl.Collator("en", { numeric: true });
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" }[head.ariaSort];
        for (const other of heads) other.ariaSort = other === head ? next : "none";
        const key = (row) => row.cells[column].dataset.key;
        const number = head.classList.contains("number");
        const order = next === "descending" ? -1 : 1;
        const rows = [...first];
        if (next !== "none") {
          rows.sort((a, b) => {
            const [x, y] = [key(a), key(b)];
            // An unknown value comes last in both directions.
            if (x === "" || y === "") return (x === "") - (y === "");
            return order * (number ? x - y : words.compare(x, y));
          });
        }
        body.append(...rows);
      });
    });
  }

  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("form[data-chart]").forEach(controls);
  await vega();
  for (const [id, chart] of Object.entries(drawn.charts)) {
    await draw(id, chart.spec, Object.fromEntries(chart.tables.map((name) => [name, drawn.data[name]])));
  }
  const slide = document.getElementById("slide");
  if (slide) await strengths(slide);
  document.documentElement.dataset.drawn = failed.length ? "some" : "all";
})();
