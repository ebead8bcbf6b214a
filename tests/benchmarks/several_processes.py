"""Two processes of one thread against one process of two: python tests/benchmarks/several_processes.py [--record]

An epoch of `helpers.train.train_one_epoch`, in three ways that train the same: one process with one thread, one with
two threads, and two processes with one thread each that share every batch. Each way is a `torchrun` of its own; they
run in turns, several times. In each of them a row runs once to warm up and then some epochs for the clock, of which
the fastest counts. A process with one thread stays on a core of its own: left to itself, Linux may run two processes
that wake each other on one core while the other idles. Speeds are compared within a turn, so that what else the
machine does disturbs the three alike; the record holds the median of these ratios, the smallest and the largest.

net       2,560 training images, `Net` (62,006 parameters), with 32, 128 and 512 images in a step over all processes.
resnet    128 of these images, `CifarResNet` (272,474 parameters), 128 in a step: more arithmetic for each gradient
          that is sent.

`--record` writes the figures to `book/results/several_processes.json`, which the page reads.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import torch  # noqa: E402
from torch import nn  # noqa: E402

from helpers import train  # noqa: E402
from helpers.data.loaders import EpochLoader, TensorImages  # noqa: E402
from helpers.model import architectures  # noqa: E402
from helpers.paths import project_root, results_root  # noqa: E402
from helpers.prepare import prepare  # noqa: E402
from helpers.training import distributed  # noqa: E402
from recording import head, machine, only, options_of, write  # noqa: E402

CPU = torch.device("cpu")
WAYS = {  # processes, threads of each
    "one process, one thread": (1, 1),
    "one process, two threads": (1, 2),
    "two processes, one thread each": (2, 1),
}
ROWS = {  # model, images, images in a step, epochs for the clock
    "net 32": ("net", 2560, 32, 4),
    "net 128": ("net", 2560, 128, 4),
    "net 512": ("net", 2560, 512, 4),
    "resnet 128": ("resnet", 128, 128, 2),
}
LIMIT = 300  # seconds of one way


def epoch_seconds(model: nn.Module, loader: EpochLoader) -> float:
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    start = time.perf_counter()
    train.train_one_epoch(model, loader, nn.CrossEntropyLoss(), optimizer, CPU)
    return time.perf_counter() - start


def work(file: str, threads: int) -> None:
    """What each process does: print the images per second of every row, from the main one."""
    torch.set_num_threads(threads)
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[distributed.rank()]})
    with torch.serialization.safe_globals([TensorImages]):
        images = torch.load(file)
    with distributed.joined(CPU):
        rank, size = distributed.rank(), distributed.world_size()
        speeds = {}
        for name, (kind, count, batch_size, repeats) in ROWS.items():
            torch.manual_seed(0)
            model = architectures.build(kind).to(memory_format=torch.channels_last)
            model = distributed.share_gradients(model, CPU)
            loader = EpochLoader(only(images, torch.arange(count)), batch_size, rank=rank, world_size=size)
            seconds = [epoch_seconds(model, loader) for _ in range(1 + repeats)]
            speeds[name] = count / min(seconds[1:])
        if distributed.is_main():
            print(json.dumps(speeds))


def measured(file: str, processes: int, threads: int) -> dict[str, float]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command += [__file__, "--file", file, "--threads", str(threads)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=project_root(), timeout=LIMIT, check=False,
        env=os.environ | {"OMP_NUM_THREADS": str(threads), "GLOO_SOCKET_IFNAME": "lo"},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def ratios(turns: list[dict], one: str, other: str) -> dict[str, dict[str, float]]:
    """How many times the speed of `other` the speed of `one` is: median, smallest and largest over the turns."""
    found = {}
    for name in ROWS:
        values = [turn[one][name] / turn[other][name] for turn in turns]
        shown = {"median": statistics.median(values), "least": min(values), "most": max(values)}
        found[name] = {key: round(value, 3) for key, value in shown.items()}
    return found


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="turns (default 7)")
    parser.add_argument("--threads", type=int, help="of one process: only for the processes that this script starts")
    parser.add_argument("--file", help="the images: only for the processes that this script starts")
    options = parser.parse_args()
    if options.file:
        work(options.file, options.threads)
        return
    data = prepare(options.source, archive=options.archive)
    images = TensorImages(data.index["train"], mean=data.mean, std=data.std, padding=4)
    most = max(count for _, count, *_ in ROWS.values())
    turns = []
    with tempfile.TemporaryDirectory() as folder:
        torch.save(only(images, torch.arange(most)), file := f"{folder}/images.pt")
        for turn in range(options.repeats):
            turns.append({way: measured(file, *numbers) for way, numbers in WAYS.items()})
            for way, speeds in turns[-1].items():
                print(turn, f"{way:32s}", {name: round(speed) for name, speed in speeds.items()}, flush=True)
    one, threads, processes = WAYS
    table = {
        "two processes against two threads": ratios(turns, processes, threads),
        "two processes against one thread": ratios(turns, processes, one),
        "two threads against one thread": ratios(turns, threads, one),
    }
    for what, rows in table.items():
        for name, values in rows.items():
            print(f"{what:36s}{name:12s}{values['median']:6.2f}  ({values['least']:.2f} to {values['most']:.2f})")
    if options.record:
        record = head(__file__, data, f"--repeats {options.repeats}") | machine() | {
            "repeats": options.repeats,
            "rows": {
                name: {"model": kind, "images": count, "batch_size": size}
                for name, (kind, count, size, _) in ROWS.items()
            },
            "images_per_second": {
                way: {name: round(statistics.median(turn[way][name] for turn in turns)) for name in ROWS}
                for way in WAYS
            },
            "ratios": table,
        }  # fmt: skip
        write(results_root() / "several_processes.json", record, "ratios")


if __name__ == "__main__":
    main()
