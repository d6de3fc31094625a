"use strict";
// boot.js: loads the two scripts that all pages of a folder of results share: Vega, and the one that draws the page.
(() => {
  const { load: files, lost = "This chart cannot be drawn: {file} is missing. Keep this page in its folder of " +
    "results, or make one for sending with “python -m lab export page”." } = document.currentScript.dataset;
  const [vega, page] = files.split(" ");
  const load = (source, then) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = () => then();
    script.onerror = () => then(source);
    document.head.append(script);
  };
  const finish = (missing) => {
    if (!missing) return;
    for (const place of document.querySelectorAll(".chart")) {
      place.textContent = lost.replace("{file}", missing);
      place.className = "failed";
    }
    document.documentElement.dataset.drawn = "some";
  };
  // Without Vega the page's own script says so in the place of each chart, and its tables work.
  load(vega, (noVega) => load(page, (missing) => finish(missing && (noVega || missing))));
})();
