"""`book/build.py` on a book of two small pages: what it executes, and how it fails."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import build as builder
import nbformat
import psutil
import pytest
import yaml
from jupyter_cache.cache.main import JupyterCacheBase

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
def book(tmp_path, monkeypatch):
    """A copy of the machinery with an intro and two notebooks, which the builder takes for the project."""
    for name in ("helpers", "book/_static"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "requirements.txt", "book/build.py", "book/page_pool.py", "book/references.bib"):
        shutil.copy(ROOT / name, tmp_path / name)
    write_book(tmp_path, one=["# One", "print(1)"], two=["# Two", "print(2)"])
    monkeypatch.setattr(builder, "ROOT", tmp_path)
    monkeypatch.setattr(builder, "BUILD", tmp_path / "_build")
    for name, value in environment().items():  # what the builder sets is gone after the test too
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BOOK_REPOSITORY_URL", raising=False)
    handler = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, handler)


def write_book(folder, **pages: list[str]) -> None:
    (folder / "book" / "intro.md").write_text("# A small book\n\nSee {doc}`/chapters/1_data/one`.\n")
    for name, cells in pages.items():
        write_page(folder / f"chapters/1_data/{name}.ipynb", *cells)
    toc = {"format": "jb-book", "root": "book/intro", "chapters": [{"file": f"chapters/1_data/{n}"} for n in pages]}
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc))


def environment() -> dict[str, str]:
    """The project's own sample, so that nothing is drawn here."""
    return {"BOOK_DATA": str(ROOT / "data"), "BOOK_SOURCE": "sample", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}


@pytest.fixture
def build(book, capsys):
    """Build the small book in this process; return exit status, standard output and standard error."""

    def run(*options: str) -> tuple[int, str, str]:
        code = builder.main(["--source", "sample", "--jobs", "2", *options])
        return code, *capsys.readouterr()

    return run


def executed(built: tuple[int, str, str]) -> set[str]:
    code, out, err = built
    assert code == 0, out + err
    return {line.split("/")[-1] for line in out.splitlines() if line.startswith("  done ")}


def test_only_what_changed_is_executed_again(book, build, monkeypatch):
    """Rendering, which takes longer and is tested below, is left out."""
    monkeypatch.setattr(builder, "render", lambda target, config, strict: target)
    assert executed(build()) == {"one.ipynb", "two.ipynb"}
    assert executed(build()) == set()

    write_page(book / "chapters/1_data/two.ipynb", "# Two", "print(20 + 2)")
    assert executed(build()) == {"two.ipynb"}

    with (book / "book" / "_static" / "book.css").open("a") as file:
        file.write("\n/* changed */\n")
    assert executed(build()) == set()

    with (book / "helpers" / "visualization" / "plots.py").open("a") as file:
        file.write("\n# changed\n")
    assert executed(build()) == {"one.ipynb", "two.ipynb"}


def test_one_process_alone_writes_to_the_cache(book, build, monkeypatch):
    """jupyter_cache, after each page, removes what it finds beyond its limit; two at once remove each other's pages."""
    monkeypatch.setattr(builder, "render", lambda target, config, strict: target)
    written, write = [], JupyterCacheBase.cache_notebook_bundle
    # pages run in forks of this process, and what a fork appends does not arrive here
    monkeypatch.setattr(
        JupyterCacheBase, "cache_notebook_bundle",
        lambda cache, bundle, **options: (written.append(bundle.uri), write(cache, bundle, **options))[1],
    )  # fmt: skip
    assert executed(build()) == {uri.split("/")[-1] for uri in written} == {"one.ipynb", "two.ipynb"}


def test_a_build_renders_every_page_and_a_changed_style_sheet_arrives(book, build):
    first = build()
    assert executed(first) == {"one.ipynb", "two.ipynb"}
    html = book / "_build" / "html" / "index.html"
    assert first[1].splitlines()[-1] == f"Open {html}" and html.exists()
    assert "<pre>2\n" in without_markup(book / "_build/html/chapters/1_data/two.html")

    with (book / "book" / "_static" / "book.css").open("a") as file:
        file.write("\n/* changed */\n")
    assert executed(build()) == set()
    assert "/* changed */" in (book / "_build/html/_static/book.css").read_text()


def without_markup(html) -> str:
    """The text of a rendered page without the marks of the highlighter."""
    return re.sub("</?span[^>]*>", "", html.read_text())


def test_one_page_can_be_built_alone_and_a_changed_page_is_rendered_again(book, build):
    done = build("--page", "chapters/1_data/two")
    assert executed(done) == {"two.ipynb"}
    html = book / "_build" / "_page" / "chapters-1_data-two" / "html" / "two.html"
    assert done[1].splitlines()[-1] == f"Open {html}" and "<pre>2\n" in without_markup(html)
    for name in ("book.css", "book.js"):  # it looks as in the book
        assert (html.parent / "_static" / name).read_text() == (book / "book" / "_static" / name).read_text()
        assert f"_static/{name}" in html.read_text()

    write_page(book / "chapters/1_data/two.ipynb", "# Two", "print(20 + 2)")
    assert executed(build("--page", "chapters/1_data/two")) == {"two.ipynb"}
    assert "<pre>22\n" in without_markup(html)


