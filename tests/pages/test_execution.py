"""That nbval can fail, that papermill's overrides take effect, and that wrong parameters are refused."""

import ast
import os
import re
import subprocess
import symtable
import sys
from collections import Counter
from pathlib import Path

import nbformat
import page_facts
import papermill
import pytest
import run_page

from helpers.paths import project_root

ROOT = project_root()
PAGES = sorted(ROOT.glob("chapters/*/*.ipynb"))
RUN_PAGE = ROOT / "book" / "run_page.py"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


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


OTHER = {"source": "sample", "device": "cpu"}
STAYS = {"digits"}  # its other value needs files that no machine has by itself
UNREAD = "device"  # every page has it, so that one profile serves all; not every page has something to put there


def parameters_of(page: Path) -> dict[str, object]:
    return {name: eval(info["default"]) for name, info in papermill.inspect_notebook(str(page)).items()}


def changed(name: str, value: object) -> object:
    """Another value of the same kind, smaller where smaller is faster."""
    if name in OTHER:
        return OTHER[name]
    if isinstance(value, bool):
        return not value
    if not isinstance(value, int | float):
        return value
    if isinstance(value, int):
        return value // 2 if value >= 2 else value + 1
    return value / 2 if value else 1.0


def pages_that_stand_for_all() -> list[Path]:
    """For each parameter that two pages or more have, the page that has it and says it runs in the shortest time."""
    names = {page: parameters_of(page) for page in PAGES}
    count = Counter(name for known in names.values() for name in known)
    seconds = {page: page_facts.stored_seconds(nbformat.read(page, as_version=4)) or 60 for page in PAGES}
    fastest = {name: min((p for p in PAGES if name in names[p]), key=seconds.get) for name in count if count[name] > 1}
    return sorted(set(fastest.values()))


def run_with_other_parameters(page: Path, folder: Path) -> None:
    """Change every parameter of a page and run it to its end."""
    known = parameters_of(page)
    other = {name: changed(name, value) for name, value in known.items()}
    assert all(other[name] != value for name, value in known.items() if name not in STAYS)
    out = folder / "out" / page.name
    options = [part for name, value in other.items() for part in ("-p", name, value)]
    before = page.read_bytes()

    done = run(RUN_PAGE, page, out, *options)

    assert done.returncode == 0, done.stderr
    assert page.read_bytes() == before
    executed = nbformat.read(out, as_version=4)
    injected = next(c for c in executed.cells if "injected-parameters" in c.metadata.get("tags", []))
    assert f"seed = {other['seed']}" in injected.source
    assert not [o for c in executed.cells for o in c.get("outputs", []) if o.output_type == "error"]


@pytest.mark.parametrize("page", pages_that_stand_for_all(), ids=lambda page: page.stem)
def test_a_page_that_stands_for_all_runs_with_other_parameters(page, tmp_path):
    """With the tests of the pages as files below, that is enough on most days.

    To run every page a second time would take as long as the comparison of all outputs. So the parameters that pages
    share, whose meaning `helpers` decides, are changed on a few fast pages. That an override reaches the code of each
    page is shown without running it. Whether each page stands other values to its last cell is what the next test finds
    out: `make test-parameters`, and the weekly job.
    """
    run_with_other_parameters(page, tmp_path)


@pytest.mark.every_page
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_runs_with_other_parameters(page, tmp_path):
    run_with_other_parameters(page, tmp_path)


def reads(table: symtable.SymbolTable) -> set[str]:
    """The names of the notebook that a piece of code reads, at its top or in its functions."""
    top = table.get_type() == "module"
    found = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
    return found.union(*map(reads, table.get_children()))


def overwritten(source: str) -> set[str]:
    """The names that a cell sets; not those that it derives from what they were, as in `lr = 2 * lr`."""

    def derives(statement: ast.stmt) -> bool:
        if not (isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name)):
            return False
        return target.id in {node.id for node in ast.walk(statement.value) if isinstance(node, ast.Name)}

    tree = ast.parse(source)
    tree.body = [statement for statement in tree.body if not derives(statement)]
    table = symtable.symtable(ast.unparse(tree), "cell", "exec")
    return {s.get_name() for s in table.get_symbols() if s.is_assigned()}


