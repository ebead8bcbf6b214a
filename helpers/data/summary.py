"""What an earlier call of `prepare` noted, and whether it still holds."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from helpers.data.cifar10 import files_sha256
from helpers.data.index import CLASSES_FILE, read_index
from helpers.paths import DataError, read_json, temporary_name

PARTS = ("train", "valid", "test", "official_test")
SUMMARY_FILE, FINGERPRINT_FILE = "prepared.json", "archive.json"


@dataclass(frozen=True)
class Prepared:
    """What `prepare` made, and where. `--json` prints these fields.

    `counts` and `index` are keyed by part: train, valid and test (8:1:1 of `num_images` training images of
    the archive) and official_test (the archive's test batch, all of it). `counts[part]` lists images per
    class. `mean` and `std` are per channel over the train part, on the 0–1 scale. `seconds` per stage.
    """

    source: str  # cifar10 or sample
    official: bool  # the archive has the official MD5
    label: str  # what to call the data wherever results are shown
    num_images: int
    seed: int
    archive: str
    root: str
    raw: str  # folder of the PNG files of the training images
    index: dict[str, str]
    index_sha256: dict[str, str]
    counts: dict[str, list[int]]
    classes: list[str]
    mean: list[float]
    std: list[float]
    images_sha256: dict[str, str]  # of the PNG files of each part
    seconds: dict[str, float]
    done_before: bool = False  # this call found everything in place


def known_images(root: Path, fingerprint: str) -> int | None:
    """How many training images the archive of this folder has, as an earlier call noted; None in a new folder."""
    remedy = f"Nothing else says whose images are there: delete {root}, or choose another --root."
    try:
        known = read_json(root / FINGERPRINT_FILE, remedy)
    except FileNotFoundError:
        return None
    count, noted = known.get("train_images"), known.get("fingerprint")
    if type(count) is not int or count < 1 or not isinstance(noted, str):
        raise DataError(f"{root / FINGERPRINT_FILE}: damaged, it does not name an archive. {remedy}")
    if noted != fingerprint:
        raise DataError(f"{root}: it holds the images of another archive. Delete it, or choose another --root.")
    return count


def finished(folder: Path) -> Prepared | None:
    """The summary of an earlier call, if all it lists is still there, down to the last byte of the images."""
    try:
        found = read_json(folder / SUMMARY_FILE)
        if found.pop("sha256", None) != _seal(found):
            return None
        done = Prepared(**found)
        if done.root != str(folder.parent):  # a copy of a folder, whose summary names the original
            return None
        if (folder / CLASSES_FILE).read_bytes() != class_lines(done.classes):
            return None
        for part in PARTS:
            samples = read_index(done.index[part])
            if file_sha256(done.index[part]) != done.index_sha256[part]:
                return None
            if files_sha256(image for image, _ in samples) != done.images_sha256[part]:
                return None
    except (FileNotFoundError, DataError, TypeError, KeyError, RecursionError):
        return None
    return replace(done, done_before=True)


def file_sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 checksum of a file, as 64 hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _seal(summary: dict) -> str:
    """The checksum by which a summary that was damaged or changed is known, whatever in it that is."""
    return hashlib.sha256(json.dumps(summary, sort_keys=True).encode()).hexdigest()


def write_summary(folder: Path, done: Prepared) -> None:
    """Write the summary of a call into its folder, with its own checksum."""
    found = asdict(done)
    (folder / SUMMARY_FILE).write_text(json.dumps(found | {"sha256": _seal(found)}, indent=1))


def class_lines(names: Sequence[str]) -> bytes:
    """The content of the file that names the classes, one a line."""
    return "".join(f"{name}\n" for name in names).encode()


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder, which takes the name `folder` when the block ends well and is deleted when it raises.

    If there is a folder of that name, its files are replaced one by one, the summary last; without the right summary
    they count for nothing.
    """
    temporary = temporary_name(folder)
    temporary.mkdir()
    try:
        yield temporary
        if folder.is_dir():
            for path in sorted(temporary.iterdir(), key=lambda path: path.name == SUMMARY_FILE):
                os.replace(path, folder / path.name)
            temporary.rmdir()
        else:
            os.rename(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
