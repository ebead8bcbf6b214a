"""The pages as files: anatomy, parameters, outputs, figures. Nothing is executed here."""

import ast
import os
import re
from pathlib import Path

import nbformat
import page_facts
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
MAX_LINES, MAX_CODE_CELLS = 30, 24  # of a cell; before the exercises
MAX_WORDS, MAX_CAPTION_WORDS = 2200, 16
EXERCISE_TAGS = {"answer", "check", "solution"}


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


def lesson_cells(page) -> list:
    """The code cells before the exercises."""
    return [cell for cell in code_cells(page) if not EXERCISE_TAGS & set(tags(cell))]


def test_a_page_fits_into_one_sitting(page):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(page)]
    assert max(lengths) <= MAX_LINES
    assert sorted(lengths)[len(lengths) // 2] < 12  # one idea a cell
    assert len(lesson_cells(page)) <= MAX_CODE_CELLS
    assert page_facts.words(page) <= MAX_WORDS


def test_the_first_cell_says_how_long_it_takes_and_how_to_run_it(page, request):
    path = request.node.callspec.params["page"]
    name = path.relative_to(ROOT).with_suffix("").as_posix()
    seconds = page_facts.stored_seconds(page)
    assert seconds and page.cells[0].source == page_facts.with_facts(page, name, seconds)
    assert seconds <= 60


def test_predictions_are_closed_and_say_so(page):
    """Where the reader is asked to predict, the output is closed until it is opened; the code too, if it tells."""
    asked = [cell for cell in lesson_cells(page)
             if cell.metadata.get("mystnb", {}).get("code_prompt_show") == "Predict, then open"]  # fmt: skip
    assert asked == [cell for cell in lesson_cells(page) if {"hide-output", "hide-cell"} & set(tags(cell))]
    assert 1 <= len(asked) <= 4
    for cell in asked:
        before = page.cells[page.cells.index(cell) - 1]
        assert before.cell_type == "markdown" and re.search(r"[Pp]redict|[Gg]uess", before.source), cell.source
        assert "hide-cell" in tags(cell) or "assert" not in cell.source, f"an assertion gives it away: {cell.source}"


def test_costs_are_printed_as_numbers_not_as_verdicts(page):
    texts = [o.text for cell in lesson_cells(page) for o in cell.outputs if o.output_type == "stream"]
    lines = [line for text in texts for line in text.splitlines()]
    verdicts = [line for line in lines if re.search(r"\b(True|False)$", line)]
    assert not verdicts


def test_terms_are_linked_to_the_glossary(page):
    assert len(re.findall(r"\{term\}`", prose(page))) >= 2


def test_what_a_page_reads_from_a_record_is_compared(page):
    """Were such an output ignored, nobody would see that it is older than the record."""
    for cell in code_cells(page):
        if re.search(r"results_root\(\)|\brecord(ed)?\b", cell.source):
            assert "nbval-ignore-output" not in tags(cell), cell.source


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


def test_ignored_outputs_are_asserted_in_the_same_cell(page):
    for cell in code_cells(page):
        assert "nbval-skip" not in tags(cell)
        if "nbval-ignore-output" in tags(cell):
            assert re.search(r"^\s*assert |assert_\w+\(", cell.source, flags=re.M), cell.source


def test_every_figure_has_a_caption_a_name_and_an_alternative_text(page):
    names = []
    for cell in filter(draws_a_figure, code_cells(page)):
        shown = cell.metadata["mystnb"]
        assert len(shown["image"]["alt"]) >= 40, cell.source
        assert 3 <= len(shown["figure"]["caption"].split()) <= MAX_CAPTION_WORDS
        assert shown["figure"]["name"].startswith("fig-")
        names.append(shown["figure"]["name"])
    assert len(set(names)) == len(names)
    for name in names:  # a figure that no sentence points to is not read
        assert f"{{numref}}`{name}`" in prose(page)


def test_two_to_four_exercises_each_with_answer_check_and_closed_solution(page):
    start = next(i for i, cell in enumerate(page.cells) if "answer" in tags(cell)) - 1
    numbers = re.findall(r"^### Exercise (\d)$", prose(page), flags=re.M)
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)] and 2 <= len(numbers) <= 4
    cells = page.cells[start:-1]
    kinds = ["".join(EXERCISE_TAGS & set(tags(c))) if c.cell_type == "code" else "task" for c in cells]
    assert kinds == ["task", "answer", "check", "solution"] * len(numbers)
    exercises = zip(cells[1::4], cells[2::4], cells[3::4], strict=True)
    for number, (answer, check, solution) in enumerate(exercises, start=1):
        assert "raise NotImplementedError" in answer.source or answer.source.rstrip().endswith("= ..."), answer.source
        assert f"check({number}, " in check.source and f"check({number}, " in solution.source
        assert check.outputs[0].text == f"Exercise {number}: not answered yet\n"
        assert solution.outputs[0].text == f"Exercise {number}: correct\n"
        assert "hide-cell" in tags(solution) and solution.metadata["jupyter"]["source_hidden"] is True


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
