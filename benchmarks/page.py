"""How long a page over many runs takes to open and to answer a click, measured inside a real browser.

    python -m benchmarks.page                     # 20 variants with 50 seeds each: 1000 runs of 150 epochs
    python -m benchmarks.page --variants 100 --seeds 10 --json page.json

A page with the columns of the lab's own histories is made of numbers drawn here, and opened from disk in headless
Chromium. Its own clock (`performance.now`) takes the time of each click: from the click until the frame after the last
change is painted, so that the driver of the browser is not counted. Reported are the median and the most of several
clicks of each kind, and what a click costs the page's own thread, which a busy machine changes less: scripts, style and
layout together.
"""

import argparse
import json
import shutil
import statistics as stat
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from lab import pages, results, statistics

CLICK = """
async ([selector, index]) => {
  const elements = [...document.querySelectorAll(selector)].filter(one => !one.closest('[hidden]'));
  const element = elements[index % elements.length];
  const chart = document.getElementById('curves');
  await new Promise(done => requestAnimationFrame(() => setTimeout(done, 60)));
  const from = performance.now();
  element.click();
  while (chart.getAttribute('aria-busy') === 'true') await new Promise(done => queueMicrotask(() => setTimeout(done)));
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - from;
}
"""
"""Clicks an element; returns the milliseconds until what it changed is painted."""

CLICKS = {
    "choose a run": ("#runs-table button.pick", 1, 13),
    "choose a variant": ("table.sortable button.pick", 0, 1),
    "switch a variant": ("[data-list=shown]", 0, 1),
    "switch a band": ("[data-state=band]", 0, 0),
    "show a seed": ("[data-list=seeds]", 0, 1),
    "logarithmic values": ("[data-state=logy]", 0, 0),
    "sort the runs": ("#runs-table thead button", 2, 1),
    "all variants": ("[data-all=shown]", 0, 0),
}
"""The kinds of clicks: what is clicked, which of them is first, and how many further the next one is."""


def make(folder: Path, variants: int, seeds: int, epochs: int) -> Path:
    """Write the tables and the page of an experiment whose histories are drawn at random; return the page."""
    generator = np.random.default_rng(0)
    epoch = np.arange(1, epochs + 1)
    parts = []
    for variant in range(variants):
        for seed in range(seeds):
            fall = 0.4 + 1.5 * np.exp(-epoch / (5 + variant / 3)) + 0.02 * generator.standard_normal(epochs)
            rise = 0.002 * epoch * (1 - variant / variants) + 0.02 * generator.standard_normal(epochs)
            parts.append(
                pd.DataFrame(
                    {
                        "experiment": folder.name,
                        "variant": f"variant_{variant:03d}" if variant else "none",
                        "seed": seed,
                        "epoch": epoch,
                        "loss": fall + 0.01,
                        "train_data_loss": fall,
                        "train_accuracy": np.exp(-fall),
                        "val_data_loss": fall + rise,
                        "val_penalty": 0.01,
                        "val_loss": fall + rise + 0.01,
                        "val_accuracy": np.exp(-fall - rise),
                        "gap": rise,
                        "learning_rate": 0.001,
                    }
                )
            )
    histories = pd.concat(parts, ignore_index=True)
    summary = statistics.facts(histories)
    summary["status"] = "finished"
    summary["test_data_loss"] = summary["val_data_loss"] + 0.01
    tables = {"histories": histories, "summary": summary, "comparison": statistics.compare(summary, "none")}
    for name, table in tables.items():
        results.write_atomically(folder / f"{name}.csv", results.to_csv(table))
    return pages.experiment_page(folder)


def measure(page_file: Path, clicks: int) -> dict[str, object]:
    """Open a page and return its milliseconds: to open, and for each kind of click the median, the most
    and the mean of its own."""
    from playwright.sync_api import sync_playwright

    found: dict[str, object] = {"megabytes": round(page_file.stat().st_size / 1e6, 2)}
    with sync_playwright() as playwright:
        chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")

        def spent() -> float:
            metrics = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
            return 1000 * sum(metrics[f"{name}Duration"] for name in ("Script", "RecalcStyle", "Layout"))

        page.goto(page_file.as_uri())
        page.wait_for_selector("html[data-drawn=all]", state="attached")
        drawn = "performance.getEntriesByName('drawn')[0]?.startTime ?? performance.now()"
        found["open"] = round(page.evaluate(drawn))
        page.evaluate("document.getElementById('runs').open = true")
        page.wait_for_selector("#runs-table tbody tr")
        for kind, (selector, first, step) in CLICKS.items():
            times = []
            before, own = spent(), 0.0
            for turn in range(clicks):
                times.append(page.evaluate(CLICK, [selector, first + step * turn]))
                own += spent() - before
                if kind == "choose a run":
                    # Another choice needs the whole table again.
                    page.evaluate("document.getElementById('runs-all').click()")
                    page.wait_for_selector("#curves[aria-busy=false]")
                before = spent()
            found[kind] = {"median": round(stat.median(times)), "most": round(max(times)), "own": round(own / clicks)}
        browser.close()
    return found


def main() -> None:
    """Make a page, measure it and print what was found."""
    options = argparse.ArgumentParser(description="Measure a page over many runs in a browser.")
    options.add_argument("--variants", type=int, default=20)
    options.add_argument("--seeds", type=int, default=50)
    options.add_argument("--epochs", type=int, default=150)
    options.add_argument("--clicks", type=int, default=7)
    options.add_argument("--page", type=Path, help="a page that is there already")
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = chosen.page or make(Path(folder) / "many", chosen.variants, chosen.seeds, chosen.epochs)
        found = measure(page, chosen.clicks)
    for kind, value in found.items():
        print(f"{kind}: {value}")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
