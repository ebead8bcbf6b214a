"""Small functions that several test files use."""

import ast
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from PIL import Image

PROJECT = Path(__file__).resolve().parent.parent


def draw_png(path: Path, colour=(10, 20, 30), size=(4, 3), mode="RGB", **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)
    return path


def prepare_command(*arguments: object) -> list[str]:
    """The command line of `helpers.prepare` with these arguments."""
    return [sys.executable, "-m", "helpers.prepare", *map(str, arguments)]


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder`, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def half_written(folder: Path) -> list[str]:
    """What an interrupted write left below `folder`: temporary files, a split without its summary."""
    temporary = [path for path in folder.rglob("*") if "partial" in path.name or path.suffix == ".part"]
    unfinished = [path for path in folder.rglob("split-*") if not (path / "prepared.json").exists()]
    return sorted(path.relative_to(folder).as_posix() for path in temporary + unfinished)


ON_A_SMALL_DISK = """
mount -t tmpfs -o size="$1" none "$2" || exit 99
"${@:4}"
code=$?
find "$2" -mindepth 1 > "$3"
exit $code
"""


def run_on_a_small_disk(
    command: list[str], size: str, disk: Path, listing: Path, **environment: str
) -> subprocess.CompletedProcess:
    """Run a command that sees a file system of this size at `disk`; `listing` tells what it left there.

    The file system is seen by this command only, and gone when it ends. Skips the test where none can be mounted.
    """
    try:
        done = subprocess.run(
            ["unshare", "--map-root-user", "--mount", "bash", "-c", ON_A_SMALL_DISK, "bash", size, disk, listing]
            + command,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            cwd=PROJECT,
            timeout=120,
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare here to mount a small file system with")
    if done.returncode == 99 or done.stderr.startswith("unshare: "):
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    return done


def train_command(*arguments: object, nproc: int | None = None, torchrun: tuple[str, ...] = ()) -> list[str]:
    """The command line of `helpers.train`; with `nproc` under `torchrun` on this machine."""
    module = ["-m", "helpers.train", *map(str, arguments)]
    if nproc is None:
        return [sys.executable, *module]
    where = torchrun or ("--standalone",)
    return [sys.executable, "-m", "torch.distributed.run", *where, "--nproc-per-node", str(nproc), *module]


def definition_of_page(page: str, name: str, **globals_: object) -> Callable:
    """Compile one function or class of a notebook in `chapters/`, as it stands there, without running its cells.

    Args: globals_, the modules and functions that its body uses.
    """
    path = PROJECT / "chapters" / f"{page}.ipynb"
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
                    exec(compile(ast.Module([node], []), str(path), "exec"), globals_)
                    return globals_[name]
    raise LookupError(f"{path} defines no {name}")
