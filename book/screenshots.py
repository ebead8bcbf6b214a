"""Take pictures of the rendered pages, and measure them: at the widths of a desktop and of a phone.

Called by `make screenshots`; needs Chromium. The pictures go to `_build/screenshots/`, the table of heights and of what
is wider than the page to `_build/screenshots/sizes.txt`. A page above its height limit ends the command with an error.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import find_browser

from helpers.paths import project_root

BUILD = project_root() / "_build"
WIDTHS = (1280, 390)  # CSS pixels
MAX_HEIGHT = 15_000  # CSS pixels of a chapter's page at the first of the widths
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--virtual-time-budget=8000",  # milliseconds that the page's scripts get
]
# What sticks out of the window, or scrolls sideways inside its own box; tables and formulas may on a phone.
MEASURE = """<script>addEventListener("load", () => setTimeout(() => {
  const root = document.documentElement, wide = [];
  for (const box of document.querySelectorAll(".bd-article pre, .bd-article table, .bd-article img, .bd-article p")) {
    const inner = box.scrollWidth - box.clientWidth, outer = box.getBoundingClientRect().right - innerWidth;
    if (box.tagName == "PRE" && inner > 1) wide.push([inner, box.textContent.trim().slice(0, 40)]);
    if (outer > 1 && !box.closest(".pst-scrollable-table-container")) wide.push([outer, box.tagName]);
  }
  parent.postMessage(JSON.stringify({height: root.scrollHeight, overflow: root.scrollWidth - innerWidth, wide}), "*");
}, 3000));</script>"""


def in_a_frame(page: Path, width: int, height: int, folder: Path, more: str = "") -> str:
    """The address of a document that shows a page in a frame: a browser window has a least width, above a phone's."""
    frame = folder / "frame.html"
    frame.write_text(
        f'<body style="margin:0"><iframe src="{page.resolve().as_uri()}" '
        f'style="border:0;width:{width}px;height:{height}px"></iframe>{more}'
    )
    return frame.as_uri()


def browse(browser: str, address: str, width: int, height: int, folder: Path, *options: str) -> str:
    command = [browser, *FLAGS, f"--user-data-dir={folder}/profile", f"--window-size={max(width, 500)},{height}"]
    done = subprocess.run([*command, *options, address], check=True, capture_output=True, text=True, timeout=120)
    return done.stdout


def take(browser: str, page: Path, width: int, height: int, picture: Path, dark: bool = False) -> None:
    """Write a picture of the top `height` pixels of `page`, laid out `width` pixels wide."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shown = page
        if dark:  # the theme reads the mode when it starts
            shown = page.with_name(f"_dark-{page.name}")
            choose = "".join(f"localStorage.setItem('{key}', 'dark');" for key in ("mode", "theme"))
            shown.write_text(page.read_text().replace("<head>", f"<head><script>{choose}</script>", 1))
        try:
            address = in_a_frame(shown, width, height, Path(folder))
            browse(browser, address, width, height, Path(folder), f"--screenshot={picture.resolve()}")
        finally:
            if dark:
                shown.unlink()


def measure(browser: str, page: Path, width: int) -> dict:
    """Height of a page in pixels, by how much it is wider than the window, and what scrolls sideways in it."""
    copy = page.with_name(f"_measured-{page.name}")
    copy.write_text(page.read_text() + MEASURE)
    try:
        with tempfile.TemporaryDirectory() as folder:
            hear = "<pre id=heard></pre><script>onmessage = e => heard.textContent = e.data</script>"
            address = in_a_frame(copy, width, 1000, Path(folder), hear)
            found = browse(browser, address, width, 1000, Path(folder), "--dump-dom")
    finally:
        copy.unlink()
    heard = re.search(r'<pre id="heard">(.*?)</pre>', found, flags=re.S)[1]
    return json.loads(heard.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, help="HTML files (default: all of _build/html)")
    parser.add_argument("--height", type=int, default=MAX_HEIGHT, help="of a picture, CSS pixels (default: the limit)")
    parser.add_argument("--measure", action="store_true", help="only measure, take no pictures")
    parser.add_argument("--dark", action="store_true", help="pictures in the dark mode")
    options = parser.parse_args()
    browser = find_browser()
    if browser is None:
        return 1
    html = BUILD / "html"
    pages = options.pages or sorted([*html.glob("book/*.html"), *html.glob("chapters/*/*.html")])
    rows, too_high = [f"{'page':44}" + "".join(f"{f'height at {w}':>16}{'too wide':>10}" for w in WIDTHS)], []
    for page in pages:
        name = f"{page.parent.name}/{page.stem}"
        sizes = [measure(browser, page, width) for width in WIDTHS]
        rows.append(f"{name:44}" + "".join(f"{s['height']:16}{s['overflow']:10}" for s in sizes))
        rows += [f"    at {w}, wider by {by:.0f}: {what}" for w, s in zip(WIDTHS, sizes, strict=True)
                 for by, what in s["wide"] if w == WIDTHS[0]]  # fmt: skip
        if sizes[0]["height"] > MAX_HEIGHT and page.parent.parent.name == "chapters":
            too_high.append(name)
        for width in () if options.measure else WIDTHS:
            mode = "-dark" if options.dark else ""
            picture = BUILD / "screenshots" / f"{page.parent.name}-{page.stem}-{width}{mode}.png"
            take(browser, page, width, options.height, picture, options.dark)
    table = "\n".join(rows)
    print(table)
    (BUILD / "screenshots").mkdir(parents=True, exist_ok=True)
    (BUILD / "screenshots" / "sizes.txt").write_text(table + "\n")
    if too_high:
        print(f"higher than {MAX_HEIGHT} pixels: {', '.join(too_high)}. Split the page by question.", file=sys.stderr)
    return 1 if too_high else 0


if __name__ == "__main__":
    sys.exit(main())
