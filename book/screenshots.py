"""Take pictures of the rendered pages at the widths of a desktop and of a phone, to be looked at.

Called by `make screenshots`; needs Chromium. The pictures go to `_build/screenshots/`.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers.paths import project_root

BUILD = project_root() / "_build"
WIDTHS = (1280, 390)  # CSS pixels
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


def take(browser: str, page: Path, width: int, height: int, picture: Path) -> None:
    """Write a picture of the top `height` pixels of `page`, laid out `width` pixels wide.

    The page is shown in a frame, because a browser window has a least width that is above a phone's.
    """
    picture.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        frame = Path(profile) / "frame.html"
        frame.write_text(
            f'<body style="margin:0"><iframe src="{page.resolve().as_uri()}" '
            f'style="border:0;width:{width}px;height:{height}px"></iframe>'
        )
        subprocess.run(
            [browser, *FLAGS, f"--user-data-dir={profile}/profile", f"--window-size={max(width, 500)},{height}",
             f"--screenshot={picture.resolve()}", frame.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, help="HTML files (default: all of _build/html)")
    parser.add_argument("--height", type=int, default=6000, help="CSS pixels (default 6000)")
    options = parser.parse_args()
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("screenshots: no Chromium on this machine. Install the package `chromium`.", file=sys.stderr)
        return 1
    html = BUILD / "html"
    pages = options.pages or sorted([*html.glob("book/*.html"), *html.glob("chapters/*/*.html")])
    for page in pages:
        for width in WIDTHS:
            picture = BUILD / "screenshots" / f"{page.parent.name}-{page.stem}-{width}.png"
            take(browser, page, width, options.height, picture)
            print(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
