"""Importing a module of `helpers` does nothing else, and modules import only those above them."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import PROJECT

# The order of the data flow. `drawing` draws for `sample`; `archive` reads what `sample` writes.
ORDER = [
    "paths", "runtime", "drawing.raster", "drawing.scenes", "drawing.vehicles", "drawing.animals", "sample",
    "archive", "cifar10", "dataset", "loaders", "prepare", "net", "metrics", "plots", "writers", "checkpoint",
    "processes", "optimizers", "config", "report", "run", "train", "hooks", "faults", "doctor",
]  # fmt: skip
NEVER = {("doctor", "faults")}  # neither imports the other
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


def test_every_module_has_a_place_in_the_order():
    assert set(MODULES) <= set(ORDER)
    assert len(MODULES) >= 9


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_modules_above_it(module):
    found = imported_helpers(FILES[module])
    assert found <= set(ORDER[: ORDER.index(module)])
    assert not {(module, other) for other in found} & NEVER


@pytest.mark.parametrize("package", PACKAGES, ids=lambda name: name or "helpers")
def test_a_package_imports_none_of_its_modules(package):
    assert imported_helpers(PACKAGES[package]) == set()


def test_plots_knows_no_other_module():
    assert imported_helpers(FILES["plots"]) == set()


def test_the_imports_that_are_there_are_seen():
    """The tests above would pass if no import were found."""
    assert {"archive", "cifar10", "dataset", "sample", "paths"} <= imported_helpers(FILES["prepare"])
    assert "drawing.raster" in imported_helpers(FILES["sample"])


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
