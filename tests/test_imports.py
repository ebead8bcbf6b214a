"""Importing a module of `helpers` does nothing else, and modules import only those above them."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import PROJECT

# The rooms in the order of the book, a verb behind the room that it completes. A module knows its own room and
# those before it.
ROOMS = ("ground", "data", "prepare", "model", "visualization", "training", "train", "diagnosis", "diagnose")
GROUND = ("paths", "runtime", "exercises")
NEVER = {("diagnosis.doctor", "diagnosis.faults"), ("diagnosis.faults", "diagnosis.doctor")}
HELPERS = PROJECT / "helpers"
FILES = {".".join(path.relative_to(HELPERS).with_suffix("").parts): path for path in sorted(HELPERS.rglob("*.py"))}
PACKAGES = {name.removesuffix("__init__").rstrip("."): path for name, path in FILES.items() if "__init__" in name}
MODULES = [name for name in FILES if "__init__" not in name]


def imported_helpers(path: Path) -> set[str]:
    """The modules of `helpers` that a file names in any import statement, however deep."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}, line {node.lineno}: a relative import"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix("helpers.") in MODULES else node.module for name in whole]
        else:
            continue
        assert not {name.partition(".")[0] for name in names} & {"chapters", "tests", "book"}
        found |= {name.removeprefix("helpers.") for name in names if name.startswith("helpers.")}
    return found


def room(module: str) -> str:
    """The room of a module; verbs are rooms of their own."""
    return "ground" if module in GROUND else module.partition(".")[0]


def climbs(module: str, imported: set[str]) -> set[str]:
    """Those of the imported modules that stand in a later room than the module, or that it must never know."""
    own = ROOMS.index(room(module))
    return {other for other in imported if ROOMS.index(room(other)) > own or (module, other) in NEVER}


def test_every_module_has_a_room():
    assert {room(module) for module in MODULES} <= set(ROOMS)
    assert len(MODULES) >= 25


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_its_own_room_and_those_before(module):
    assert climbs(module, imported_helpers(FILES[module])) == set()


@pytest.mark.parametrize(
    ("module", "other"),
    [("data.index", "prepare"), ("prepare", "model.net"), ("visualization.plots", "train"), ("paths", "data.sample")],
)
def test_an_import_that_climbs_is_seen(module, other, tmp_path):
    """The test above can fail."""
    package, _, name = other.rpartition(".")
    file = tmp_path / "module.py"
    parent = f"helpers.{package}" if package else "helpers"
    for line in (f"import helpers.{other}", f"def f():\n    from {parent} import {name}"):
        file.write_text(line + "\n")
        assert climbs(module, imported_helpers(file)) == {other}


def test_no_two_modules_import_each_other():
    known = {module: imported_helpers(FILES[module]) for module in MODULES}
    while ends := [module for module, imported in known.items() if not imported & known.keys()]:
        for module in ends:
            del known[module]
    assert not known, f"a circle of imports among {sorted(known)}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda name: name or "helpers")
def test_a_package_imports_none_of_its_modules(package):
    assert imported_helpers(PACKAGES[package]) == set()


def test_plots_knows_no_other_module():
    assert imported_helpers(FILES["visualization.plots"]) == set()


def test_the_imports_that_are_there_are_seen():
    """The tests above would pass if no import were found."""
    assert {"data.archive", "data.cifar10", "data.index", "data.sample", "paths"} <= imported_helpers(FILES["prepare"])
    assert "data.drawing.raster" in imported_helpers(FILES["data.sample"])


# Other people's packages may do at import what they like, so they are imported before the state is noted. Each
# module is then imported by a process of its own, forked where no module of helpers has been imported yet.
IMPORT_AND_COMPARE = """
import importlib, json, os, random, sys, warnings
events = []
def hear(event, arguments):
    if event.startswith(("socket.", "urllib.", "ftplib.", "smtplib.")) and event != "socket.gethostname":
        events.append(event)
sys.addaudithook(hear)
import numpy, PIL.Image, filelock, torch, torchvision, tqdm, matplotlib, matplotlib.pyplot, tensorboardX
{extra}

def state():
    return {
        "network": list(events),
        "random": random.getstate(),
        "numpy": numpy.random.get_state()[1].tolist(),
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warnings": [str(f) for f in warnings.filters],
        "matplotlib": {k: str(v) for k, v in matplotlib.rcParams.items()},
        "figures": matplotlib.pyplot.get_fignums(),
        "environment": dict(os.environ),
        "folder": os.listdir("."),
    }

assert not any(name.startswith("helpers") for name in sys.modules)
changed = {}
for module in sys.argv[1:]:
    reading, writing = os.pipe()
    if os.fork() == 0:
        before = state()
        importlib.import_module(module)
        after = state()
        os.write(writing, json.dumps([key for key in before if before[key] != after[key]]).encode())
        os._exit(0)
    os.close(writing)
    os.wait()
    with open(reading, "rb") as pipe:
        changed[module] = json.loads(pipe.read() or '["import failed"]')
print(json.dumps([changed, events]))
"""


def import_and_compare(folder, *modules: str) -> tuple[dict[str, list[str]], list[str]]:
    """For each module the kinds of state that its import changed; and network events of all packages together."""
    script = IMPORT_AND_COMPARE.replace("{extra}", "sys.path[:0] = ['.', " + repr(str(PROJECT)) + "]")
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, *modules], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_importing_a_module_changes_nothing(tmp_path):
    names = ["helpers", *(f"helpers.{module}" for module in MODULES)]
    changed, network = import_and_compare(tmp_path, *names)
    assert changed == {name: [] for name in names}
    assert network == []


MISDEEDS = {
    "network": "import socket; socket.socket().close()",
    "random": "import random; random.random()",
    "numpy": "import numpy; numpy.random.seed(0)",
    "torch": "import torch; torch.manual_seed(1)",
    "threads": "import torch; torch.set_num_threads(3)",
    "warnings": "import warnings; warnings.simplefilter('ignore')",
    "matplotlib": "import matplotlib; matplotlib.rcParams['font.size'] = 3",
    "figures": "import matplotlib.pyplot as plt; plt.figure()",
    "environment": "import os; os.environ['A_NEW_NAME'] = '1'",
    "folder": "open('new', 'w').close()",
}


def test_every_kind_of_change_is_noticed(tmp_path):
    """The test above can fail: modules that do each of these things are caught."""
    for kind, text in MISDEEDS.items():
        (tmp_path / f"bad_{kind}.py").write_text(text + "\n")
    changed, _ = import_and_compare(tmp_path, *(f"bad_{kind}" for kind in MISDEEDS))
    assert {name: kind in found for name, kind in ((f"bad_{k}", k) for k in MISDEEDS) for found in [changed[name]]} == {
        f"bad_{kind}": True for kind in MISDEEDS
    }
