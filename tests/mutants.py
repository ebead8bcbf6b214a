"""Small defects, one at a time: which are noticed by a test, and which by a page itself?

    python tests/mutants.py [--only WORDS] [--record]         (`make mutants`)

Each mutant is one change of a line of `helpers/`, or of a function that stands on a page, in a copy of the project with
data of its own. The tests and pages that it names run there, in this order, until one of each kind fails. All of them
must pass in a copy without a change. `--record` writes the table to book/results/mutants.json; with `--only`, the other
rows stay as they were. It ends with an error when a mutant is noticed by no test, or fewer than 80 % by a page.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers.data import sample  # noqa: E402
from helpers.paths import replacing, results_root  # noqa: E402
from helpers.prepare import prepare  # noqa: E402
from tests import mutants_visualization, page_mutants  # noqa: E402

LEAST_SHARE = 0.8  # of the mutants that a page must notice
SECONDS = 400  # a page or test file that takes longer has noticed something too


@dataclass(frozen=True)
class Mutant:
    """What is wrong, where, the line before and after, and who may notice: test files, pages as `2_model/08`.

    The file is one of `helpers/`, or a notebook below `chapters/`, whose own functions are tested too. A page without
    its part is one of the first.
    """

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    pages: tuple[str, ...]


def of_pages(chapter: str, defects: dict) -> Iterator[Mutant]:
    """Defects of functions on a chapter's pages, from (page, its tests): what is wrong, a line before and after."""
    for (page, test), changes in defects.items():
        number = page.partition("_")[0]
        for what, old, new in changes:
            yield Mutant(what, f"chapters/{chapter}/{page}.ipynb", old, new, (test,), (f"{chapter}/{number}",))


