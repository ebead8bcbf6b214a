"""The device to compute on, the seed of every random number generator, and a version report."""

import ctypes
import importlib.metadata
import os
import platform
import random

import numpy as np
import torch

DEVICES = ("auto", "cpu", "cuda", "mps")
REPORTED_PACKAGES = ("torch", "torchvision", "tensorboardX", "numpy", "pillow", "matplotlib")


class DeviceError(RuntimeError):
    """A device that this machine lacks. The message names it and the remedy."""


def pick_device(device: str = "auto") -> torch.device:
    """Turn a page's `device` parameter into a `torch.device`.

    `"auto"` honours the environment variable `BOOK_DEVICE`; without it, the first of cuda, mps and cpu
    that this machine has. `"cuda:1"` names the second GPU.

    Raises: ValueError for a name that is not a device, DeviceError for a device this machine lacks.
    """
    asked = device
    if device == "auto":
        device = os.environ.get("BOOK_DEVICE") or "auto"
        asked = f"BOOK_DEVICE={device}" if device != "auto" else device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, colon, index = device.partition(":")
    if kind not in DEVICES[1:] or (colon and not index.isdecimal()):
        raise ValueError(f"unknown device {asked!r}: use one of {', '.join(DEVICES)}")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"device {asked!r} is not here: torch sees {torch.cuda.device_count()} GPUs. Use device='cpu'."
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceError(f"device {asked!r} is not here. Use device='cpu'.")
    try:
        return torch.device(device)
    except RuntimeError as error:  # a number that no device can have
        raise ValueError(f"unknown device {asked!r}: use one of {', '.join(DEVICES)}") from error


def seed_everything(seed: int) -> None:
    """Seed the generators of Python, NumPy and torch (all devices).

    The same seed gives the same numbers on the same machine with the same versions and the same number
    of threads; torch promises no equality across devices or releases.

    Source: https://docs.pytorch.org/docs/stable/notes/randomness.html
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def keep_memory() -> bool:
    """Let this process keep the memory that its tensors give back, until it ends; True where that can be said.

    On a CPU large tensors are taken from the system and given back in every step, and the system fills each page with
    zeros before it gives it again. Kept memory is not filled anew. The numbers are the same; the process stays as
    large as it ever was. Linux with glibc only; elsewhere nothing happens.

    Source: `man 3 mallopt`, M_MMAP_MAX and M_TRIM_THRESHOLD.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt, TRIM_THRESHOLD, MMAP_MAX = ctypes.CDLL(None).mallopt, -1, -4
    return bool(mallopt(MMAP_MAX, 0) and mallopt(TRIM_THRESHOLD, -1))


def versions() -> dict[str, str]:
    """The versions a result depends on: Python, the operating system and the packages of the book."""
    report = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    return report | {name: importlib.metadata.version(name) for name in REPORTED_PACKAGES}
