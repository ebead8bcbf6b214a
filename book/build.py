"""Execute the pages that need it, in parallel, then render the book (or one page) as HTML.

Called by `make book` and `make page`. An executed page is kept in a cache whose name is a hash of everything
that is not in the page but decides its outputs: `helpers/`, `requirements.txt`, recorded results, weights, the source
of the data and the device. A page is executed again when its code or that hash changes.
"""

import argparse
import datetime
import hashlib
import os
import signal
import subprocess
import sys
import traceback
from concurrent.futures import as_completed
from pathlib import Path

import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient.exceptions import CellControlSignal
from page_pool import execute_page, page_pool
from sphinx_external_toc.parsing import parse_toc_yaml

from helpers import prepare, runtime
from helpers.data.cifar10 import choose_source, find_archive
from helpers.paths import DataError, project_root, replacing

ROOT = project_root()
BUILD = ROOT / "_build"
PAGE_FOLDERS = ("chapters", "book")
JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"  # what the command of that name runs


class BuildError(Exception):
    """The book cannot be built; the message names the page."""


def toc_pages() -> list[Path]:
    """Every page of `_toc.yml`, in order.

    Raises: BuildError for a page without a file, or a file that is in no place of the table of contents.
    """
    names = [str(name) for name in parse_toc_yaml(ROOT / "_toc.yml")]
    pages = []
    for name in names:
        found = [ROOT / f"{name}{ending}" for ending in (".ipynb", ".md") if (ROOT / f"{name}{ending}").exists()]
        if not found:
            raise BuildError(f"{name}: is in _toc.yml, but there is no such page")
        pages.append(found[0])
    on_disk = {p for folder in PAGE_FOLDERS for end in ("ipynb", "md") for p in (ROOT / folder).rglob(f"*.{end}")}
    outside = sorted(
        p for p in on_disk - set(pages) if not p.name.startswith("_") and ".ipynb_checkpoints" not in p.parts
    )
    if outside:
        raise BuildError(f"{outside[0].relative_to(ROOT)}: is not in _toc.yml")
    return pages


