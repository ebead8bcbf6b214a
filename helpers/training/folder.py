"""The folder of a training run: claimed by one process, refused when it holds another run, and its files."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from helpers.data.loaders import EpochLoader
from helpers.paths import DataError, read_json, remove_leftovers, replacing
from helpers.prepare import Prepared
from helpers.training import checkpoint, distributed, report
from helpers.training.config import TrainConfig
from helpers.visualization.writers import RunWriter

CONFIG_FILE, LOCK_FILE = "config.json", ".lock"
FILES = (checkpoint.LAST, checkpoint.PREVIOUS, checkpoint.BEST, report.RESULT_FILE)
SHOWN_IMAGES = 32  # of the first batch, in TensorBoard


@contextmanager
def open_run(config: TrainConfig, data: Prepared, resume: bool) -> Iterator[tuple[dict | None, dict | None, str]]:
    """Claim the folder of the run for as long as the block runs, so that no other process writes there.

    Yields, in every process: its result, if it is finished, else None; its last checkpoint (the best one of a finished
    run), or None for a new run; and the name of that file.

    Raises: DataError for a folder that holds another run, this one without `resume`, or damaged files, or in which
    another process trains; OSError for one that cannot be written.
    """
    with ExitStack() as held:
        yield distributed.from_main(lambda: _open(config, data, resume, held))


def _open(config: TrainConfig, data: Prepared, resume: bool, held: ExitStack) -> tuple[dict | None, dict | None, str]:
    if config.run_dir is None:
        if resume:
            raise ValueError("resume needs the run_dir to go on in")
        return None, None, ""
    run_dir = Path(config.run_dir)
    finished = (run_dir / report.RESULT_FILE).exists()
    if not finished:  # a finished run is only read
        held.enter_context(_only_one(run_dir))
        remove_leftovers(run_dir)
    note = run_dir / CONFIG_FILE
    if note.exists():
        _check_same(run_dir, read_json(note, "Choose another --run-dir."), _identity(config, data))
    elif there := [name for name in FILES if (run_dir / name).exists()]:
        raise DataError(f"{run_dir}: holds {', '.join(there)}, but no {CONFIG_FILE}. Choose another --run-dir.")
    elif resume:
        print(f"{run_dir}: no run to go on with, starting a new one", file=sys.stderr)
    if note.exists() and not resume:
        raise DataError(f"{run_dir}: holds a run already. Go on with --resume, or choose another --run-dir.")
    if finished:
        result = report.read(run_dir)
        return result, *_measured_weights(run_dir, result["epochs_of_measured_weights"] - 1)
    state, origin = checkpoint.read_last(run_dir)
    if state:
        checkpoint.check_history(state, origin)
    return None, state, str(origin)


@contextmanager
def _only_one(run_dir: Path) -> Iterator[None]:
    """Hold the lock of a run. The system frees it when the process ends, however it ends."""
    if run_dir.exists() and not run_dir.is_dir():
        raise DataError(f"{run_dir}: a file, not a folder. Choose another --run-dir.")
    is_new = not run_dir.exists()
    run_dir.mkdir(parents=True, exist_ok=True)
    lock = run_dir / LOCK_FILE
    try:
        # not at once: a loader process that was just forked when its trainer was killed holds the lock a moment longer
        with FileLock(lock, timeout=3):
            try:
                yield
            except BaseException:
                if is_new and list(run_dir.iterdir()) == [lock]:  # nothing was written yet
                    with suppress(OSError):
                        lock.unlink()
                        run_dir.rmdir()
                raise
    except Timeout:
        raise DataError(
            f"{run_dir}: another process trains there. Wait for its end, or choose another --run-dir."
        ) from None


def _identity(config: TrainConfig, data: Prepared) -> dict[str, object]:
    """What makes a run this run: the settings and the images."""
    return config.settings() | {"index_sha256": data.index_sha256}


def _check_same(run_dir: Path, there: dict, asked: dict) -> None:
    if strange := sorted(asked.keys() ^ there.keys()):
        names = ", ".join(map(ascii, strange[:8]))
        raise DataError(
            f"{run_dir / CONFIG_FILE}: of another version of this program, which differs in {names}. "
            "Choose another --run-dir."
        )
    if different := sorted(name for name in asked if asked[name] != there[name]):
        raise DataError(f"{run_dir}: holds a run with another {', '.join(different)}. Choose another --run-dir.")


def _measured_weights(run_dir: Path, epoch: int) -> tuple[dict, str]:
    """The best checkpoint of a finished run, from whichever file holds it; and the name of the file."""
    for name in (checkpoint.BEST, checkpoint.LAST, checkpoint.PREVIOUS):
        with suppress(DataError):
            state = checkpoint.read(run_dir / name)
            best = state if name == checkpoint.BEST else state.get("best")
            if isinstance(best, dict) and best.get("epoch") == epoch and "weights" in best:
                return best, str(run_dir / name)
    raise DataError(
        f"{run_dir}: the run is finished, but no readable checkpoint holds the weights of its best epoch. "
        f"{report.RESULT_FILE} is still good; for the weights choose another --run-dir."
    )


class RunFiles:
    """The files of a run: what the main process writes after each epoch and at the end."""

    def __init__(self, config: TrainConfig, data: Prepared, stateful: dict, steps: int) -> None:
        self.folder, self.stateful = Path(config.run_dir), stateful
        if not steps:  # only now, after all that can be refused was looked at
            with replacing(self.folder / CONFIG_FILE) as temporary:
                temporary.write_text(json.dumps(_identity(config, data), indent=1))
        self.writer = RunWriter(self.folder, resume_from=steps)

    def begin(self, loader: EpochLoader, data: Prepared) -> None:
        """Show the first images as the network gets them: wrong colours or crops are seen before hours of training."""
        images, _ = loader.dataset.__getitems__(loader.positions(0)[:SHOWN_IMAGES])
        self.writer.images("first_batch", images, data.mean, data.std, 0)

    def end_epoch(self, history: list[dict], best: dict, steps: int) -> None:
        model, record = self.stateful["model"], history[-1]
        for group in ("loss", "accuracy"):
            names = [name for name in (f"train_mode_{group}", f"valid_{group}") if name in record]
            self.writer.scalars(group, {name.removesuffix(f"_{group}"): record[name] for name in names}, steps)
        self.writer.histograms(model, steps)
        self.writer.kernels("conv1", model.conv1.weight, steps)
        self.writer.flush()  # before the checkpoint: what it covers is in the event file
        if best["epoch"] == record["epoch"]:
            checkpoint.save(self.folder / checkpoint.BEST, best)
        state = checkpoint.capture(self.stateful) | {"history": history, "best": best}
        checkpoint.save(self.folder / checkpoint.LAST, state, keep=checkpoint.PREVIOUS)

    def end(self, result: dict, measures: dict, classes: list[str], steps: int) -> None:
        for part, (_, matrix) in measures.items():
            self.writer.confusion(part, matrix, classes, steps)
        self.writer.close()
        report.write(self.folder, result, classes)
