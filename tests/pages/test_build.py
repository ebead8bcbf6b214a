"""`book/build.py` on a book of two small pages: what it executes, and how it fails."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
import yaml

from helpers.paths import project_root

ROOT = project_root()


def write_page(path, *cells: str) -> None:
    """A notebook; a cell that starts with # is Markdown, others are code."""
    make = [nbformat.v4.new_markdown_cell if c.startswith("# ") else nbformat.v4.new_code_cell for c in cells]
    notebook = nbformat.v4.new_notebook(cells=[new(source) for new, source in zip(make, cells, strict=True)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture
def book(tmp_path):
    """A copy of the machinery with an intro and two notebooks."""
    for name in ("helpers", "book/_static"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "requirements.txt", "book/build.py", "book/references.bib"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "book" / "intro.md").write_text("# A small book\n\nSee {doc}`/chapters/1_data/one`.\n")
    write_page(tmp_path / "chapters/1_data/one.ipynb", "# One", "print(1)")
    write_page(tmp_path / "chapters/1_data/two.ipynb", "# Two", "print(2)")
    toc = {"format": "jb-book", "root": "book/intro",
           "chapters": [{"file": "chapters/1_data/one"}, {"file": "chapters/1_data/two"}]}  # fmt: skip
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(toc))
    return tmp_path


def build(book, *options) -> subprocess.CompletedProcess:
    env = {k: v for k, v in os.environ.items() if k not in ("CIFAR10_ARCHIVE", "BOOK_REPOSITORY_URL")}
    env |= {"PYTHONPATH": str(book), "BOOK_DATA": str(ROOT / "data"), "TQDM_DISABLE": "1"}
    command = [sys.executable, str(book / "book" / "build.py"), "--source", "sample", "--jobs", "2", *options]
    return subprocess.run(command, cwd=book, env=env, capture_output=True, text=True, timeout=300)


def executed(done: subprocess.CompletedProcess) -> set[str]:
    assert done.returncode == 0, done.stdout + done.stderr
    return {line.split("/")[-1] for line in done.stdout.splitlines() if line.startswith("  done ")}


def test_only_what_changed_is_executed_again(book):
    first = build(book)
    assert executed(first) == {"one.ipynb", "two.ipynb"}
    html = book / "_build" / "html" / "index.html"
    assert first.stdout.splitlines()[-1] == f"Open {html}" and html.exists()
    assert "2" in (book / "_build/html/chapters/1_data/two.html").read_text()

    assert executed(build(book)) == set()

    write_page(book / "chapters/1_data/two.ipynb", "# Two", "print(20 + 2)")
    assert executed(build(book)) == {"two.ipynb"}
    assert "22" in (book / "_build/html/chapters/1_data/two.html").read_text()

    with (book / "book" / "_static" / "book.css").open("a") as file:
        file.write("\n/* changed */\n")
    assert executed(build(book)) == set()
    assert "/* changed */" in (book / "_build/html/_static/book.css").read_text()

    with (book / "helpers" / "plots.py").open("a") as file:
        file.write("\n# changed\n")
    assert executed(build(book)) == {"one.ipynb", "two.ipynb"}


def test_one_page_can_be_built_alone(book):
    done = build(book, "--page", "chapters/1_data/two")
    assert executed(done) == {"two.ipynb"}
    html = book / "_build" / "_page" / "chapters-1_data-two" / "html" / "two.html"
    assert done.stdout.splitlines()[-1] == f"Open {html}" and html.exists()


def break_with_an_exception(book):
    write_page(book / "chapters/1_data/two.ipynb", "# Two", "1 / 0")
    return "chapters/1_data/two.ipynb", "ZeroDivisionError"


def break_a_reference(book):
    write_page(book / "chapters/1_data/two.ipynb", "# Two\n\n{doc}`no_such_page`")
    return "chapters/1_data/two.ipynb", "no_such_page"


def break_an_image(book):
    write_page(book / "chapters/1_data/two.ipynb", "# Two\n\n![a picture](no_such_picture.png)")
    return "chapters/1_data/two.ipynb", "no_such_picture.png"


def break_a_citation(book):
    write_page(book / "chapters/1_data/two.ipynb", "# Two\n\n{cite}`nobody1900`")
    return "chapters/1_data/two.ipynb", "nobody1900"


def leave_a_page_outside(book):
    write_page(book / "chapters/1_data/three.ipynb", "# Three")
    return "chapters/1_data/three.ipynb", "is not in _toc.yml"


def lose_a_page(book):
    (book / "chapters/1_data/two.ipynb").unlink()
    return "chapters/1_data/two", "there is no such page"


@pytest.mark.parametrize(
    "damage",
    [break_with_an_exception, break_a_reference, break_an_image, break_a_citation, leave_a_page_outside, lose_a_page],
    ids=lambda function: function.__name__,
)
def test_a_broken_book_fails_and_names_the_page_last(book, damage):
    page, reason = damage(book)
    done = build(book)
    assert done.returncode == 1
    last = "\n".join(done.stderr.splitlines()[-8:])
    assert page in last and reason in last, done.stderr
    assert "Traceback" not in done.stderr or reason == "ZeroDivisionError"
    assert done.stderr.rstrip().endswith("The book was not built.")


def test_the_cache_depends_on_source_archive_and_device(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book")
    import build as builder

    monkeypatch.delenv("BOOK_DEVICE", raising=False)
    before = builder.cache_folder("cifar10", "abc")
    assert before == builder.cache_folder("cifar10", "abc")
    folders = {before, builder.cache_folder("sample", "abc"), builder.cache_folder("cifar10", "abd")}
    monkeypatch.setenv("BOOK_DEVICE", "cuda")
    folders.add(builder.cache_folder("cifar10", "abc"))
    assert len(folders) == 4


def test_the_cache_depends_on_helpers_requirements_results_and_weights(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book")
    import build as builder

    monkeypatch.setattr(builder, "ROOT", tmp_path)
    names = ("helpers/a.py", "helpers/book.mplstyle", "requirements.txt", "book/results/a.json", "data/weights/a.pt")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    folders = {builder.cache_folder("sample", "abc")}
    for name in names:
        (tmp_path / name).write_text("2")
        folders.add(builder.cache_folder("sample", "abc"))
    assert len(folders) == 1 + len(names)
