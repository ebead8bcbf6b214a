"""A real Chromium, driven by Selenium, shows what a server serves: open it, wait until it is drawn, read it."""

import contextlib
import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from selenium import webdriver

from helpers.paths import replacing

MAX_BYTES = 80_000  # of a picture
FLAGS = ("--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
         "--disable-background-networking", "--disable-component-update", "--no-first-run", "--hide-scrollbars",
         "--no-proxy-server")  # fmt: skip
# Selenium stops at shadow roots and frames; `find("HOST >> INSIDE")` finds elements inside of them, too.
DEEP = """const below = (root, selector) => [...root.querySelectorAll(selector),
  ...[...root.querySelectorAll("*")].map(e => e.shadowRoot || (e.tagName == "IFRAME" && e.contentDocument))
    .filter(Boolean).flatMap(r => below(r, selector))];
const find = path => path.split(" >> ").reduce(
  (roots, selector) => roots.flatMap(r => below(r.shadowRoot || r, selector)), [document]);
"""


def find_browser() -> str | None:
    """Chromium, under one of its names; where there is none, None and a line that says so."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        name = Path(sys.argv[0]).stem
        print(f"{name}: no Chromium on this machine. Install the package `chromium`.", file=sys.stderr)
    return found


def find_driver() -> str | None:
    """The driver that belongs to Chromium and finds it; where there is none, None and a line that says so."""
    found = shutil.which("chromedriver")
    if found is None:
        name = Path(sys.argv[0]).stem
        print(f"{name}: no chromedriver on this machine. Install the package `chromium-driver`.", file=sys.stderr)
    return found


@contextlib.contextmanager
def started(command: list[str], announced: str, folder: str | Path) -> Iterator[str]:
    """A server: start it in a folder, yield what `announced` finds in what it prints, and stop it, whatever happens.

    Raises: RuntimeError with what it printed last, when it ends or prints no such text within a minute.
    """
    with tempfile.NamedTemporaryFile("w") as output:  # a pipe that nobody reads would fill, and stop it
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
        try:
            end, found = time.monotonic() + 60, None
            while found is None:
                ended = process.poll() is not None or time.monotonic() > end
                printed = Path(output.name).read_text(errors="replace")
                if (found := re.search(announced, printed)) is None and ended:
                    raise RuntimeError(f"{command[0]} did not start: {printed[-1000:]}")
                time.sleep(0.1)
            yield found[1]
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def opened(driver: str) -> Iterator[webdriver.Chrome]:
    """A window of Chromium without a screen, closed at the end; its profile is a temporary folder."""
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    window = webdriver.Chrome(options, webdriver.ChromeService(driver))  # with a path Selenium downloads no driver
    try:
        yield window
    finally:
        window.quit()


def show(window: webdriver.Chrome, address: str, width: int = 900, height: int = 600) -> None:
    """Load a page anew, also when only the part behind the # differs; sizes of the page in CSS pixels."""
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})  # fmt: skip
    window.get("about:blank")
    window.get(address)


def count(window: webdriver.Chrome, path: str) -> int:
    """How many elements "HOST >> INSIDE" the page has now."""
    return window.execute_script(DEEP + "return find(arguments[0]).length", path)


def wait_until_drawn(window: webdriver.Chrome, path: str, seconds: float = 60) -> None:
    """Until the elements are there and their number has been the same for four seconds. Raises: TimeoutError."""
    end, known, since = time.monotonic() + seconds, 0, time.monotonic()
    while time.monotonic() < end:
        now = count(window, path)
        if now != known:
            known, since = now, time.monotonic()
        if known and time.monotonic() - since > 4:
            return
        time.sleep(0.2)
    raise TimeoutError(f"{path}: {known} elements after {seconds:.0f} seconds")


def visible_texts(window: webdriver.Chrome) -> list[str]:
    """What each visible element of the page says itself, without its children, and what stands in its input fields."""
    return window.execute_script(DEEP + """return find("*").filter(e => e.checkVisibility()).map(e =>
      e.value || [...e.childNodes].filter(n => n.nodeType == Node.TEXT_NODE).map(n => n.data).join("").trim())""")


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
