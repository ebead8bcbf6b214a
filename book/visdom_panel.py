"""Take the picture of a Visdom window that the page on Visdom shows; needs Chromium, its driver and the npm registry.

    python book/visdom_panel.py

What Visdom runs in the browser is JavaScript that it fetches from the internet when it is first started. Here the same
packages come from the npm registry, in the versions that Visdom 0.2.4 names, as archives with a known checksum. Single
files of them are put into a copy of Visdom in a temporary folder; no installation script runs. The cells of the page
then start a server from this copy and train; Chromium opens the environment "run", and the picture goes to
`book/_static/panels/visdom.png`.
"""

import base64
import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from urllib.request import urlopen

import nbformat
import visdom
from browser import find_browser, find_driver, opened, save, show, wait_until_drawn

from helpers.paths import DataError, project_root

PAGE = project_root() / "chapters" / "4_visualization" / "08_visdom.ipynb"
PICTURE = project_root() / "book" / "_static" / "panels" / "visdom.png"
# name, version, SHA-512 of the archive: file in it -> where the page of Visdom looks for it
PACKAGES = {
    ("jquery", "3.1.1",
     "zuiWRmx65Kd1oFGdWLvAjbsumdOBFvs3r1vuqCyKFF79R7exBHNbiNEJ8LR+xkzgfxqBznMD/4Cv6PHXS6mvEw=="): {
        "dist/jquery.min.js": "js/jquery.min.js"
    },
    ("bootstrap", "3.3.7",
     "qcFaisBrcBhTFkz1IUnGDYnX6ZWfFzH8zOixUDtHW9Ip+r+7MfMFav2rzy7cIHc7rgIg7xjhWBoo1mS/U26j4g=="): {
        "dist/js/bootstrap.min.js": "js/bootstrap.min.js",
        "dist/css/bootstrap.min.css": "css/bootstrap.min.css",
        "dist/fonts/glyphicons-halflings-regular.woff2": "fonts/glyphicons-halflings-regular.woff2",
    },
    ("react", "16.2.0",
     "ZmIomM7EE1DvPEnSFAHZn9Vs9zJl5A9H7el0EGTE6ZbW9FKe/14IYAlPbC8iH25YarEQxZL+E8VW7Mi7kfQrDQ=="): {
        "umd/react.production.min.js": "js/react-react.min.js"
    },
    ("react-dom", "16.2.0",
     "zpGAdwHVn9K0091d+hr+R0qrjoJ84cIBFL2uU60KvWBPfZ7LPSrfqviTxGHWN0sjPZb2hxWzMexwrvJdKePvjg=="): {
        "umd/react-dom.production.min.js": "js/react-dom.min.js"
    },
    ("layout-bin-packer", "1.4.0",
     "dQOZnajbOBGIcS9YlzKrkRtMCGa2oEpyf1zGRn93suphSvPclJe54Sbgtb053GJ21DUk84IBzaeQvjn+Gb10fA=="): {
        "dist/layout-bin-packer.js": "js/layout_bin_packer.js"
    },
    ("plotly.js-dist-min", "2.11.1",
     "F9WWNht0D3yBLZGHbLoJNfvplXvy+GUPSsA/lCbMuYd/UwzSu6Vmyprxlps9Einw1LDS1hYBrJeioK0lE3ieXA=="): {
        "plotly.min.js": "js/plotly-plotly.min.js"
    },
    ("react-resizable", "1.4.6",
     "4zLORO51u0/mlDsrVCAA4p266d+3mb2ZMNdiWOotAh/PdnfrRzZhgePmKE08PSQatXVIfMjmyD+Sapay8tmxdQ=="): {
        "css/styles.css": "css/react-resizable-styles.css"
    },
    ("react-grid-layout", "0.16.3",
     "ytP92EqUjqcFhGzvdeKrK610dQ04GdFwRCWtD6PoeL5wR3liETcFISO7k8RBqnosV86JtXf/DwIfrL0COLs0gg=="): {
        "css/styles.css": "css/react-grid-layout-styles.css"
    },
}  # fmt: skip


def registry() -> str:
    """The npm registry of this machine, without a slash at its end."""
    if npm := shutil.which("npm"):
        done = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, timeout=60)
        if done.stdout.startswith("http"):
            return done.stdout.strip().rstrip("/")
    return "https://registry.npmjs.org"


def fetch(static: Path) -> None:
    """Put the files of all packages below the folder `static` of a Visdom.

    Raises: OSError without the registry; DataError for an archive with another checksum.
    """
    source = registry()
    for (name, version, checksum), files in PACKAGES.items():
        address = f"{source}/{name}/-/{name}-{version}.tgz"
        with urlopen(address, timeout=60) as answer:
            content = answer.read()
        if base64.b64encode(hashlib.sha512(content).digest()).decode() != checksum:
            raise DataError(f"{address}: not the archive that Visdom 0.2.4 was made for. Use another registry.")
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for inside, place in files.items():
                target = static / place
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(archive.extractfile(f"package/{inside}").read())


def run_training(names: dict) -> None:
    """Run the cells of the page up to the one that stops the server, with the sample on the CPU.

    Args: names, filled with what the cells bind.
    """
    for cell in nbformat.read(PAGE, as_version=4).cells:
        if cell.cell_type == "code":
            if "\nstop_visdom(" in cell.source:
                return
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(cell.source, PAGE.name, "exec"), names)


def main() -> int:
    driver = find_driver()
    if driver is None or find_browser() is None:
        return 1
    os.environ |= {"BOOK_SOURCE": "sample", "BOOK_DEVICE": "cpu", "MPLBACKEND": "Agg", "TQDM_DISABLE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "visdom"
        shutil.copytree(Path(visdom.__file__).parent, copy)
        fetch(copy / "static")
        os.environ["PYTHONPATH"] = folder  # the server that the page starts imports the copy
        names: dict = {}
        try:
            run_training(names)
            with opened(driver) as window:
                show(window, f"http://127.0.0.1:{names['port']}/env/run", 1080, 430)
                wait_until_drawn(window, ".js-plotly-plot path")
                save(window.get_screenshot_as_png(), PICTURE)
        finally:
            if "process" in names:
                names["stop_visdom"](names["process"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