def digest_of(paths: list[Path]):
    """The SHA-256 object of names and contents of files, whatever their order in `paths`."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode() + path.read_bytes())
    return digest


def cache_folder(source: str, fingerprint: str) -> Path:
    """The cache for the present helpers, requirements, recorded results, weights, data and device."""
    code = [path for ending in ("py", "mplstyle") for path in (ROOT / "helpers").rglob(f"*.{ending}")]
    recorded = [*ROOT.glob("book/results/*.json"), *ROOT.glob("data/weights/*")]
    digest = digest_of([*code, *recorded, ROOT / "requirements.txt"])
    device = os.environ.get("BOOK_DEVICE", "")
    digest.update(f"{source}|{fingerprint}|{device}|{sys.version_info[:2]}".encode())
    return BUILD / "cache" / digest.hexdigest()[:16]


def _execute(page: Path) -> tuple[CacheBundleIn | None, str]:
    """What the cache keeps of an executed page; or None, and the traceback of its failure."""
    try:
        notebook, seconds = execute_page(page)
    except (CellControlSignal, RuntimeError):
        return None, traceback.format_exc()
    return CacheBundleIn(notebook, str(page), data={"execution_seconds": seconds}), ""


def execute(pages: list[Path], cache_path: Path, jobs: int) -> None:
    """Execute the notebooks among `pages` that the cache does not hold, `jobs` at a time.

    Only this process writes to the cache: of two that write at the same time, one may remove what the other wrote.

    Raises: BuildError with page name and traceback when one fails.
    """
    cache = get_cache(cache_path)
    notebooks = {str(page) for page in pages if page.suffix == ".ipynb"}
    for notebook in notebooks:
        cache.add_nb_to_project(notebook)
    todo = [Path(r.uri) for r in cache.list_unexecuted() if r.uri in notebooks]
    print(f"executing {len(todo)} of {len(notebooks)} notebooks, {jobs} at a time", flush=True)
    if not todo:
        return
    failures = []
    with page_pool(min(jobs, len(todo))) as pool:
        begun = {pool.submit(_execute, page): page for page in todo}
        for future in as_completed(begun):
            page, (executed, failure) = begun[future], future.result()
            print(f"  {'FAILED' if failure else 'done':6s} {page.relative_to(ROOT)}", flush=True)
            if failure:
                failures.append(f"{failure.rstrip()}\n{page.relative_to(ROOT)}: the page above failed")
            else:
                cache.cache_notebook_bundle(executed, check_validity=False, overwrite=True)
    if failures:
        raise BuildError("\n\n".join(failures))


def write_config(cache_path: Path, label: str) -> Path:
    """Write `_config.yml` with what only this build knows to the build folder."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    today = datetime.date.today().isoformat()
    config["execute"]["cache"] = str(cache_path)
    sphinx = config["sphinx"]["config"]  # a page built alone counts paths from its own folder
    sphinx["html_static_path"] = [str(ROOT / path) for path in sphinx["html_static_path"]]
    config["html"]["extra_footer"] = f"<p>Executed on {label}, {today}.</p>"
    versions = "".join(f"| {name} | {version} |\n" for name, version in runtime.versions().items())
    config["parse"]["myst_substitutions"] = {
        "book_source": label,
        "book_date": today,
        "book_versions": f"| what | version |\n|---|---|\n{versions}",
    }
    if url := os.environ.get("BOOK_REPOSITORY_URL"):
        branch = os.environ.get("BOOK_REPOSITORY_BRANCH", "main")
        config["repository"] = {"url": url, "branch": branch}
        config["launch_buttons"] = {"notebook_interface": "jupyterlab", "binder_url": "https://mybinder.org",
                                    "colab_url": "https://colab.research.google.com"}  # fmt: skip
        config["html"] |= {"use_repository_button": True, "use_issues_button": True}
    path = BUILD / "_config.yml"
    with replacing(path) as temporary:
        temporary.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def render(target: Path, config: Path, strict: bool) -> Path:
    """Run jupyter-book on the book's folder or on one page; return the HTML file to open.

    Raises: BuildError with the warnings as message when the build fails.
    """
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(target), "--config", str(config)]
    if strict:
        command += ["-W", "-n", "--keep-going"]
    # Sphinx copies style sheets and pictures only when it renders a page, so when they change it renders all
    static = digest_of([path for path in (ROOT / "book" / "_static").rglob("*") if path.is_file()]).hexdigest()
    note = BUILD / "static.sha256"
    if not note.exists() or note.read_text() != static:
        command.append("--all")
    environment = os.environ | {"NO_COLOR": "1"}  # the log is read as text
    done = subprocess.run(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    (BUILD / "build.log").write_text(done.stdout)
    if done.returncode:
        lines = done.stdout.splitlines()
        told = [line for line in lines if "WARNING" in line or "ERROR" in line] or lines[-30:]
        raise BuildError("\n".join(told).replace(f"{ROOT}/", "") + f"\nthe whole log: {BUILD / 'build.log'}")
    if target.is_dir():
        note.write_text(static)
        return BUILD / "html" / "index.html"
    name = "-".join(target.relative_to(ROOT).with_suffix("").parts)
    return BUILD / "_page" / name / "html" / f"{target.stem}.html"


def build(page: str | None, source: str, archive: str | None, jobs: int) -> Path:
    """Prepare the data, execute, render; return the HTML file to open."""
    if archive:
        os.environ["CIFAR10_ARCHIVE"] = str(Path(archive).expanduser().resolve())
    # decided once, here: the pages must not each try to reach the network
    source = os.environ["BOOK_SOURCE"] = choose_source(source, archive)
    data = prepare.prepare(source, jobs=jobs)
    # pages run side by side, one thread each; and trained numbers depend on the number of threads
    os.environ |= {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    pages = toc_pages()
    if page:
        wanted = (ROOT / page).resolve()
        wanted = wanted if wanted.suffix else wanted.with_suffix(".ipynb")
        if not wanted.exists():
            raise BuildError(f"{page}: no such page")
        pages = [wanted]
    cache_path = cache_folder(source, find_archive(source)[1])
    execute(pages, cache_path, jobs)
    return render(pages[0] if page else ROOT, write_config(cache_path, data.label), strict=not page)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--page", help="one page only, such as chapters/1_data/01_cifar10_to_png")
    parser.add_argument("--source", default="sample")
    parser.add_argument("--archive")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` stops it as Ctrl-C does
    try:
        html = build(options.page, options.source, options.archive or None, max(options.jobs, 1))
    except (BuildError, DataError, OSError) as error:
        print(f"\n{error}\nThe book was not built.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The book was not built.", file=sys.stderr)
        return 130
    print(f"Open {html}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