def without_effect(names: set[str], cells: list[str]) -> set[str]:
    """Those parameters that no cell reads, or that a cell sets to something else."""
    read = set().union(*(reads(symtable.symtable(cell, "cell", "exec")) for cell in cells))
    return (names - read) | (names & set().union(*map(overwritten, cells)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_an_override_of_each_parameter_reaches_the_code(page, tmp_path):
    """papermill puts the new values right after the defaults; later cells read each, and none sets it anew."""
    known = parameters_of(page)
    other = {name: changed(name, value) for name, value in known.items()}
    papermill.execute_notebook(str(page), str(tmp_path / "out.ipynb"), other, prepare_only=True, progress_bar=False)
    code = [cell for cell in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells if cell.cell_type == "code"]
    assert [cell.metadata.get("tags") for cell in code[:2]] == [["parameters"], ["injected-parameters"]]
    values = {}
    exec(code[0].source, values)
    assert values.items() >= known.items()
    exec(code[1].source, values)
    assert values.items() >= other.items()
    assert without_effect(set(known), [cell.source for cell in code[2:]]) <= {UNREAD}


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["print(lr)"], set()),
        (["def f():\n    return lr"], set()),
        (["lr = float(lr)", "print(lr)"], set()),
        (["[lr * x for x in range(3)]"], set()),
        (["print(0.05)"], {"lr"}),  # typed again
        (["def f(lr):\n    return lr", "f(0.05)"], {"lr"}),  # only the name of an argument
        (["print(lr)", "lr = 0.1"], {"lr"}),
        (["for lr in (0.1, 0.2):\n    print(lr)"], {"lr"}),
        (["lr: float = 0.1", "print(lr)"], {"lr"}),
    ],
)
def test_a_parameter_without_effect_is_seen(cells, found):
    """The test above can fail."""
    assert without_effect({"lr"}, cells) == found


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The present folder, with a page that shows what it was given."""
    cells = [nbformat.v4.new_code_cell("lr: float = 0.1  # the learning rate\nseed: int = 0  # of all draws"),
             nbformat.v4.new_code_cell("print(lr, 10 * seed)")]  # fmt: skip
    cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), tmp_path / "page.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_override_wins_over_the_default(folder):
    """The test of a page's code above shows that all pages are given it."""
    assert run_page.main(["page.ipynb", "new/folder/out.ipynb", "-p", "seed", "2"]) == 0
    assert nbformat.read("new/folder/out.ipynb", as_version=4).cells[-1].outputs[0].text == "0.1 20\n"


