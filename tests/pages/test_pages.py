"""The pages as files: anatomy, parameters, outputs, figures. Nothing is executed here."""

import ast
import os
import re
from pathlib import Path

import nbformat
import papermill
import pytest
from sphinx_external_toc.parsing import parse_toc_yaml

from helpers.paths import project_root

ROOT = project_root()
PAGES = sorted(ROOT.glob("chapters/*/*.ipynb"))
TEMPLATE = ROOT / "book" / "_page_template.ipynb"
FIXED_PARAMETERS = {  # design: the same name, type and default on every page
    "source": ("str", '"auto"'),
    "device": ("str", '"auto"'),
    "seed": ("int", "0"),
    "num_epochs": ("int", None),
    "batch_size": ("int", "128"),
    "lr": ("float", None),
}
REQUIRED_PARAMETERS = ("source", "device", "seed")
MAX_LINES, MAX_CODE_CELLS = 30, 35


@pytest.fixture(params=[*PAGES, TEMPLATE], ids=lambda page: page.stem)
def page(request) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def code_cells(page) -> list:
    return [cell for cell in page.cells if cell.cell_type == "code"]


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def prose(page) -> str:
    return "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")


def draws_a_figure(cell) -> bool:
    return any("<Figure" in output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def test_there_are_pages():
    assert len(PAGES) >= 3


def test_a_page_is_valid_and_names_the_kernel_python3(page):
    nbformat.validate(page)
    assert page.metadata.kernelspec.name == "python3"


def test_a_page_opens_with_promise_and_closes_with_answers(page):
    cells = page.cells
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    assert "**You will learn**" in cells[0].source and "**You need**" in cells[0].source
    assert re.match(r"## What you learned\n", cells[-1].source)
    promised = re.findall(r"^- ", cells[0].source, flags=re.M)
    answered = re.findall(r"^- ", cells[-1].source, flags=re.M)
    assert len(promised) == len(answered) >= 2


def test_the_headings_have_the_fixed_order(page):
    headings = re.findall(r"^## (.+)$", prose(page), flags=re.M)
    assert headings[-3:] == ["In practice", "Exercises", "What you learned"]
    assert re.findall(r"^# ", prose(page), flags=re.M) == ["# "]


def test_the_second_code_cell_sets_up_and_the_first_holds_parameters(page):
    first, second = code_cells(page)[:2]
    assert tags(first) == ["parameters"]
    assert [cell for cell in code_cells(page) if "parameters" in tags(cell)] == [first]
    assert "seed_everything(seed)" in second.source and "prepare(source" in second.source


def parameter_lines(page) -> list[ast.AnnAssign]:
    return ast.parse(code_cells(page)[0].source).body


def test_parameters_are_annotated_literals_with_a_meaning(page):
    source = code_cells(page)[0].source
    for line, statement in zip(source.splitlines(), parameter_lines(page), strict=True):
        assert isinstance(statement, ast.AnnAssign), line
        ast.literal_eval(statement.value)
        assert re.fullmatch(r"\w+: \w+ = .+  # .{10,}", line), line


def test_fixed_parameters_have_their_type_and_default(page):
    found = {s.target.id: (ast.unparse(s.annotation), s.value) for s in parameter_lines(page)}
    assert set(REQUIRED_PARAMETERS) <= set(found)
    for name in found.keys() & FIXED_PARAMETERS.keys():
        kind, default = FIXED_PARAMETERS[name]
        assert found[name][0] == kind, name
        assert default is None or ast.literal_eval(found[name][1]) == ast.literal_eval(default), name


def test_papermill_reads_every_parameter(page, tmp_path):
    nbformat.write(page, tmp_path / "page.ipynb")
    inferred = papermill.inspect_notebook(str(tmp_path / "page.ipynb"))
    assert list(inferred) == [s.target.id for s in parameter_lines(page)]
    assert all(info["help"] and info["inferred_type_name"] != "None" for info in inferred.values())


def test_no_notebook_parses_arguments(page):
    for cell in code_cells(page):
        assert not re.search(r"\bargparse\b|sys\.argv", cell.source)


def test_code_cells_are_short_and_few(page):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(page)]
    assert max(lengths) <= MAX_LINES
    assert sorted(lengths)[len(lengths) // 2] < 12  # one idea a cell
    assert len(lengths) <= MAX_CODE_CELLS


def test_every_code_cell_was_executed_in_order_and_without_error(page):
    counts = [cell.execution_count for cell in code_cells(page)]
    assert counts == list(range(1, len(counts) + 1))
    assert not [o for cell in code_cells(page) for o in cell.outputs if o.output_type == "error"]


def test_no_image_is_stored(page):
    kinds = {kind for cell in code_cells(page) for o in cell.outputs for kind in o.get("data", {})}
    assert not {kind for kind in kinds if kind.startswith("image/")}
    assert not [cell for cell in page.cells if cell.get("attachments")]


def test_no_absolute_path_or_address_of_a_machine_is_stored(page):
    text = nbformat.writes(page)
    assert not re.search(r"(?<![\w.~])/(home|root|tmp|Users|var|private|work)/", text)
    assert str(ROOT) not in text and os.path.expanduser("~") + "/" not in text
    assert not re.search(r" at 0x[0-9a-f]{6,}", text)


def test_ignored_outputs_are_few_and_asserted(page):
    cells = code_cells(page)
    with_output = [cell for cell in cells if cell.outputs]
    ignored = [cell for cell in cells if {"nbval-ignore-output", "nbval-skip"} & set(tags(cell))]
    assert len(ignored) < 0.15 * len(with_output)
    for cell in ignored:
        following = cells[cells.index(cell) + 1] if cell is not cells[-1] else cell
        assert re.search(r"^\s*assert |assert_\w+\(", cell.source + "\n" + following.source, flags=re.M)


def test_every_figure_has_a_caption_a_name_and_an_alternative_text(page):
    names = []
    for cell in filter(draws_a_figure, code_cells(page)):
        shown = cell.metadata["mystnb"]
        assert len(shown["image"]["alt"]) >= 40, cell.source
        assert 1 <= len(shown["figure"]["caption"].split()) <= 6
        assert shown["figure"]["name"].startswith("fig-")
        names.append(shown["figure"]["name"])
    assert len(set(names)) == len(names)
    for name in names:  # a figure that no sentence points to is not read
        assert f"{{numref}}`{name}`" in prose(page)


def test_two_to_four_exercises_each_with_a_hidden_solution_and_a_check(page):
    exercises = re.findall(r"^### Exercise (\d)$", prose(page), flags=re.M)
    assert exercises == [str(n) for n in range(1, len(exercises) + 1)] and 2 <= len(exercises) <= 4
    solutions = [cell for cell in code_cells(page) if "solution" in tags(cell)]
    checks = [cell for cell in code_cells(page) if "check" in tags(cell)]
    assert len(solutions) == len(checks) == len(exercises)
    for cell in solutions:
        assert "hide-cell" in tags(cell) and cell.metadata["jupyter"]["source_hidden"] is True
    for number, cell in enumerate(checks, start=1):
        assert re.search(r"^\s*assert |assert_\w+\(", cell.source, flags=re.M)
        assert f"exercise {number}: correct" in cell.outputs[0].text


def test_every_page_is_in_the_table_of_contents_and_every_entry_is_a_page():
    names = {str(name) for name in parse_toc_yaml(ROOT / "_toc.yml")}
    for path in PAGES:
        assert path.relative_to(ROOT).with_suffix("").as_posix() in names
    for name in names:
        assert [ending for ending in (".md", ".ipynb") if Path(ROOT / f"{name}{ending}").exists()], name


def test_figure_names_and_cell_ids_are_unique_in_the_book():
    names, ids = [], []
    for path in PAGES:
        notebook = nbformat.read(path, as_version=4)
        names += [
            c.metadata.mystnb.figure.name for c in code_cells(notebook) if "figure" in c.metadata.get("mystnb", {})
        ]
        ids += [(path.stem, cell.id) for cell in notebook.cells]
    assert len(names) == len(set(names)) and len(ids) == len(set(ids))


def test_no_page_and_no_helper_is_larger_than_it_should_be():
    for path in [*PAGES, *ROOT.glob("helpers/**/*.py")]:
        assert path.stat().st_size < 250_000, path
