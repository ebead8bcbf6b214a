"""How near to the rate of a matrix product the networks train: python tests/benchmarks/network_speed.py [--record]

A training step of each network on random images, in float32 and in bfloat16 (autocast), in rounds in which each takes
its turn; the arithmetic of a step, as torch counts it (convolutions and matrix products, both passes); and a
product of two matrices 2048 × 2048 in the same rounds. Images/s are medians over the rounds; the share is the rate of
the step, in floating-point operations per second, divided by that of the best matrix product. `given_back` are the
images/s of the same rounds before, in a process that gives the memory of large tensors back to the system in each step,
as it does by itself, and `pages` are those that the system then hands out in a step (Linux and macOS);
`helpers.runtime.keep_memory` ends that.

`--record` writes to `book/results/network_speed.json`.
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import recording
from helpers import runtime
from helpers.model import architectures
from helpers.paths import results_root

NETWORKS = {"net": 128, "resnet": 128, "fast": 512}  # name: batch size
KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SIZE = 2048  # of the matrices


def step_of(name: str, amp: bool) -> Callable[[], object]:
    """One step of a network on random images."""
    torch.manual_seed(0)
    model = architectures.build(name).to(memory_format=torch.channels_last)
    images = torch.randn(NETWORKS[name], 3, 32, 32).to(memory_format=torch.channels_last)
    if name == "fast":
        model.whiten(images)
    labels, loss_function = torch.arange(len(images)) % 10, nn.CrossEntropyLoss()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, 1e-3, 0.9, nesterov=True, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", enabled=amp):
            loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()

    return step


def pages_taken(step: Callable[[], object]) -> int:
    """Pages of memory that the system hands out during a step."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def in_turns(steps: dict[tuple[str, str], Callable[[], object]], rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds of each step in each round, all in turns; a round more, the first, warms up."""
    seconds = {key: [] for key in steps}
    for number in range(rounds + 1):
        for key, step in steps.items():
            start = time.perf_counter()
            step()
            if number:
                seconds[key].append(time.perf_counter() - start)
    return seconds


def speed(rounds: int) -> dict:
    """GFLOP/s of the matrix product; for each network Mflop of an image, images/s, and the share of that rate."""
    steps = {(name, kind): step_of(name, kind == "bfloat16") for name in NETWORKS for kind in KINDS}
    flops = {}
    for name in NETWORKS:
        with FlopCounterMode(display=False) as counter:
            steps[name, "float32"]()
        flops[name] = counter.get_total_flops() / NETWORKS[name]  # of an image, forward and backward
    for kind, dtype in KINDS.items():
        matrix = torch.randn(SIZE, SIZE).to(dtype)
        steps["matrix product", kind] = lambda matrix=matrix: matrix @ matrix
    given_back = in_turns(steps, rounds)
    pages = {key: statistics.median(pages_taken(step) for _ in range(3)) for key, step in steps.items()}
    runtime.keep_memory()
    seconds = in_turns(steps, rounds)
    found = {"matrix product": {kind: round(2e-9 * SIZE**3 / min(seconds["matrix product", kind])) for kind in KINDS}}
    for name, batch_size in NETWORKS.items():
        rates = {kind: batch_size / statistics.median(seconds[name, kind]) for kind in KINDS}
        found[name] = {"mflop": round(flops[name] / 1e6, 1)} | {
            kind: {
                "images_per_second": round(rate),
                "pages": pages[name, kind],
                "given_back": round(batch_size / statistics.median(given_back[name, kind])),
                "share": round(rate * flops[name] / 1e9 / found["matrix product"][kind], 3),
            }
            for kind, rate in rates.items()
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1, help="default 1")
    parser.add_argument("--rounds", type=int, default=10, help="default 10")
    parser.add_argument("--record", action="store_true", help="write book/results/network_speed.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sizes = f"--threads {options.threads} --rounds {options.rounds}"
    record = {"command": f"python tests/benchmarks/{Path(__file__).name} {sizes} --record"}
    record |= {"batch_sizes": NETWORKS, **recording.machine(), **speed(options.rounds)}
    print(json.dumps(record, indent=1))
    if options.record:
        recording.write(results_root() / "network_speed.json", record)


if __name__ == "__main__":
    main()
