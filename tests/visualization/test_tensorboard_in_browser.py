"""What TensorBoard shows in a real browser: each panel must name the tags of a run that was written a moment ago."""

import sys
import time
import warnings

import nbformat
import pytest
import torch
from support import PROJECT
from torch import nn

from helpers.visualization.writers import RunWriter

sys.path.insert(0, str(PROJECT / "book"))
import browser  # noqa: E402
from tensorboard_panels import PANELS, tensorboard  # noqa: E402

DRAWN = {panel: drawn for _, panel, drawn, *_ in PANELS.values()}
# What each panel says that no other panel does.
TAGS = {
    "scalars": {"plover/teal"},
    "images": {"images/wigeon"},
    "histograms": {"weights/kestrel.weight", "gradients/kestrel.bias"},
    "graphs": {"Bittern"},
    "projector": {"avocet:00000"},
}


class Bittern(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kestrel = nn.Linear(4, 3)

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        return self.kestrel(points)


def write_run(folder) -> None:
    model, points = Bittern(), torch.randn(8, 4)
    model(points).sum().backward()
    with RunWriter(folder) as writer:
        for step in (1, 2):
            writer.scalars("plover", {"teal": 1.0 / step}, step)
        writer.images("wigeon", torch.zeros(2, 3, 8, 8), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), 0)
        writer.histograms(model, 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # tracing is deprecated
            writer.writer.add_graph(model, points)
        writer.writer.add_embedding(points, [f"point {k}" for k in range(8)], tag="avocet", global_step=0)


def shown(window, panel: str, seconds: float = 30) -> set[str]:
    """The tags of all panels that this one shows, once it has drawn its own."""
    end, own = time.monotonic() + seconds, TAGS[panel]
    while True:
        texts = set(browser.visible_texts(window))
        if (own <= texts and browser.count(window, DRAWN[panel])) or time.monotonic() > end:
            return texts & set().union(*TAGS.values())
        time.sleep(0.2)


def test_each_panel_shows_the_tags_of_its_kind(tmp_path):
    driver = browser.find_driver()
    if driver is None:
        pytest.skip("no chromedriver here: install the packages chromium and chromium-driver")
    write_run(tmp_path / "run")
    with tensorboard(tmp_path) as server, browser.opened(driver) as window:
        for panel in TAGS:
            browser.show(window, f"{server}#{panel}")
            assert shown(window, panel) == TAGS[panel], panel
        browser.show(window, f"{server}#images")
        shown(window, "images")
        size = "return find('tf-image-loader >> img').map(i => [i.naturalWidth, i.naturalHeight])"
        assert window.execute_script(browser.DEEP + size) == [[2 * 10 + 2, 8 + 4]]  # two images of 8 x 8 in a grid


def test_each_picture_of_a_panel_is_small_and_stands_on_its_page():
    for name, (page, *_) in PANELS.items():
        picture = f"book/_static/panels/{name}.png"
        assert 1_000 < (PROJECT / picture).stat().st_size <= browser.MAX_BYTES, name
        cells = nbformat.read(PROJECT / "chapters" / "4_visualization" / f"{page}.ipynb", as_version=4).cells
        assert sum(cell.source.count(f"/{picture}\n:name: fig-") for cell in cells) == 1, name


def test_a_server_that_does_not_start_is_named_and_ended(tmp_path):
    with (
        pytest.raises(RuntimeError, match=r"did not start: .*no such way"),
        browser.started([sys.executable, "-c", "raise SystemExit('no such way')"], "never said", tmp_path),
    ):
        pass
