"use strict";
// boot.js: loads the two scripts that all pages of a folder of results share: Vega, and the one that draws the page.
(() => {
  const [vega, page] = document.currentScript.dataset.load.split(" ");
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
      place.textContent = "This chart cannot be drawn: " + missing + " is missing. Keep this page in its folder of " +
        "results, or make one for sending with “python -m lab export page”.";
      place.className = "failed";
    }
    document.documentElement.dataset.drawn = "some";
  };
  // Without Vega the page's own script says so in the place of each chart, and its tables work.
  load(vega, (lost) => load(page, (missing) => finish(missing && (lost || missing))));
})();