LOADERS, SPLIT, INDEX = "data/loaders.py", "data/split.py", "data/index.py"
DATASET, STATISTICS, TRAIN = "data/dataset.py", "data/statistics.py", "train.py"
NET, RESNET, LANDMARKS = "model/net.py", "model/resnet.py", "model/landmarks.py"
INITIALIZATION, WEIGHTS = "model/initialization.py", "model/weights.py"
MUTANTS = (
    Mutant("crops start one row off", LOADERS, "crops[chosen, :, shifts[:, 0], ",
           "crops[chosen, :, (shifts[:, 0] + 1) % crops.shape[2], ", ("data/test_loaders",), ("08", "06")),
    Mutant("flip with probability 0.4", LOADERS, "generator=generator) < 0.5", "generator=generator) < 0.4",
           ("data/test_loaders",), ("08", "06")),
    Mutant("vertical flip", LOADERS, ".flip(3)", ".flip(2)", ("data/test_loaders",), ("08", "06")),
    Mutant("the same crops in every epoch", LOADERS, "self.seed * 1_000_003 + epoch", "self.seed * 1_000_003",
           ("data/test_loaders",), ("08", "06")),
    Mutant("the same order in every epoch", LOADERS, "self.sampler.set_epoch(epoch)", "self.sampler.set_epoch(0)",
           ("data/test_loaders",), ("08", "07")),
    Mutant("shift before scale", LOADERS, ".mul_(self.scale).add_(self.shift)", ".add_(self.shift).mul_(self.scale)",
           ("data/test_loaders",), ("08", "06", "11")),
    Mutant("class 9 becomes 8 in memory", LOADERS, "torch.tensor([label for _, label in samples])",
           "torch.tensor([min(label, 8) for _, label in samples])", ("data/test_loaders",), ("08", "06")),
    Mutant("rows and columns exchanged in memory", LOADERS, ".permute(0, 3, 1, 2)", ".permute(0, 3, 2, 1)",
           ("data/test_loaders",), ("08", "06", "09")),
    Mutant("measured with augmentation", LOADERS, "plain.padding = plain.cutout = 0", "plain.cutout = 0",
           ("data/test_loaders",), ("08",)),
    Mutant("statistics: the variance for the std", STATISTICS, "[math.sqrt(v) / 255 for v in variances]",
           "[v / 255**2 for v in variances]", ("data/test_statistics",), ("09", "06")),
    Mutant("statistics: divided by 256", STATISTICS, "[v / n / 255 for v in s]", "[v / n / 256 for v in s]",
           ("data/test_statistics",), ("09",)),
    Mutant("statistics: first chunk only", STATISTICS, "range(0, len(paths), 250)", "range(0, 250, 250)",
           ("data/test_statistics",), ("09",)),
    Mutant("split ignores the seed", SPLIT, 'f"{seed}/{name}"', 'f"{name}"', ("data/test_split",), ("02",)),
    Mutant("parts overlap: a leak", SPLIT, "taken += size", "taken += size - 1", ("data/test_split",), ("02",)),
    Mutant("split by position, not by class", SPLIT, "by_class.setdefault(int(label), [])",
           "by_class.setdefault(0, [])", ("data/test_split",), ("02",)),
    Mutant("a part one image short a class", SPLIT, "int(share * len(members) + 0.5)", "int(share * len(members)) - 1",
           ("data/test_split",), ("02",)),
    Mutant("labels off by one", INDEX, "int(label)))", "(int(label) + 1) % 10))", ("data/test_index",), ("03", "06")),
    Mutant("the last image of an index is lost", INDEX, '.split("\\n")\n', '.split("\\n")[:-1]\n',
           ("data/test_index",), ("03", "02")),
    Mutant("target_transform is not applied", DATASET, "label = self.target_transform(label)",
           "self.target_transform(label)", ("data/test_dataset",), ("03",)),
    Mutant("images read as grey", DATASET, 'image.convert("RGB")', 'image.convert("L").convert("RGB")',
           ("data/test_dataset",), ("03", "06")),
    Mutant("archive rows read as columns", "data/archive.py", "transpose(0, 2, 3, 1)", "transpose(0, 3, 2, 1)",
           ("data/test_archive",), ("01",)),
    Mutant("PNG files hold JPEG", "data/cifar10.py", 'format="png", compress_level=0', 'format="jpeg"',
           ("data/test_cifar10",), ("01",)),
    Mutant("gradients pile up", TRAIN, "        optimizer.zero_grad()\n", "", ("test_train",), ("11",)),
    Mutant("measured in training order of loss: no weights by batch size", TRAIN,
           "sums[0] += loss_function(logits, labels) * len(labels)", "sums[0] += loss_function(logits, labels)",
           ("test_train",), ("11",)),
    Mutant("confusion matrix transposed", "visualization/metrics.py",
           "labels.to(torch.int64) * num_classes + predictions.to(torch.int64)",
           "predictions.to(torch.int64) * num_classes + labels.to(torch.int64)", ("visualization/test_metrics",),
           ("06",)),
    Mutant("accuracy of the first class only", "visualization/metrics.py", "matrix.diagonal().sum().double()",
           "matrix.diagonal()[0].double()", ("visualization/test_metrics",), ("11", "06")),
    Mutant("weights from another file", "model/weights.py", "    return model.eval()",
           "    model.initialize_weights()\n    return model.eval()", ("model/test_net",), ("06",)),
    Mutant("seeding forgets torch", "runtime.py", "    torch.manual_seed(seed)\n", "", ("test_runtime",), ("04", "07")),
    Mutant("colours reversed when drawn", "visualization/plots.py", "np.moveaxis(image, 0, -1) if image.ndim == 3",
           "np.moveaxis(image, 0, -1)[..., ::-1] if image.ndim == 3", ("visualization/test_plots",), ("06",)),
    Mutant("the export numbers images from 1", "data/cifar10.py", '{label}_{n:05d}.png"', '{label}_{n + 1:05d}.png"',
           ("data/test_cifar10",), ("01",)),
    Mutant("Net without its first ReLU", NET, "F.max_pool2d(F.relu(self.conv1(images)), 2)",
           "F.max_pool2d(self.conv1(images), 2)", ("model/test_net",), ("2_model/01", "06")),
    Mutant("Net averages instead of taking the largest", NET, "x = F.max_pool2d(F.relu(self.conv2(x)), 2)",
           "x = F.avg_pool2d(F.relu(self.conv2(x)), 2)", ("model/test_net",), ("2_model/01", "06")),
    Mutant("a residual block without its shortcut", RESNET, "F.relu(self.bn2(self.conv2(x)) + shortcut)",
           "F.relu(self.bn2(self.conv2(x)))", ("model/test_net",), ("2_model/08", "2_model/09")),
    Mutant("ResNet34 with a block too few", RESNET, "_stage(128, 256, 6, stride=2)", "_stage(128, 256, 5, stride=2)",
           ("model/test_net",), ("2_model/08",)),
    Mutant("Kaiming by the fan-out", INITIALIZATION, '"kaiming": partial(init.kaiming_normal_, nonlinearity="relu")',
           '"kaiming": partial(init.kaiming_normal_, mode="fan_out", nonlinearity="relu")',
           ("model/test_initialization", "model/test_net"), ("2_model/11", "2_model/10")),
    Mutant("biases drawn as 0.1", INITIALIZATION, "init.zeros_(layer.bias)", "init.constant_(layer.bias, 0.1)",
           ("model/test_initialization", "model/test_net"), ("2_model/11", "2_model/12")),
    Mutant("the tutorial's linear layers ten times as large", INITIALIZATION,
           '_DRAWS_OF_LINEAR = {"tutorial": partial(init.normal_, std=SMALL)',
           '_DRAWS_OF_LINEAR = {"tutorial": partial(init.normal_, std=10 * SMALL)',
           ("model/test_initialization", "model/test_net"), ("2_model/11",)),
    Mutant("a transplant leaves out the buffers", WEIGHTS,
           "moved = [key for key in own if key in state and", "moved = [key for key in dict(model.named_parameters()) "
           "if key in state and", ("model/test_weights",), ("2_model/13", "2_model/14")),
    Mutant("weights that do not fit are loaded in part", WEIGHTS,
           "check_state(model, state, origin)\n    model.load_state_dict(state)",
           "model.load_state_dict(state, strict=False)", ("model/test_weights",), ("2_model/02",)),
    Mutant("Inception without its pooling branch", LANDMARKS, "[branch(x) for branch in self.branches]",
           "[branch(x) for branch in list(self.branches)[:3]]", ("model/test_landmarks",), ("2_model/09",)),
    Mutant("a dense layer forgets what it got", LANDMARKS, "torch.cat([x, self.conv2", "torch.cat([0 * x, self.conv2",
           ("model/test_landmarks",), ("2_model/09",)),
    *of_pages("3_loss_optimizer", page_mutants.DEFECTS),
    *(Mutant(what, f"visualization/{module}.py", old, new, (test,), pages)
      for (module, test), defects in mutants_visualization.HELPERS.items() for what, old, new, pages in defects),
    *of_pages("4_visualization", mutants_visualization.PAGES),
)  # fmt: skip


