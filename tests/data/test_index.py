"""`helpers.data.index`: what is written is read back, and a damaged line is refused."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import draw_png, half_written

from helpers.data.dataset import MyDataset, load_image
from helpers.data.index import read_index, write_index
from helpers.paths import DataError

file_names = st.text(
    st.characters(exclude_characters="/\0\n\r", exclude_categories=("Cs",)), min_size=1, max_size=20
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200)


@given(st.lists(st.tuples(file_names, st.integers(0, 10**6 - 1)), min_size=1, max_size=6, unique_by=lambda p: p[0]))
def test_what_is_written_is_read_whatever_the_names(tmp_path_factory, pairs):
    folder = tmp_path_factory.mktemp("index") / "raw images "
    folder.mkdir()
    samples = [(folder / name, label) for name, label in pairs]
    for path, _ in samples:
        path.touch()
    index = folder.parent / "split" / "train.txt"
    write_index(index, samples)
    assert [(os.path.realpath(path), label) for path, label in read_index(index)] == [
        (str(path), label) for path, label in samples
    ]


@pytest.mark.parametrize(
    "name", ["a b.png", " a.png", "a.png ", "a 7", "ä 日本.png", "a\\b.png", "a\t.png", "\u2028.png"]
)
def test_a_name_with_a_space_or_a_foreign_letter_survives(tmp_path, name):
    image = draw_png(tmp_path / "raw" / name, format="png")
    write_index(tmp_path / "train.txt", [(image, 3)])
    assert (tmp_path / "train.txt").read_bytes() == f"raw/{name} 3\n".encode()
    assert read_index(tmp_path / "train.txt") == [(str(image), 3)]
    assert MyDataset(tmp_path / "train.txt")[0][1] == 3


def test_paths_in_an_index_are_relative_so_that_the_folder_can_move(tmp_path):
    image = draw_png(tmp_path / "here" / "raw" / "0" / "0.png")
    write_index(tmp_path / "here" / "split" / "train.txt", [(image, 0)])
    assert (tmp_path / "here" / "split" / "train.txt").read_text() == "../raw/0/0.png 0\n"
    (tmp_path / "here").rename(tmp_path / "there")
    path, _ = read_index(tmp_path / "there" / "split" / "train.txt")[0]
    assert os.path.samefile(path, tmp_path / "there" / "raw" / "0" / "0.png")


def test_a_relative_index_path_is_read_from_the_working_folder(tmp_path, monkeypatch):
    write_index(tmp_path / "train.txt", [(draw_png(tmp_path / "a.png"), 0)])
    monkeypatch.chdir(tmp_path)
    [(path, label)] = read_index("train.txt")
    assert not os.path.isabs(path)
    assert os.path.samefile(path, tmp_path / "a.png")
    assert label == 0


@pytest.mark.parametrize("text", ["a.png 0\r\nb c.png 1\r\n", "a.png 0\nb c.png 1", "a.png 0\r\nb c.png 1\n"])
def test_line_ends_of_windows_and_a_missing_last_one_are_read(tmp_path, text):
    for name in ("a.png", "b c.png"):
        draw_png(tmp_path / name)
    (tmp_path / "train.txt").write_bytes(text.encode())
    assert read_index(tmp_path / "train.txt") == [(str(tmp_path / "a.png"), 0), (str(tmp_path / "b c.png"), 1)]


@pytest.mark.parametrize("name", ["a\nb.png", "a\rb.png"])
def test_a_line_break_in_a_name_is_refused_and_the_old_index_kept(tmp_path, name):
    index = tmp_path / "train.txt"
    write_index(index, [(draw_png(tmp_path / "a.png"), 0)])
    with pytest.raises(DataError, match="line break in a file name.*Rename it"):
        write_index(index, [(tmp_path / "a.png", 0), (tmp_path / name, 0)])
    assert index.read_text() == "a.png 0\n"
    assert half_written(tmp_path) == []



def test_an_absurd_label_is_refused_before_it_fills_the_memory(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "train.txt").write_text(f"a.png {'9' * 5000}\n")
    with pytest.raises(DataError, match="line 1: label .* is not a whole number"):
        MyDataset(tmp_path / "train.txt")


@pytest.mark.parametrize("line", ["\x1b[2J\u202ebad.png 0", "\x1b[2J\u202ebad", "a.png \x1b[2J\u202ebad"])
def test_what_an_index_file_says_reaches_the_terminal_escaped(tmp_path, line):
    (tmp_path / "a.png").touch()
    (tmp_path / "train.txt").write_text(f"a.png 0\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2.*\\x1b\[2J\\u202ebad") as caught:
        read_index(tmp_path / "train.txt")
    assert str(caught.value).isprintable()


def test_the_name_of_a_damaged_image_reaches_the_terminal_escaped(tmp_path):
    (tmp_path / "\x1b[2Jbad.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"\\x1b\[2Jbad.png: not a readable image") as caught:
        load_image(tmp_path / "\x1b[2Jbad.png")
    assert str(caught.value).isprintable()
