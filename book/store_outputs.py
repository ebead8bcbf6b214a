"""Execute pages and store their text outputs, the reference that the tests compare against.

Called by `make outputs`. Pages run on the drawn sample, on the CPU, with one thread. Images are dropped: the
build draws them. Of the metadata only what decides how a page is shown or run is kept.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

import nbformat
import page_facts
from nbclient.exceptions import CellExecutionError
from nbval.plugin import coalesce_streams
from page_pool import execute_page, page_pool

from helpers import prepare
from helpers.paths import project_root, replacing

ROOT = project_root()
CELL_METADATA = ("tags", "mystnb", "jupyter")
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def clean(notebook: nbformat.NotebookNode) -> None:
    """Drop images and everything that differs from run to run."""
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
        | {key: notebook.metadata[key] for key in ("accelerator", "minutes") if key in notebook.metadata}
    )
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({k: cell.metadata[k] for k in CELL_METADATA if k in cell.metadata})
        if cell.cell_type != "code":
            continue
        cell.outputs = coalesce_streams(cell.outputs)  # how a text is cut into messages differs from run to run
        for output in cell.outputs:
            for kind in [kind for kind in output.get("data", {}) if kind.startswith("image/")]:
                del output["data"][kind]
            if "metadata" in output:
                output["metadata"] = {}


def store(path: Path) -> str | None:
    """Execute one page in its folder and write it back; return the traceback if it failed."""
    try:
        notebook, seconds = execute_page(path)
    except CellExecutionError as error:
        return f"{path.relative_to(ROOT)}: {error}"
    clean(notebook)
    told = page_facts.stored_seconds(notebook)
    if told is not None and told - 10 < seconds <= told:  # no change worth a line in git
        seconds = told
    name = path.relative_to(ROOT).with_suffix("").as_posix() if path.is_relative_to(ROOT) else path.stem
    notebook.cells[0].source = page_facts.with_facts(notebook, name, seconds)
    with replacing(path) as temporary:
        nbformat.write(notebook, temporary)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, help="default: every page of chapters/")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    pages = [p.resolve().with_suffix(".ipynb") for p in options.pages] or sorted(ROOT.glob("chapters/*/*.ipynb"))
    os.environ |= {"BOOK_SOURCE": "sample", "BOOK_DEVICE": "cpu", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    prepare.prepare("sample")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` stops it as Ctrl-C does
    try:
        with page_pool(min(options.jobs, len(pages))) as pool:
            failures = [failure for failure in pool.map(store, pages) if failure]
    except KeyboardInterrupt:
        print("\nStopped. Pages that were not finished are as they were.", file=sys.stderr)
        return 130
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{len(pages) - len(failures)} pages stored, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