def break_with_an_exception(book):
    write_page(book / "chapters/1_data/two.ipynb", "# Two", "1 / 0")
    return "chapters/1_data/two.ipynb", "ZeroDivisionError"


def kill_the_kernel(book):
    write_page(book / "chapters/1_data/two.ipynb", "# Two", "import os, signal", "os.kill(os.getpid(), signal.SIGKILL)")
    return "chapters/1_data/two.ipynb", "Kernel died"


def leave_a_page_outside(book):
    write_page(book / "chapters/1_data/three.ipynb", "# Three")
    return "chapters/1_data/three.ipynb", "is not in _toc.yml"


def lose_a_page(book):
    (book / "chapters/1_data/two.ipynb").unlink()
    return "chapters/1_data/two", "there is no such page"


@pytest.mark.parametrize(
    "damage",
    [break_with_an_exception, kill_the_kernel, leave_a_page_outside, lose_a_page],
    ids=lambda function: function.__name__,
)
def test_a_broken_book_fails_and_names_the_page_last(book, build, damage):
    page, reason = damage(book)
    code, _, err = build()
    assert code == 1
    last = "\n".join(err.splitlines()[-8:])
    assert page in last and reason in last, err
    assert "Traceback" not in err or reason in ("ZeroDivisionError", "Kernel died")
    assert err.rstrip().endswith("The book was not built.")


BROKEN_LINKS = {
    "reference": ("{doc}`no_such_page`", "no_such_page"),
    "picture": ("![a picture](no_such_picture.png)", "no_such_picture.png"),
    "citation": ("{cite}`nobody1900`", "nobody1900"),
}


def test_every_broken_reference_picture_and_citation_is_told_with_its_page(book, build):
    """One rendering of three broken pages. Sphinx fails for each line that it told as a warning."""
    pages = {name: [f"# Page\n\n{text}"] for name, (text, _) in BROKEN_LINKS.items()}
    write_book(book, one=["# One"], **pages)
    (book / "chapters/1_data/two.ipynb").unlink()
    code, _, err = build()
    assert code == 1 and "Traceback" not in err
    for name, (_, told) in BROKEN_LINKS.items():
        lines = [line for line in err.splitlines() if f"chapters/1_data/{name}.ipynb" in line and told in line]
        assert lines and "WARNING" in lines[0], err
    assert not [line for line in err.splitlines() if "chapters/1_data/one.ipynb" in line]
    assert err.rstrip().endswith("The book was not built.")


def processes_with(mark: str) -> list[psutil.Process]:
    """The running processes whose environment holds the variable BOOK_TEST_MARK with this value."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("BOOK_TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_until(condition, seconds: float = 150) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_a_build_that_is_stopped_leaves_no_process_and_no_file(book, tmp_path_factory, how):
    temporary = tmp_path_factory.mktemp("temporary")
    running = book / "running"
    cell = f"import pathlib, time\npathlib.Path({str(running)!r}).touch()\ntime.sleep(200)"
    write_book(book, one=["# One", cell], two=["# Two", "print(2)"])
    marked = {"PYTHONPATH": str(book), "TMPDIR": str(temporary), "BOOK_TEST_MARK": str(book)}
    command = [sys.executable, str(book / "book" / "build.py"), "--source", "sample", "--jobs", "2"]
    with (book / "log").open("w") as log:
        building = subprocess.Popen(
            command, cwd=book, env=os.environ | marked, stdout=log, stderr=log,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
        )  # fmt: skip
    try:
        assert wait_until(running.exists), (book / "log").read_text()
        assert len(processes_with(str(book))) >= 3  # the command, a worker, a kernel
        building.send_signal(how)
        code = building.wait(timeout=60)
        assert wait_until(lambda: not processes_with(str(book)), 60), processes_with(str(book))
    finally:
        for process in processes_with(str(book)):
            process.kill()
        building.wait()
    assert code == (-how if how == signal.SIGKILL else 130)
    assert list(temporary.iterdir()) == []


def test_the_cache_depends_on_source_archive_and_device(monkeypatch):
    monkeypatch.delenv("BOOK_DEVICE", raising=False)
    before = builder.cache_folder("cifar10", "abc")
    assert before == builder.cache_folder("cifar10", "abc")
    folders = {before, builder.cache_folder("sample", "abc"), builder.cache_folder("cifar10", "abd")}
    monkeypatch.setenv("BOOK_DEVICE", "cuda")
    folders.add(builder.cache_folder("cifar10", "abc"))
    assert len(folders) == 4


def test_the_cache_depends_on_helpers_requirements_results_and_weights(tmp_path, monkeypatch):
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
