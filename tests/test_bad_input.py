"""Whatever is wrong with the input: one message that says where and what to do, and nothing half-written.

Every bad input is a function that sets the scene in a folder of its own and returns a `Call`: a command line of
`helpers.prepare`, run as a real process, or a function of the package; and what its message must contain.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import archives
import numpy as np
import pytest
from archives import FOLDER, good_members, member, tar_bytes, write_gzip
from PIL import Image
from support import PROJECT, file_hashes, half_written, prepare_command, run_on_a_small_disk

from helpers.data import cifar10
from helpers.data.dataset import MyDataset
from helpers.paths import DataError
from helpers.prepare import main, prepare

PREPARE_AGAIN = "Write the data again with `python -m helpers.prepare`"
ANOTHER_ARCHIVE = "Fetch it again, or pass another one with --archive PATH"


@dataclass(frozen=True)
class Call:
    run: list | Callable  # a command line of `helpers.prepare`, or a function
    where: object  # the file (and line), or the option, that the message must name
    remedy: str


@dataclass(frozen=True)
class Scene:
    """What a bad input may be made from."""

    folder: Path
    small: object
    server: object
    monkeypatch: pytest.MonkeyPatch

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def archive(self, tar: bytes) -> Path:
        return write_gzip(self.folder / "bad.tar.gz", tar)

    def from_archive(self, path: Path, where: object = None) -> Call:
        return Call(["--archive", path, "--root", self.root], where or path, ANOTHER_ARCHIVE)

    def changed(self, name: str, **fields: object) -> Call:
        """A good archive but for some fields of one batch."""
        found = self.small.contents
        found[name] |= fields
        return self.from_archive(self.archive(tar_bytes(good_members(found))))

    def good(self, *arguments: object) -> list:
        return ["--archive", self.small.path, *arguments]

    def index(self, line: str | bytes, image: bytes | None = None) -> Path:
        """An index of one good line and `line`; `image` becomes the content of `bad.png`."""
        Image.new("RGB", (4, 3)).save(self.folder / "good.png")
        if image is not None:
            (self.folder / "bad.png").write_bytes(image)
        path = self.folder / "train.txt"
        path.write_bytes(b"good.png 0\n" + (line if isinstance(line, bytes) else line.encode()))
        return path

    def bad_line(self, line: str | bytes) -> Call:
        path = self.index(line)
        return Call(lambda: MyDataset(path), f"{path}, line 2:", PREPARE_AGAIN)

    def bad_image(self, content: bytes) -> Call:
        path = self.index("bad.png 0\n", content)
        remedy = f"Delete it; then: {PREPARE_AGAIN}"
        return Call(lambda: list(MyDataset(path)), f"{self.folder / 'bad.png'}:", remedy)

    def png(self) -> bytes:
        Image.fromarray(self.small.images[0]).save(self.folder / "good.png")
        return (self.folder / "good.png").read_bytes()


def truncated_archive(scene: Scene) -> Call:
    path = scene.folder / "bad.tar.gz"
    path.write_bytes(scene.small.path.read_bytes()[:500_000])
    return scene.from_archive(path)


def archive_that_is_text(scene: Scene) -> Call:
    path = scene.folder / "bad.tar.gz"
    path.write_text("<html>404 Not Found</html>\n" * 100)
    return scene.from_archive(path)


def empty_archive(scene: Scene) -> Call:
    path = scene.folder / "bad.tar.gz"
    path.touch()
    return scene.from_archive(path)


def archive_with_wrong_md5_from_the_server(scene: Scene) -> Call:
    scene.monkeypatch.setattr(cifar10, "URL", scene.server.url)  # the official MD5 stays: this is another file
    return Call(
        lambda: main(["--source", "cifar10"]), scene.server.url, "Try again. Or fetch the archive by other means"
    )


def archive_that_the_server_lacks(scene: Scene) -> Call:
    scene.server.status = 404
    scene.monkeypatch.setattr(cifar10, "URL", scene.server.url)
    return Call(lambda: main(["--source", "cifar10"]), scene.server.url, "pass it with --archive PATH")


def missing_member(scene: Scene) -> Call:
    kept = [m for m in good_members(scene.small.contents) if not m[0].name.endswith("data_batch_5")]
    return scene.from_archive(scene.archive(tar_bytes(kept)))


def member_outside_the_folder(scene: Scene) -> Call:
    bad = member("../outside", b"x")
    return scene.from_archive(scene.archive(tar_bytes([bad, *good_members(scene.small.contents)])))


def pickle_that_runs_a_command(scene: Scene) -> Call:
    payload = archives.global_call("os.system", f"touch '{scene.folder}/x.partial'")
    members = good_members(scene.small.contents)
    name = f"{FOLDER}/data_batch_1"
    return scene.from_archive(
        scene.archive(tar_bytes(member(name, payload) if i.name == name else (i, d) for i, d in members))
    )


def batch_of_wrong_shape(scene: Scene) -> Call:
    return scene.changed("data_batch_2", data=np.zeros((100, 3071), dtype=np.uint8))


def label_10(scene: Scene) -> Call:
    return scene.changed("test_batch", labels=[10] * 100)


def other_class_names(scene: Scene) -> Call:
    return scene.changed("batches.meta", label_names=list("abcdefghij"))


def archive_that_is_not_there(scene: Scene) -> Call:
    path = scene.folder / "none.tar.gz"
    return Call(["--archive", path, "--root", scene.root], path, "Check --archive or CIFAR10_ARCHIVE")


def archive_that_is_a_folder(scene: Scene) -> Call:
    return Call(["--archive", scene.folder, "--root", scene.root], scene.folder, "Check --archive or CIFAR10_ARCHIVE")


def another_archive_in_the_data_folder(scene: Scene) -> Call:
    path = scene.folder / "data" / cifar10.ARCHIVE_NAME
    path.parent.mkdir()
    shutil.copy(scene.small.path, path)
    return Call(["--source", "cifar10"], path, "Delete it, or pass it with --archive")


def wrong_number(text: str) -> Callable[[Scene], Call]:
    def make(scene: Scene) -> Call:
        run = scene.good("--root", scene.root, "--num-images", text)
        return Call(run, f"num_images is {text}", "use a number from 50 to 500, or all")

    make.__name__ = f"num_images_{text}"
    return make


def num_images_that_is_no_number(scene: Scene) -> Call:
    run = scene.good("--root", scene.root, "--num-images", "abc")
    return Call(run, "argument --num-images: 'abc'", "neither a whole number nor 'all'")


def num_images_beyond_the_sample(scene: Scene) -> Call:
    run = ["--source", "sample", "--root", scene.root, "--num-images", "70000"]
    return Call(run, "num_images is 70000", "use a number from 50 to 5000, or all")


def jobs_below_one(scene: Scene) -> Call:
    return Call(scene.good("--root", scene.root, "--jobs", "-1"), "jobs is -1", "use a number from 1")


def unknown_source(scene: Scene) -> Call:
    return Call(["--source", "mnist", "--root", scene.root], "argument --source: invalid choice: 'mnist'", "sample")


def unknown_source_in_the_environment(scene: Scene) -> Call:
    scene.monkeypatch.setenv("BOOK_SOURCE", "mnist")
    return Call(["--root", scene.root], "unknown source 'mnist'", "use one of auto, cifar10, sample")


def target_below_a_file(scene: Scene) -> Call:
    (scene.folder / "file").write_text("")
    root = scene.folder / "file" / "root"
    return Call(scene.good("--root", root), scene.folder / "file", "choose another --root")


def target_in_proc(scene: Scene) -> Call:
    if not Path("/proc/self").exists():
        pytest.skip("there is no /proc here")
    return Call(scene.good("--root", "/proc/book"), "/proc/book", "choose another --root")


def target_that_holds_another_archive(scene: Scene) -> Call:
    prepare(archive=scene.small.paths[5], root=scene.root)
    return Call(scene.good("--root", scene.root), scene.root, "Delete it, or choose another --root")


def note_of_the_archive(content: bytes) -> Callable[[Scene], Call]:
    def make(scene: Scene) -> Call:
        prepare(archive=scene.small.path, root=scene.root, num_images=50)
        note = scene.root / "archive.json"
        note.write_bytes(content)
        run = [str(argument) for argument in scene.good("--root", scene.root)]
        return Call(lambda: main(run), f"{note}: damaged", f"delete {scene.root}, or choose another --root")

    make.__name__ = f"note_of_the_archive_{content[:30].decode('ascii', 'replace')}"
    return make


BAD_NOTES = (
    b"", b"[]", b"{}", b"{", b"\xff", b"[" * 100_000, b'{"fingerprint": 1, "train_images": 500}',
    b'{"fingerprint": "a", "train_images": "500"}', b'{"fingerprint": "a", "train_images": -1}',
)  # fmt: skip


def empty_root(scene: Scene) -> Call:
    return Call(lambda: main(["--archive", str(scene.small.path), "--root", ""]), "--root", "leave the option out")


def empty_archive_path(scene: Scene) -> Call:
    arguments = ["--source", "cifar10", "--archive", "", "--root", str(scene.root)]
    return Call(lambda: main(arguments), "--archive", "leave the option out")


def root_that_is_a_link_to_itself(scene: Scene) -> Call:
    (scene.folder / "loop").symlink_to(scene.folder / "loop")
    return Call(lambda: main([*map(str, scene.good("--root", scene.folder / "loop"))]), "loop", "choose another --root")


def line_without_label(scene: Scene) -> Call:
    return scene.bad_line("good.png\n")


def empty_line(scene: Scene) -> Call:
    return scene.bad_line("\ngood.png 0\n")


def label_that_is_no_number(scene: Scene) -> Call:
    return scene.bad_line("good.png cat\n")


def label_with_a_fraction(scene: Scene) -> Call:
    return scene.bad_line("good.png 1.0\n")


def label_in_foreign_digits(scene: Scene) -> Call:
    return scene.bad_line("good.png ٣\n")


def negative_label(scene: Scene) -> Call:
    return scene.bad_line("good.png -1\n")


def image_that_is_not_there(scene: Scene) -> Call:
    return scene.bad_line("none.png 0\n")


def image_that_is_a_folder(scene: Scene) -> Call:
    (scene.folder / "folder.png").mkdir()
    return scene.bad_line("folder.png 0\n")


def index_that_is_empty(scene: Scene) -> Call:
    path = scene.folder / "train.txt"
    path.write_text("")
    return Call(lambda: MyDataset(path), f"{path}: the index is empty", PREPARE_AGAIN)


def index_that_is_not_there(scene: Scene) -> Call:
    path = scene.folder / "none.txt"
    return Call(lambda: MyDataset(path), f"{path}: not a readable index file", PREPARE_AGAIN)


def index_that_is_no_text(scene: Scene) -> Call:
    path = scene.index(b"\xff\xfe 0\n")
    return Call(lambda: MyDataset(path), f"{path}: not a readable index file", PREPARE_AGAIN)


def image_that_is_text(scene: Scene) -> Call:
    return scene.bad_image(b"This is no image.\n" * 20)


def image_of_no_bytes(scene: Scene) -> Call:
    return scene.bad_image(b"")


def image_that_was_cut(scene: Scene) -> Call:
    return scene.bad_image(scene.png()[:1500])


def image_that_was_cut_in_its_header(scene: Scene) -> Call:
    return scene.bad_image(scene.png()[:20])


BAD_INPUTS = [
    truncated_archive, archive_that_is_text, empty_archive, archive_with_wrong_md5_from_the_server,
    archive_that_the_server_lacks, missing_member, member_outside_the_folder, pickle_that_runs_a_command,
    batch_of_wrong_shape, label_10, other_class_names, archive_that_is_not_there, archive_that_is_a_folder,
    another_archive_in_the_data_folder, *map(wrong_number, ("0", "-1", "49", "501", "70000")),
    num_images_that_is_no_number, num_images_beyond_the_sample, jobs_below_one, unknown_source,
    unknown_source_in_the_environment, target_below_a_file, target_in_proc, target_that_holds_another_archive,
    *map(note_of_the_archive, BAD_NOTES), empty_root, empty_archive_path, root_that_is_a_link_to_itself,
    line_without_label, empty_line, label_that_is_no_number, label_with_a_fraction, label_in_foreign_digits,
    negative_label, image_that_is_not_there, image_that_is_a_folder, index_that_is_empty, index_that_is_not_there,
    index_that_is_no_text, image_that_is_text, image_of_no_bytes, image_that_was_cut,
    image_that_was_cut_in_its_header,
]  # fmt: skip


def the_message(stderr: str) -> str:
    """The one message of a failed command; argparse may print how to use it, and nothing else is allowed."""
    *usage, message = stderr.splitlines()
    assert all(line.startswith(("usage: ", "  ")) for line in usage), stderr
    assert message.startswith(("prepare: ", "python -m helpers.prepare: error: ")), stderr
    return message


@pytest.mark.parametrize("bad_input", BAD_INPUTS, ids=lambda f: f.__name__)
def test_a_bad_input_is_answered_with_one_message_and_leaves_nothing_half_written(
    bad_input, tmp_path, small, server, monkeypatch, run_prepare, capsys
):
    call = bad_input(Scene(tmp_path, small, server, monkeypatch))
    notes = {".lock", "fingerprints.json"}  # what every call may write
    before = {name: digest for name, digest in file_hashes(tmp_path).items() if Path(name).name not in notes}
    if isinstance(call.run, list):
        done = run_prepare(*call.run)
        assert done.returncode in (1, 2)
        assert done.stdout == ""
        message = the_message(done.stderr)
    else:
        try:
            assert call.run() == 1, "a bad input was accepted"
            message = the_message(capsys.readouterr().err)
        except DataError as error:
            message = str(error)
    assert "\n" not in message
    assert str(call.where) in message
    assert call.remedy in message
    assert half_written(tmp_path) == []
    after = file_hashes(tmp_path)
    assert {name: after.get(name) for name in before} == before
    assert {Path(name).name for name in after.keys() - before.keys()} <= notes


@pytest.mark.parametrize(("mode", "colour"), [("RGBA", (9, 8, 7, 0)), ("LA", (9, 0)), ("L", 9), ("P", 0), ("1", 1)])
def test_images_with_transparency_or_a_palette_are_no_bad_input(tmp_path, small, server, monkeypatch, mode, colour):
    index = Scene(tmp_path, small, server, monkeypatch).index("odd.png 0\n")
    Image.new(mode, (4, 3), colour).save(tmp_path / "odd.png")
    image, label = MyDataset(index)[1]
    assert (image.mode, image.size, label) == ("RGB", (4, 3), 0)


# -- a full disk -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["64k", "1m"])
def test_a_full_disk_is_answered_with_one_message_and_leaves_nothing_half_written(tmp_path, small, size):
    disk, listing = tmp_path / "disk", tmp_path / "listing"
    disk.mkdir()
    command = prepare_command("--archive", small.path, "--root", disk / "root")
    done = run_on_a_small_disk(command, size, disk, listing)
    assert done.returncode == 1
    message = the_message(done.stderr)
    assert str(disk / "root") in message
    assert "No space left on device" in message
    assert "choose another --root" in message
    left = listing.read_text().split()
    assert not [name for name in left if "partial" in name or "split" in name]
    assert any(name.endswith(".png") for name in left), "the disk was full before the first image"


# -- two at once -----------------------------------------------------------------------------------------------

HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_prepare_of_the_same_folder_is_refused_while_the_first_runs(tmp_path, small, run_prepare):
    root = tmp_path / "root"
    root.mkdir()
    holder = [sys.executable, "-c", HOLD, root / ".lock"]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "held\n"
        done = run_prepare("--archive", small.path, "--root", root)
        assert done.returncode == 1
        message = the_message(done.stderr)
        assert message == f"prepare: {root}: another prepare is writing there. Wait for it, or choose another --root."
        assert [path.name for path in root.iterdir()] == [".lock"]
        with pytest.raises(DataError, match="another prepare is writing there"):
            prepare(archive=small.path, root=root, wait_seconds=0.1)
        first.stdin.close()
        first.wait()
    assert run_prepare("--archive", small.path, "--root", root).returncode == 0


def test_of_several_that_start_at_once_each_succeeds_or_says_that_another_writes(tmp_path, small):
    command = prepare_command("--archive", small.path, "--root", tmp_path / "root")
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT)
        for _ in range(3)
    ]
    told = [(*process.communicate(timeout=120), process.returncode) for process in running]
    assert any(code == 0 for *_, code in told)
    for _, stderr, code in told:
        assert stderr == "" if code == 0 else "another prepare is writing there" in the_message(stderr)
    prepare(archive=small.path, root=tmp_path / "alone")
    assert half_written(tmp_path) == []
    for part in ("raw", "official_test"):
        assert file_hashes(tmp_path / "root" / part) == file_hashes(tmp_path / "alone" / part)


# -- killed ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def larger(tmp_path_factory) -> Path:
    """An archive of 1,800 images, so that there is a middle to be killed in."""
    found = archives.contents(*archives.draw_pixels(rows=300))
    path = tmp_path_factory.mktemp("larger") / "a.tar.gz"
    return write_gzip(path, tar_bytes(good_members(found)))


@pytest.fixture(scope="module")
def undisturbed(larger, tmp_path_factory):
    """What a prepare makes that nobody kills."""
    folder = tmp_path_factory.mktemp("undisturbed")
    os.environ["BOOK_DATA"] = str(folder / "data")  # the fixture of each test sets its own afterwards
    return prepare("cifar10", archive=larger, root=folder / "root")


def count_images(root: Path) -> int:
    return sum(
        name.endswith(".png") for part in ("raw", "official_test") for *_, ns in os.walk(root / part) for name in ns
    )


MOMENTS = {
    "reading": lambda root: (root / ".lock").exists(),
    "first images": lambda root: count_images(root) >= random.randint(1, 200),
    "middle": lambda root: count_images(root) >= random.randint(300, 1200),
    "last images": lambda root: count_images(root) >= random.randint(1300, 1790),
    "index files": lambda root: any(root.glob(".split-1500-seed0.partial-*")),
    "statistics": lambda root: any(root.glob(".split-1500-seed0.partial-*/classes.txt")),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_sigkill_at_any_moment_another_call_ends_with_the_same_files(tmp_path, larger, undisturbed, moment):
    root = tmp_path / "root"
    process = subprocess.Popen(prepare_command("--archive", larger, "--root", root), cwd=PROJECT)
    try:
        while not MOMENTS[moment](root):
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.001)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    if moment != "statistics":  # the last moment of all, which can be missed
        assert process.returncode == -signal.SIGKILL
        assert not (root / "split-1500-seed0" / "prepared.json").exists()
    again = prepare(archive=larger, root=root, wait_seconds=30)
    assert again.index_sha256 == undisturbed.index_sha256
    assert (again.mean, again.std) == (undisturbed.mean, undisturbed.std)
    for part in ("raw", "official_test"):
        assert file_hashes(root / part) == file_hashes(Path(undisturbed.root) / part)
    assert half_written(tmp_path) == []
    done = hashlib.sha256((root / "split-1500-seed0" / "train.txt").read_bytes()).hexdigest()
    assert done == again.index_sha256["train"]
