"""The exercises of the pages: the check accepts the solution, refuses wrong answers, and is silent about the stub.

The wrong answers stand in `wrong/<part>/<page>.py`, as cells: a line `# %% 2: what is wrong | words of the verdict` and
the answer below it. Nothing of the page runs but what a check needs: the definitions, imports and assignments that it
uses, and what these use.
"""

import ast
import re
import symtable
from pathlib import Path

import nbformat
import pytest
import torch
from support import PROJECT

PAGES = sorted(PROJECT.glob("chapters/*/*.ipynb"))
WRONG = Path(__file__).parent / "wrong"
LEAST_WRONG = 3  # answers for each exercise


def cells(page: Path, tag: str | None = None) -> list[str]:
    """The sources of a page's code cells, or of those with a tag."""
    found = [cell for cell in nbformat.read(page, as_version=4).cells if cell.cell_type == "code"]
    return [cell.source for cell in found if tag is None or tag in cell.metadata.get("tags", [])]


def names(source: str) -> tuple[set[str], set[str]]:
    """The names of the page that a statement reads, and those that it binds or changes."""
    whole = symtable.symtable(source, "page", "exec")
    reads = {s.get_name() for s in whole.get_symbols() if s.is_referenced()}
    binds = {s.get_name() for s in whole.get_symbols() if s.is_assigned() or s.is_imported()}
    inner = list(whole.get_children())
    while inner:
        table = inner.pop()
        reads |= {s.get_name() for s in table.get_symbols() if s.is_global()}
        inner += table.get_children()
    for node in ast.parse(source).body:  # `samples.sort()` and `device.x = 1` change what they name
        called = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
        targets = [called] if called else getattr(node, "targets", [])
        binds |= {t.value.id for t in targets
                  if isinstance(t, ast.Attribute | ast.Subscript) and isinstance(t.value, ast.Name)}  # fmt: skip
    return reads, binds


def needed(page: Path, check: str) -> str:
    """The statements of the page, before its exercises and in their order, that a check needs."""
    skip = {"answer", "check", "solution"}
    statements = [
        ast.unparse(node)
        for cell in nbformat.read(page, as_version=4).cells
        if cell.cell_type == "code" and not skip & set(cell.metadata.get("tags", []))
        for node in ast.parse(cell.source).body
    ]
    wanted, chosen = names(check)[0] | {"runtime"}, []  # the set-up seeds
    for statement in reversed(statements):
        reads, binds = names(statement)
        if binds & wanted:
            chosen.append(statement)
            wanted |= reads
    return "\n".join(reversed(chosen))


def exercises() -> list:
    """For every exercise of every page: page, number, stub, check, solution."""
    found = []
    for page in PAGES:
        parts = zip(cells(page, "answer"), cells(page, "check"), cells(page, "solution"), strict=False)
        for number, (answer, check, solution) in enumerate(parts, start=1):
            name = f"{page.parent.name}/{page.stem}-{number}"
            found.append(pytest.param(page, number, answer, check, solution, id=name))
    return found


def wrong_answers(page: Path) -> dict[int, list[tuple[str, str, str]]]:
    """By exercise: what is wrong, words that the verdict must hold, and the answer."""
    path = WRONG / page.parent.name / f"{page.stem}.py"
    found: dict[int, list[tuple[str, str, str]]] = {}
    if path.exists():
        heads = r"^# %% (\d+): (.+?) \| (.+)\n"
        _, *parts = re.split(heads, path.read_text(encoding="utf-8"), flags=re.M)
        for number, what, words, answer in zip(*(parts[k::4] for k in range(4)), strict=True):
            found.setdefault(int(number), []).append((what, words.strip(), answer))
    return found


@pytest.fixture
def own_data(monkeypatch):
    """The data of the project, as the pages see it; every other test has a folder of its own."""
    monkeypatch.delenv("BOOK_DATA", raising=False)
    monkeypatch.setenv("BOOK_SOURCE", "sample")
    monkeypatch.setenv("BOOK_DEVICE", "cpu")
    precision = torch.get_default_dtype()  # a page may choose float64 for all that it makes
    yield
    torch.set_default_dtype(precision)


@pytest.mark.parametrize(("page", "number", "stub", "check", "solution"), exercises())
def test_a_check_knows_right_from_wrong(page, number, stub, check, solution, own_data, monkeypatch, capsys):
    monkeypatch.chdir(page.parent)
    context: dict[str, object] = {"__name__": "__main__"}
    exec(compile(needed(page, check + "\n" + solution), str(page), "exec"), context)

    def verdict(*sources: str) -> str:
        """What a fresh reader sees who runs these cells."""
        fresh = dict(context)
        capsys.readouterr()
        for source in sources:
            exec(compile(source, f"{page.name}, exercise {number}", "exec"), fresh)
        return capsys.readouterr().out

    assert verdict(stub, check) == f"Exercise {number}: not answered yet\n"
    assert verdict(stub, check, solution).endswith(f"Exercise {number}: correct\n")
    assert not names(stub)[1] & names(solution)[1], "the solution would overwrite the reader's answer"
    wrong = wrong_answers(page).get(number, [])
    assert len(wrong) >= LEAST_WRONG, f"{len(wrong)} wrong answers for exercise {number} of {page.name}"
    for what, words, answer in wrong:
        told = verdict(answer, check)
        assert "correct" not in told and "not answered" not in told, f"accepted: {what}\n{told}"
        assert words in told, f"{what}: the verdict is {told}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_refusal_of_a_check_says_why(page):
    """An assertion without a message would show a reader an empty verdict."""
    for check in cells(page, "check"):
        for node in ast.walk(ast.parse(check)):
            assert not isinstance(node, ast.Assert) or node.msg is not None, f"line {node.lineno} of\n{check}"
