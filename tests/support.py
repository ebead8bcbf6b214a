"""Small functions that several test files use."""

import hashlib
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


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
