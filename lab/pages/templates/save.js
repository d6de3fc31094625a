// save.js: the chart over the epochs as PNG, SVG and CSV, and as a line of pandas that makes its numbers.
const fileName = (kind) => [drawn.name, measure().name.replaceAll(" ", "_")].join("-") + "." + kind;

function download(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  tell(say("Saved as {name}.", { name }));
}

const tell = (text) => { document.getElementById("saved").textContent = text; };

// A colour of the style sheet as an image needs it.
function resolved(text) {
  const probe = document.createElement("i");
  document.body.append(probe);
  const made = text.replaceAll(/var\(--[a-z0-9]+\)/g, (name) => {
    probe.style.color = name;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return made;
}

function wrapped(text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if ((lines.at(-1) + " " + word).length > width) lines.push(word);
    else lines[lines.length - 1] = (lines.at(-1) + " " + word).trim();
  }
  return lines;
}

// The chart with a title, a legend and a ground, for it is on its own in a file.
async function picture() {
  const seen = [...new Set(now().lines.map((line) => line.v))];
  const spec = epochsSpec();
  const values = { width: 760, ...signals() };
  const legend = { orient: "bottom", direction: "horizontal", symbolType: "stroke", symbolSize: 300, symbolStrokeWidth: 2,
    symbolOpacity: 1, labelColor: "var(--ink)" };
  Object.assign(spec, {
    height: 400, padding: 18, autosize: "pad", background: "var(--paper)",
    signals: spec.signals.map(({ name }) => ({ name, value: values[name] })),
    data: TABLES.map((name) => ({ name, values: tables()[name] || [] })),
    scales: [...spec.scales,
      { name: "names", type: "ordinal", domain: seen.map((v) => names[v]), range: seen.map(hue) },
      { name: "splits", type: "ordinal", domain: Object.keys(DASHES).map(named), range: Object.values(DASHES) }],
    legends: [
      { ...legend, stroke: "names", columns: 5, labelLimit: 180 },
      { ...legend, strokeDash: "splits", symbolStrokeColor: "var(--ink)" },
    ],
    title: { text: wrapped(drawn.title, 80), anchor: "start", color: "var(--ink)", fontSize: 16, offset: 14 },
  });
  const place = document.createElement("div");
  const embedded = await vegaEmbed(place, JSON.parse(resolved(JSON.stringify(spec))),
    { ...EMBEDDED, config: JSON.parse(resolved(JSON.stringify(EMBEDDED.config))), renderer: "none" });
  return embedded.view;
}

const quoted = (text) => (/[",\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);

// What is drawn, one row per epoch of a median or of a single seed.
function csv() {
  const rows = [["variant", "measured_on", "seed", "epoch", measure().name, "lower_quartile", "upper_quartile", "runs"]];
  for (const line of now().lines) {
    line.e.forEach((e, i) =>
      rows.push([names[line.v], line.split, "median", e, line.m[i], line.lo[i], line.hi[i], line.n[i]]));
  }
  for (const run of now().seeds) {
    run.e.forEach((e, i) => rows.push([names[run.v], run.split, runWords(run.s), e, run.y[i], "", "", 1]));
  }
  return rows.map((row) => row.map((cell) => quoted(String(cell ?? ""))).join(",") + "\n").join("");
}

// A text as Python writes it: JSON's escapes are Python's too.
const python = (text) => JSON.stringify(text);

// Where the table of histories is: pandas reads a path or an address.
function historiesAt() {
  if (form.dataset.single !== undefined) return drawn.histories;
  const at = new URL(drawn.histories, location.href.split("#")[0]);
  return at.protocol === "file:" ? decodeURIComponent(at.pathname).replace(/^\/(?=[A-Z]:)/, "") : at.href;
}

function pandas() {
  const variants = shownVariants();
  const folds = drawn.folds;
  const lost = curves.diverged.filter(([v]) => variants.includes(v)).map(([v, run]) =>
    `(${[python(names[v]), ...(folds ? [Math.floor(run / folds), run % folds] : [run])].join(", ")})`);
  const keys = ["variant", "seed", ...(folds ? ["fold"] : [])].map(python).join(", ");
  const columns = state.splits.map((split) => measure()[split]).filter(Boolean);
  return [
    `pd.read_csv(${python(historiesAt())}, dtype={"variant": str})`,
    columns.includes("gap") ? '.assign(gap=lambda t: t["val_data_loss"] - t["train_data_loss"])' : "",
    `.loc[lambda t: t["variant"].isin([${variants.map((v) => python(names[v])).join(", ")}])]`,
    // A run that diverged is in no median.
    lost.length ? `.loc[lambda t: ~t.set_index([${keys}]).index.isin([${lost.join(", ")}])]` : "",
    `.groupby(["variant", "epoch"], sort=False)[[${columns.map(python).join(", ")}]].median().unstack("variant")`,
  ].join("");
}

const saving = {
  svg: async () => download(new Blob([await (await picture()).toSVG()], { type: "image/svg+xml" }), fileName("svg")),
  png: async () => (await (await picture()).toCanvas(2)).toBlob((blob) => download(blob, fileName("png"))),
  csv: async () => download(new Blob([csv()], { type: "text/csv" }), fileName("csv")),
  pandas: async () => {
    const line = document.getElementById("pandas");
    line.value = pandas();
    line.parentElement.hidden = false;
    line.select();
    try {
      await navigator.clipboard.writeText(line.value);
      tell(say("Copied."));
    } catch (error) {
      // A browser that does not let a page write to the clipboard lets a person.
      tell(say("Copy the selected line."));
    }
  },
};