def place_of(mutant: Mutant) -> str:
    return mutant.file if mutant.file.startswith("chapters/") else f"helpers/{mutant.file}"


def files_of_the_project() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def copy_with(mutant: Mutant | None, folder: Path, archive: Path) -> None:
    """The project with one line changed, and the archive of the sample, so that it need not be drawn again.

    Raises: SystemExit when the line is not there exactly once.
    """
    for name in files_of_the_project():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    own = folder / "data" / archive.parent.name
    own.mkdir(parents=True)
    shutil.copyfile(archive, own / archive.name)
    if mutant:
        path = folder / place_of(mutant)
        text, old, new = path.read_text(encoding="utf-8"), mutant.old, mutant.new
        if path.suffix == ".ipynb":  # as its lines stand in JSON
            old, new = (json.dumps(line, ensure_ascii=False)[1:-1] for line in (old, new))
        if text.count(old) != 1:
            raise SystemExit(f"{mutant.what}: {mutant.old!r} is {text.count(old)} times in {path.name}")
        path.write_text(text.replace(old, new), encoding="utf-8")


def fails(folder: Path, *arguments: str) -> bool:
    """Whether pytest with these arguments fails in the copy."""
    settings = {"BOOK_SOURCE": "sample", "BOOK_DEVICE": "cpu", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1",
                "PYTHONHASHSEED": "0", "PYTHONPATH": str(folder), "BOOK_DATA": str(folder / "data")}  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments]
    try:
        return subprocess.run(
            command, cwd=folder, env=os.environ | settings, capture_output=True, timeout=SECONDS
        ).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def noticed(
    mutant: Mutant | None, archive: Path, tests: Iterable[str], pages: Iterable[str]
) -> dict[str, str | None]:
    """The first of the test files and the first of the pages that fail in a copy with the mutant."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "project"
        copy_with(mutant, folder, archive)
        test = next((t for t in tests if fails(folder, f"tests/{t}.py")), None)
        places = [k if "/" in k else f"1_data/{k}" for k in pages]
        paths = [path for place in places for path in folder.glob(f"chapters/{place}_*.ipynb")]
        page = next((p for p in paths if fails(folder, "--nbval", "--nbval-current-env", str(p))), None)
    return {"test": test and f"tests/{test}.py", "page": page and page.stem}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="words of the mutants to run, or of their file")
    parser.add_argument("--record", action="store_true", help="write book/results/mutants.json")
    options = parser.parse_args()
    archive = Path(prepare("sample").archive)
    assert sample.PIXELS_SHA256[:8] in archive.parent.name
    chosen = [mutant for mutant in MUTANTS if options.only in f"{mutant.what} {mutant.file}"]
    rows = []
    everything = [sorted({name for mutant in chosen for name in getattr(mutant, kind)}) for kind in ("tests", "pages")]
    if failing := [name for name in noticed(None, archive, *everything).values() if name]:
        raise SystemExit(f"without any mutant, {' and '.join(failing)} fails: mend that first")
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for processes
        everyone = pool.map(lambda mutant: noticed(mutant, archive, mutant.tests, mutant.pages), chosen)
        for mutant, found in zip(chosen, everyone, strict=True):
            rows.append({"what": mutant.what, "file": place_of(mutant), **found})
            print(f"{mutant.what:45s} {found['test'] or 'NO TEST':32s} {found['page'] or 'no page'}", flush=True)
    by_page = sum(row["page"] is not None for row in rows) / len(rows)
    untested = [row["what"] for row in rows if row["test"] is None]
    print(f"{len(rows)} mutants, {len(rows) - len(untested)} noticed by a test, {by_page:.0%} by a page")
    if options.record:
        path, names = results_root() / "mutants.json", [mutant.what for mutant in MUTANTS]
        before = json.loads(path.read_text())["mutants"] if path.exists() and options.only else []
        known = {row["what"]: row for row in before + rows}  # the others stay as they were
        rows = [known[name] for name in names if name in known]
        record = {"command": "make mutants", "mutants": rows}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(record, indent=1) + "\n")
    return 1 if untested or by_page < LEAST_SHARE else 0


if __name__ == "__main__":
    sys.exit(main())
