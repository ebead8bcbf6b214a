"""That nbval can fail, that papermill's overrides take effect, and that wrong parameters are refused."""

import os
import shutil
import subprocess
import sys

import nbformat
import papermill
import pytest

from helpers.paths import project_root

ROOT = project_root()
PAGES = sorted(ROOT.glob("chapters/*/*.ipynb"))
RUN_PAGE = ROOT / "book" / "run_page.py"


def run(*command) -> subprocess.CompletedProcess:
    """Run a Python program the way `make test` runs the pages; data is the project's own sample."""
    keep = {k: v for k, v in os.environ.items() if k not in ("BOOK_DATA", "CIFAR10_ARCHIVE")}
    fixed = {"BOOK_SOURCE": "sample", "BOOK_DEVICE": "cpu", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    return subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, env=keep | fixed, capture_output=True, text=True, timeout=300
    )


def nbval(notebook) -> subprocess.CompletedProcess:
    return run("-m", "pytest", "-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-n", "0", notebook)


@pytest.fixture
def small_page(tmp_path):
    """The first page, cut after its first printed output: parameters, set-up, nothing else."""
    page = nbformat.read(PAGES[0], as_version=4)
    code = [i for i, cell in enumerate(page.cells) if cell.cell_type == "code"]
    page.cells = page.cells[: code[1] + 1]
    assert page.cells[-1].outputs, "the set-up cell of the first page must print"
    return page, tmp_path / "page.ipynb"


def test_nbval_accepts_the_stored_output(small_page):
    page, path = small_page
    nbformat.write(page, path)
    done = nbval(path)
    assert done.returncode == 0, done.stdout


def test_nbval_rejects_one_changed_character(small_page):
    page, path = small_page
    text = page.cells[-1].outputs[0].text
    page.cells[-1].outputs[0].text = text.replace("0", "1", 1)
    assert page.cells[-1].outputs[0].text != text
    nbformat.write(page, path)
    done = nbval(path)
    assert done.returncode == 1
    assert "1 failed" in done.stdout and "mismatch" in done.stdout


def test_nbval_rejects_a_failing_assertion(small_page):
    page, path = small_page
    page.cells[-1].source += "\nassert seed == 1"
    nbformat.write(page, path)
    assert nbval(path).returncode == 1


def changed(value: object) -> object:
    """Another value of the same kind, smaller where smaller is faster."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return value // 2 if isinstance(value, int) and value >= 2 else value / 2 if value else 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_with_other_parameters(page, tmp_path):
    known = {name: eval(info["default"]) for name, info in papermill.inspect_notebook(str(page)).items()}
    other = {name: changed(value) for name, value in known.items()}
    assert other["seed"] != known["seed"]
    out = tmp_path / "out" / page.name
    options = [part for name, value in other.items() for part in ("-p", name, value)]
    before = page.read_bytes()

    done = run(RUN_PAGE, page, out, *options)

    assert done.returncode == 0, done.stderr
    assert page.read_bytes() == before
    executed = nbformat.read(out, as_version=4)
    injected = next(c for c in executed.cells if "injected-parameters" in c.metadata.get("tags", []))
    assert f"seed = {other['seed']}" in injected.source
    assert not [o for c in executed.cells for o in c.get("outputs", []) if o.output_type == "error"]


def test_overrides_take_effect(tmp_path):
    out = tmp_path / "out.ipynb"
    done = run(RUN_PAGE, PAGES[0], out, "-p", "images_per_class", "2")
    assert done.returncode == 0, done.stderr
    figures = [o.data["text/plain"] for c in nbformat.read(out, as_version=4).cells for o in c.get("outputs", [])
               if "image/png" in o.get("data", {})]  # fmt: skip
    assert any("with 20 Axes" in text for text in figures)


@pytest.mark.parametrize(
    ("page", "out", "options", "told"),
    [
        ("page.ipynb", "out.ipynb", ("-p", "sead", "1"), "no parameter sead. The page has: source, device, seed"),
        ("page.ipynb", "page.ipynb", (), "would write over the page"),
        ("no_such_page.ipynb", "out.ipynb", (), "no such page"),
        ("page.ipynb", "out.ipynb", ("-f", "no_such_profile.yaml"), "no_such_profile.yaml"),
    ],
)
def test_a_wrong_call_is_refused_and_writes_nothing(tmp_path, page, out, options, told):
    shutil.copy(PAGES[0], tmp_path / "page.ipynb")
    before = (tmp_path / "page.ipynb").read_bytes()
    done = run(RUN_PAGE, tmp_path / page, tmp_path / out, *options)
    assert done.returncode == 1
    assert told in done.stderr and "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["page.ipynb"]
    assert (tmp_path / "page.ipynb").read_bytes() == before
