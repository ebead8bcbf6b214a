"""Take the pictures of TensorBoard's panels that the pages on logging show; needs Chromium and its driver.

    python book/tensorboard_panels.py                   # all of them, also by `make screenshots`
    python book/tensorboard_panels.py histograms        # one

The lesson cells of a page write their event files, a real TensorBoard serves them on a free port, and Chromium opens
each panel. Once the panel has drawn its last element, the picture goes to `book/_static/panels/`, and what the browser
computed for the histograms to `book/results/tensorboard_panels.json`.
"""

import argparse
import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from browser import DEEP, find_driver, opened, save, show, started, wait_until_drawn

from helpers.paths import project_root, replacing, results_root

CHAPTER = project_root() / "chapters" / "4_visualization"
PICTURES = project_root() / "book" / "_static" / "panels"
RECORD = results_root() / "tensorboard_panels.json"
# Name of the picture: page, panel, the elements that show it has been drawn ("HOST >> INSIDE"), width, height (CSS px).
PANELS = {
    "scalars": ("01_log_numbers", "scalars", "vz-line-chart2 >> path", 900, 470),
    "histograms": ("01_log_numbers", "histograms", "vz-histogram-timeseries >> path", 900, 400),
    "distributions": ("01_log_numbers", "distributions", "vz-distribution-chart >> path", 900, 400),
    "pr_curves": ("01_log_numbers", "pr_curves", "vz-line-chart2 >> path", 900, 520),
    "images": ("02_log_pictures", "images", "tf-image-loader >> img", 1080, 760),
    "text": ("02_log_pictures", "text", "tf-text-loader >> tf-markdown-view", 900, 400),
    "hparams": ("02_log_pictures", "hparams", "tf-hparams-session-group-values", 900, 400),
    "custom_scalars": ("02_log_pictures", "custom_scalars", "vz-line-chart2 >> path", 900, 400),
    "graphs": ("02_log_pictures", "graphs", "tf-graph-scene >> g.node", 900, 640),
    "projector": ("02_log_pictures", "projector", "vz-projector >> canvas", 900, 640),
    "audio": ("02_log_pictures", "audio", "tf-audio-loader >> audio", 900, 400),
    "mesh": ("02_log_pictures", "mesh", "tf-mesh-loader >> canvas", 900, 640),
}
# what the browser drew in each chart: run -> [step, [[left, width, count] for each bar]] for each step
BINS = """return Object.fromEntries(find("vz-histogram-timeseries").map(e => [e.getRootNode().host.run,
  e._data.map(h => [h.step, h.bins.map(b => [b.x, b.dx, b.y])])]))"""


def run_lesson(page: str) -> dict:
    """Run the cells of a page before its exercises, with the sample on the CPU; return the names they bind."""
    names: dict = {}
    for cell in nbformat.read(CHAPTER / f"{page}.ipynb", as_version=4).cells:
        if "answer" in cell.metadata.get("tags", []):
            break
        if cell.cell_type == "code" and "results_root()" not in cell.source:  # the record is what is made here
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(cell.source, page, "exec"), names)
    return names


@contextlib.contextmanager
def tensorboard(folder: str | Path) -> Iterator[str]:
    """TensorBoard, which serves the runs below a folder on a free port: its address."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", ".", "--port", "0", "--load_fast", "false",
               "--samples_per_plugin", "images=100"]  # fmt: skip
    with started(command, r"TensorBoard .* at (http://\S+)", folder) as server:
        yield server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PANELS)} (default: all)")
    names = parser.parse_args().names or list(PANELS)
    if unknown := set(names) - set(PANELS):
        parser.error(f"no such panel: {', '.join(sorted(unknown))}")
    driver = find_driver()
    if driver is None:
        return 1
    os.environ |= {"BOOK_SOURCE": "sample", "BOOK_DEVICE": "cpu", "MPLBACKEND": "Agg", "TQDM_DISABLE": "1"}
    for page in dict.fromkeys(PANELS[name][0] for name in names):
        with tensorboard(run_lesson(page)["run"]) as server, opened(driver) as window:
            time.sleep(3)  # TensorBoard answers before it has read everything
            for name in names:
                shown_on, panel, drawn, width, height = PANELS[name]
                if shown_on != page:
                    continue
                show(window, f"{server}#{panel}", width, height)
                wait_until_drawn(window, drawn)
                save(window.get_screenshot_as_png(), PICTURES / f"{name}.png")
                if name == "histograms":
                    facts = {"command": "python book/tensorboard_panels.py",
                             "histograms": window.execute_script(DEEP + BINS)}  # fmt: skip
                    with replacing(RECORD) as temporary:
                        temporary.write_text(json.dumps(facts, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
