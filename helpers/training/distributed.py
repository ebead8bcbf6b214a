"""Several processes that train one model: who am I, how many are we, and sums over all.

`torchrun` starts the processes and tells each its rank; the rest is `torch.distributed`. In a single process every
function here does nothing.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from helpers import runtime


def rank() -> int:
    """The number of this process, from 0; also before and after the processes are joined."""
    return int(os.environ["RANK"]) if dist.is_torchelastic_launched() else 0


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_main() -> bool:
    """Whether this is the one process that prints and writes files."""
    return rank() == 0


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Join the other processes that `torchrun` started, if it did; yields the device of this one.

    gloo connects processes on CPUs, nccl on GPUs, of which each process takes its own.

    Raises: DeviceError for more processes than GPUs.
    """
    if not dist.is_torchelastic_launched():
        yield device
        return
    _end_with_launcher()
    if device.type == "cuda":
        device = runtime.pick_device(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def _end_with_launcher() -> None:
    """End this process within a second when `torchrun` has ended, also when that was killed and could not say so."""
    launcher = os.getppid()

    def watch() -> None:
        while os.getppid() == launcher:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def sum_over_all(tensor: torch.Tensor) -> torch.Tensor:
    """The sum of the tensors that the processes hold, in each of them; in place."""
    if dist.is_initialized():
        dist.all_reduce(tensor)
    return tensor


def from_main(make: Callable[[], object]) -> object:
    """What `make` returns in the main process, in every process; it is called in the main one only.

    Raises: in every process, what it raises in the main one.
    """
    if not dist.is_initialized():
        return make()
    box = [None, None]
    if is_main():
        try:
            box[0] = make()
        except Exception as error:
            box[1] = error
    dist.broadcast_object_list(box, src=0)
    if box[1] is not None:
        raise box[1]
    return box[0]


def share_gradients(model: nn.Module, device: torch.device) -> nn.Module:
    """The model, wrapped so that `backward` leaves the mean of all processes' gradients in each of them.

    The mean over equal shares of a batch is the gradient of the whole batch. Batch normalization is the exception:
    each process normalizes with the statistics of its own share.
    """
    if not dist.is_initialized():
        return model
    return DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)


def share_buffers(model: nn.Module) -> None:
    """Give every process the buffers of the main one: the running means and variances of batch normalization."""
    if dist.is_initialized():
        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)
