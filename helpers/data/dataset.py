"""`MyDataset`: the images of an index file, read from disk one at a time."""

import os
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from torch.utils.data import Dataset

from helpers.data.index import CLASSES_FILE, REMEDY, read_index
from helpers.paths import DataError, printable


def load_image(path: str | os.PathLike[str]) -> Image.Image:
    """Open an image file as an RGB image; palette and grey images are converted, transparency is dropped.

    Raises: DataError, which names the file, when it is missing, empty, damaged or not an image.
    """
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow raises
        why = printable(error)
        raise DataError(f"{printable(path)}: not a readable image ({why}). Delete it; then: {REMEDY}") from error


class MyDataset(Dataset):
    """The images of an index file, read from disk one at a time.

    `samples` is a list of (image path, label), `targets` the list of labels, `classes` the class names (from
    `classes.txt` beside the index, else the labels as text). Item `i` is `(image, label)`: an RGB
    `PIL.Image` and an int, each passed through its transform if there is one.

    Page: chapters/1_data/03_index_and_dataset.
    Raises: DataError for a bad index line (at once) or a bad image (when it is read).
    """

    def __init__(
        self,
        index_path: str | os.PathLike[str],
        transform: Callable | None = None,
        target_transform: Callable | None = None,
    ) -> None:
        self.samples = read_index(index_path)
        self.targets = [label for _, label in self.samples]
        self.transform = transform
        self.target_transform = target_transform
        names = Path(index_path).with_name(CLASSES_FILE)
        if names.exists():
            self.classes = names.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        else:
            self.classes = [str(label) for label in range(max(self.targets) + 1)]
        for number, label in enumerate(self.targets, start=1):
            if label >= len(self.classes):
                raise DataError(
                    f"{index_path}, line {number}: label {label}, but {names} names "
                    f"{len(self.classes)} classes. {REMEDY}"
                )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple:
        path, label = self.samples[index]
        image = load_image(path)
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label
