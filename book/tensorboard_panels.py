"""Take the pictures of TensorBoard's panels that the pages on logging show; needs Chromium.

    python book/tensorboard_panels.py                   # all of them
    python book/tensorboard_panels.py histograms        # one

The lesson cells of a page write their event files, a real TensorBoard serves them on a free port, and Chromium opens
each panel through its DevTools protocol. Once the panel has drawn its last element, the picture goes to
`book/_static/panels/`, and what the browser computed for the histograms to `book/results/tensorboard_panels.json`.
"""

import argparse
import asyncio
import base64
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import nbformat
from PIL import Image
from screenshots import find_browser
from tornado.websocket import WebSocketClientConnection, websocket_connect

from helpers.paths import project_root, replacing, results_root

CHAPTER = project_root() / "chapters" / "4_visualization"
PICTURES = project_root() / "book" / "_static" / "panels"
RECORD = results_root() / "tensorboard_panels.json"
WIDTH = 900  # pixels
MAX_BYTES = 80_000  # of a picture
# Name of the picture: page, panel, the elements that show it has been drawn ("HOST >> INSIDE"), height in CSS pixels.
PANELS = {
    "scalars": ("01_log_numbers", "scalars", "vz-line-chart2 >> path", 470),
    "histograms": ("01_log_numbers", "histograms", "vz-histogram-timeseries >> path", 400),
    "distributions": ("01_log_numbers", "distributions", "vz-distribution-chart >> path", 400),
    "images": ("02_log_pictures", "images", "tf-image-loader >> img", 640),
    "graphs": ("02_log_pictures", "graphs", "tf-graph-scene >> g.node", 640),
    "projector": ("02_log_pictures", "projector", "vz-projector >> canvas", 640),
}
FLAGS = ["--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
         "--disable-background-networking", "--disable-component-update", "--no-first-run", "--hide-scrollbars",
         "--remote-debugging-port=0"]  # fmt: skip
# Elements inside shadow roots and frames are found too.
DEEP = """(path) => {
  const below = (root, selector, found) => {
    found.push(...root.querySelectorAll(selector));
    for (const e of root.querySelectorAll("*")) {
      if (e.shadowRoot) below(e.shadowRoot, selector, found);
      if (e.tagName == "IFRAME" && e.contentDocument) below(e.contentDocument, selector, found);
    }
    return found;
  };
  let roots = [document];
  for (const selector of path.split(" >> ")) roots = roots.flatMap(r => below(r.shadowRoot || r, selector, []));
  return roots;
}"""
BINS = f"""JSON.stringify(Object.fromEntries(({DEEP})("vz-histogram-timeseries").map(e => [e.getRootNode().host.run,
  e._data.map(h => [h.step, h.bins.map(b => [b.x, b.dx, b.y])])])))"""


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
def started(command: list[str], announced: str, folder: str | Path) -> Iterator[str]:
    """A server: start it in a folder, yield what `announced` finds in what it prints, and stop it, whatever happens.

    Raises: RuntimeError with the last lines when it prints no such text within a minute.
    """
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder)
    try:
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        printed = []
        for line in process.stdout:
            printed.append(line)
            if found := re.search(announced, line):
                break
        else:
            raise RuntimeError(f"{command[0]} did not start: {''.join(printed[-5:])}")
        watchdog.cancel()
        threading.Thread(target=process.stdout.read, daemon=True).start()  # so that it never waits to print
        yield found[1]
    finally:
        watchdog.cancel()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Tab:
    """One tab of the browser: commands of the DevTools protocol, answered in order."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection, self.number = connection, 0

    async def send(self, method: str, **parameters: object) -> dict:
        self.number += 1
        await self.connection.write_message(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:  # events come in between
            answer = json.loads(await asyncio.wait_for(self.connection.read_message(), 60))
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    async def evaluate(self, expression: str) -> object:
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression[:60]}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def wait_until_drawn(self, selector: str, seconds: float = 60) -> None:
        """Until the elements are there and their number has been the same for four seconds.

        Raises: TimeoutError.
        """
        end, count, since = time.monotonic() + seconds, 0, time.monotonic()
        while time.monotonic() < end:
            now = await self.evaluate(f"({DEEP})({json.dumps(selector)}).length")
            if now != count:
                count, since = now, time.monotonic()
            if count and time.monotonic() - since > 4:
                return
            await asyncio.sleep(0.2)
        raise TimeoutError(f"{selector}: {count} elements after {seconds:.0f} seconds")


async def take(server: str, browser: str, names: list[str]) -> dict:
    """Write a picture of each panel; return what the browser computed for the histograms."""
    with urlopen(f"http://{browser}/json/list") as answer:
        address = next(t["webSocketDebuggerUrl"] for t in json.load(answer) if t["type"] == "page")
    tab, record = Tab(await websocket_connect(address, max_message_size=2**27)), {}
    for name in names:
        _, panel, drawn, height = PANELS[name]
        await tab.send("Emulation.setDeviceMetricsOverride", width=WIDTH, height=height, deviceScaleFactor=1,
                       mobile=False)  # fmt: skip
        await tab.send("Page.navigate", url="about:blank")  # a change behind the # alone loads nothing
        await tab.send("Page.navigate", url=f"{server}#{panel}")
        await tab.wait_until_drawn(drawn)
        if name == "histograms":
            record = json.loads(await tab.evaluate(BINS))
        picture = await tab.send("Page.captureScreenshot", format="png")
        save(base64.b64decode(picture["data"]), PICTURES / f"{name}.png")
    tab.connection.close()
    return record


def save(png: bytes, path: Path) -> None:
    """Write a picture with as many colours as fit into the size.

    Raises: ValueError when even few colours are too large.
    """
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (128, 64, 32, 16):
        small = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        if small.tell() <= MAX_BYTES:
            with replacing(path) as temporary:
                temporary.write_bytes(small.getvalue())
            print(f"{path.name}: {image.width}×{image.height}, {small.tell():,} bytes, {colours} colours", flush=True)
            return
    raise ValueError(f"{path.name}: more than {MAX_BYTES} bytes with 16 colours")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PANELS)} (default: all)")
    names = parser.parse_args().names or list(PANELS)
    if unknown := set(names) - set(PANELS):
        parser.error(f"no such panel: {', '.join(sorted(unknown))}")
    chromium = find_browser()
    if chromium is None:
        return 1
    os.environ |= {"BOOK_SOURCE": "sample", "BOOK_DEVICE": "cpu", "MPLBACKEND": "Agg", "TQDM_DISABLE": "1"}
    for page in dict.fromkeys(PANELS[name][0] for name in names):
        shown = [name for name in names if PANELS[name][0] == page]
        with tempfile.TemporaryDirectory() as profile:
            lesson = run_lesson(page)
            serve = [sys.executable, "-m", "tensorboard.main", "--logdir", ".", "--port", "0",
                     "--load_fast", "false", "--samples_per_plugin", "images=100"]  # fmt: skip
            browse = [chromium, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
            with (
                started(serve, r"TensorBoard .* at (http://\S+)", lesson["run"]) as server,
                started(browse, r"DevTools listening on ws://([^/]+)/", profile) as browser,
            ):
                time.sleep(3)  # TensorBoard answers before it has read everything
                record = asyncio.run(take(server, browser, shown))
        if record:
            facts = {"command": "python book/tensorboard_panels.py", "histograms": record}
            with replacing(RECORD) as temporary:
                temporary.write_text(json.dumps(facts, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