def refusal(folder: Path, capsys, *arguments: str) -> str:
    """Call run_page in this process; the one line with which it refuses. Nothing in the folder may change."""
    before = {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
    assert run_page.main(list(arguments)) == 1
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("run_page: ") and told.err.count("\n") == 1
    assert {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")} == before
    return told.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("page.ipynb", "out.ipynb", "-p", "sead", "1"), "no parameter sead. The page has: lr, seed."),
        (("page.ipynb", "page.ipynb"), "'page.ipynb': this would write over the page. Choose another"),
        (("page.ipynb", "link.ipynb"), "'link.ipynb': this would write over the page. Choose another"),
        (("no_such_page.ipynb", "out.ipynb"), "'no_such_page.ipynb': no such page. Give a notebook"),
        (("page.ipynb", "out.ipynb", "-f", "no_such.yaml"), "'no_such.yaml': cannot be read (No such file or"),
        (("page.ipynb", "out.ipynb", "-f", "folder"), "'folder': cannot be read (Is a directory). Give a YAML file"),
        (("page.ipynb", "out.ipynb", "-p", "seed", "["), "-p 'seed': not a plain YAML value"),
        (("page.ipynb", "out.ipynb", "-p", "seed", "2020-01-01"), "-p 'seed': not a plain YAML value"),
        (("page.ipynb", "out.ipynb", "-p", "a b", "1"), "-p: 'a b' is no name of a parameter. Write -p NAME VALUE"),
        (("page.ipynb", "out.ipynb", "-p", "a\nb", "1"), r"-p: 'a\nb' is no name of a parameter."),
        (("page.ipynb", "folder"), "'folder': is a folder. Choose another output file."),
        (("page.ipynb", "a_file/out.ipynb"), "'a_file/out.ipynb': cannot be written ("),
        (("page.ipynb", "a_file/new/out.ipynb"), "'a_file/new/out.ipynb': cannot be written ("),
        (("page.ipynb", "x" * 300 + ".ipynb"), "cannot be written (File name too long). Choose another"),
    ],
)
def test_a_wrong_call_is_refused_and_writes_nothing(folder, capsys, arguments, told):
    (folder / "folder").mkdir()
    (folder / "a_file").touch()
    (folder / "link.ipynb").hardlink_to(folder / "page.ipynb")
    assert told in refusal(folder, capsys, *arguments)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- seed\n- 1\n", "holds list, not a mapping"),
        ("seed", "holds str, not a mapping"),
        ("0", "holds int, not a mapping"),
        ("1: 2", "1 is no name of a parameter"),
        ("seed: 1\nnull: 2", "None is no name of a parameter"),
        ("a b: 1", "'a b' is no name of a parameter"),
        ("seed: {", "not a plain YAML value"),
        ("seed: 2020-13-45", "not a plain YAML value (month must be"),
        ("seed: &a [*a]", "not a plain YAML value (Circular"),
        ("seed: " + 3000 * "[", "not a plain YAML value (maximum recursion depth"),
        (b"seed: \xff", "cannot be read (not UTF-8 text)"),
    ],
)
def test_a_wrong_file_of_parameters_is_named_and_nothing_is_written(folder, capsys, text, told):
    (folder / "profile.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    message = refusal(folder, capsys, "page.ipynb", "out.ipynb", "-f", "profile.yaml")
    assert message.startswith(f"run_page: 'profile.yaml': {told}")
    assert "Give a YAML file" in message or "Write a number" in message


@pytest.mark.parametrize(
    "text",
    ['{"cells": 1}', "no JSON", "", "[]", "{}", '{"cells": 1, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
     '{"cells": [], "nbformat": 99, "nbformat_minor": 0, "metadata": {}}', 100_000 * "[", b"\xff\xfe"],
    ids=["cells", "text", "empty", "list", "object", "cells of a notebook", "version", "deep", "binary"],
)  # fmt: skip
def test_a_page_that_is_no_notebook_is_named_and_nothing_is_written(folder, capsys, text):
    (folder / "bad.ipynb").write_bytes(text if isinstance(text, bytes) else text.encode())
    message = refusal(folder, capsys, "bad.ipynb", "out.ipynb", "-p", "seed", "1")
    assert message.startswith("run_page: 'bad.ipynb': not a notebook that can be run (")
    assert message.endswith("Give a notebook, such as chapters/1_data/02_split_dataset.ipynb.\n")


def test_an_empty_file_of_parameters_changes_nothing_and_p_wins(folder):
    (folder / "empty.yaml").write_text("# nothing\n")
    (folder / "profile.yaml").write_text("seed: 1\ndevice: cpu\n")
    assert run_page.read_parameters(folder / "empty.yaml", []) == {}
    pairs = [("seed", "2"), ("source", "sample")]
    assert run_page.read_parameters(folder / "profile.yaml", pairs) == {"seed": 2, "device": "cpu", "source": "sample"}


def test_a_run_ends_with_the_slowest_tests_and_pages(tmp_path):
    """Over two processes; the exit status stays what it is. Pages that run after the tests show both tables."""
    (tmp_path / "test_slow.py").write_text(
        "import time\ndef test_short(): pass\ndef test_long(): time.sleep(0.5)\ndef test_wrong(): assert False\n"
    )
    cells = [nbformat.v4.new_code_cell(f"import time; time.sleep({t})", execution_count=1) for t in (0.2, 0.4)]
    page = tmp_path / "page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), page)
    plugins = "-p no:hypothesispytest -p tests.slowest --nbval --nbval-current-env"
    own = f"-m pytest -q {plugins} --rootdir {tmp_path} -o cache_dir=cache".split()

    done = run(*own, "-n", "2", "--dist", "loadscope", tmp_path / "test_slow.py", page)
    assert done.returncode == 1
    tests, _, pages = done.stdout.partition(" slowest tests ")[2].partition(" slowest pages ")
    assert re.fullmatch(r" +0\.[5-9]\d s  test_slow.py::test_long", tests.splitlines()[1]), done.stdout
    assert {line.split("::")[-1] for line in tests.splitlines()[2:4]} == {"test_short", "test_wrong"}
    _, line, last = pages.splitlines()
    seconds, name = line.split(" s  ")
    assert float(seconds) > 0.6 and name == "page.ipynb" and last.startswith("1 failed, 4 passed")

    done = run(*own, "-n", "1", page)
    assert done.returncode == 0, done.stdout
    assert done.stdout.partition(" slowest tests ")[2].partition(" slowest pages ")[0] == tests
    assert done.stdout.splitlines()[-2].endswith(" s  page.ipynb")
