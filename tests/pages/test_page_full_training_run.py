"""The page that runs a whole training: its functions as they stand there, its profiles, and the smoke test of it."""

import ast
import io
import itertools
import math
import os
import subprocess
import sys

import nbformat
import numpy as np
import pytest
import run_page
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from runs import read_events
from scipy.stats import binom
from support import PROJECT, definition_of_page
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers.paths import read_json, results_root
from helpers.training.config import TrainConfig
from helpers.visualization.writers import RunWriter

PAGE = "4_visualization/09_full_training_run"
PATH = PROJECT / "chapters" / f"{PAGE}.ipynb"
PROFILES = {name: PROJECT / "tests" / "profiles" / f"full_training_run_{name}.yaml"
            for name in ("cpu_smoke", "cpu_full", "gpu")}  # fmt: skip


def of_page(name: str):
    return definition_of_page(
        PAGE, name, torch=torch, math=math, np=np, binom=binom, FlopCounterMode=FlopCounterMode, itertools=itertools
    )


def test_norms_are_those_of_the_tensors_that_were_logged(tmp_path):
    torch.manual_seed(0)
    model, wanted = nn.Linear(7, 5), []
    with RunWriter(tmp_path) as writer:
        for step in (1, 2, 3):
            nn.init.normal_(model.weight, mean=1.0, std=step)
            wanted.append(model.weight.norm().item())
            writer.histograms(model, step)
    assert of_page("norms")(read_events(tmp_path), "weights/weight") == pytest.approx(wanted, rel=1e-5)


@given(st.integers(2, 7), st.integers(0, 2**31))
def test_the_most_confused_pair_counts_both_directions_and_no_right_answer(K, seed):
    g = torch.Generator().manual_seed(seed)
    matrix = torch.randint(0, 50, (K, K), generator=g)
    a, b, times = of_page("most_confused")(matrix)
    wanted = {(i, j): int(matrix[i, j] + matrix[j, i]) for i, j in itertools.combinations(range(K), 2)}
    assert times == wanted[a, b] == max(wanted.values())


def test_a_number_that_differs_is_counted_once():
    one, other = nn.Linear(4, 3), nn.Linear(4, 3)
    other.load_state_dict(one.state_dict())
    assert of_page("differing")(one, other) == 0
    with torch.no_grad():
        other.weight[1, 2] = torch.nextafter(other.weight[1, 2], torch.tensor(9.0))  # the last bit
        other.bias.neg_()
    assert of_page("differing")(one, other) == 4


@given(st.integers(1, 500), st.integers(0, 10_000).map(lambda right: right / 10_000))  # scipy is rough at 1 - 1e-16
def test_the_standard_error_is_that_of_the_binomial_distribution(n, accuracy):
    assert of_page("standard_error")(accuracy, n) == pytest.approx(binom.std(n, accuracy) / n, abs=1e-12)


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0.05, 0.95))
def test_the_best_of_a_few_is_too_good_by_the_mean_over_all_cases(k, n, accuracy):
    chances = binom.pmf(np.arange(n + 1), n, accuracy)
    wanted = sum(
        math.prod(chances[list(case)]) * max(case) for case in itertools.product(range(n + 1), repeat=k)
    ) / n - accuracy  # fmt: skip
    assert of_page("best_of")(k, accuracy, n) == pytest.approx(wanted, abs=1e-9)


def test_flops_are_counted_forward_and_backward():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 6, 10))
    conv, linear = 2 * 36 * 4 * 27, 2 * 144 * 10
    assert of_page("training_flops")(model, torch.zeros(1, 3, 8, 8)) == 2 * conv + 3 * linear


@pytest.mark.parametrize("frozen", [0, 1])
def test_flops_by_rule_leave_out_the_gradients_that_nobody_needs(frozen):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.Flatten(), nn.Linear(5 * 4 * 4, 10))
    model[0].requires_grad_(not frozen)
    first, second, last = 2 * 36 * 4 * 27, 2 * 16 * 5 * 36, 2 * 80 * 10
    wanted = (2 - frozen) * first + (3 - frozen) * second + 3 * last
    assert definition_of_page(PAGE, "flops_by_rule", nn=nn)(model, torch.zeros(1, 3, 8, 8)) == wanted
    assert of_page("training_flops")(model, torch.zeros(1, 3, 8, 8)) == wanted


def test_the_power_fails_after_the_epochs_and_five_steps():
    seen = []

    def whole_epoch(model, loader, *rest, **options):
        seen.append((len(list(loader)), options["steps_before"]))

    cut = definition_of_page(PAGE, "until_the_cut", itertools=itertools, whole_epoch=whole_epoch, done=2)
    loader = range(8)
    for epoch in range(2):
        cut("model", loader, steps_before=8 * epoch)
    with pytest.raises(KeyboardInterrupt):
        cut("model", loader, steps_before=16)
    assert seen == [(8, 0), (8, 8), (5, 16)]


# -- the test images, the profiles -----------------------------------------------------------------------------


def lesson() -> list:
    cells = [c for c in nbformat.read(PATH, as_version=4).cells if c.cell_type == "code"]
    return [c.source for c in cells if not {"answer", "check", "solution"} & set(c.metadata.get("tags", []))]


def test_only_the_last_cell_of_the_lesson_opens_the_official_test_images():
    cells = lesson()
    opens = [k for k, source in enumerate(cells) if "official" in source]
    assert opens == [len(cells) - 1]
    assert cells[-1].count("train.fit(") == 1


def test_only_the_last_cell_reads_an_accuracy_of_the_test_part_of_a_run_of_the_page():
    """Elsewhere the word occurs with what was recorded; `result` and `fit(...)` are asked for the validation part."""
    asked = [
        ast.unparse(node.value)
        for source in lesson()[:-1]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Subscript) and ast.unparse(node.slice) == "'test'"
    ]
    assert len(asked) >= 3 and not [text for text in asked if "result" in text or "fit(" in text]


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_has_parameters_of_the_page_with_their_types(name):
    values = yaml.safe_load(PROFILES[name].read_text())
    defaults = {}
    exec(lesson()[0], defaults)
    assert set(values) <= set(run_page.known_parameters(PATH))
    assert all(type(value) is type(defaults[key]) for key, value in values.items())


def test_the_full_profiles_are_the_recipe_of_the_run_in_the_results():
    """What the plan of the page fixes, and what the profile adds, against the settings of the file."""
    stored = read_json(results_root() / "net_cifar10_seed0.json")["config"]
    (plan,) = (node for source in lesson() for node in ast.walk(ast.parse(source))
               if isinstance(node, ast.Call) and ast.unparse(node.func) == "config.TrainConfig")  # fmt: skip
    defaults = {}
    exec(lesson()[0], defaults)
    for name in ("cpu_full", "gpu"):
        values = defaults | yaml.safe_load(PROFILES[name].read_text())
        assert values["all_images"] is True and values["source"] == "cifar10"
        assert (values["device"], values["amp"]) == (("cpu", False) if name == "cpu_full" else ("cuda", True))
        fixed = {k.arg: k.value.value for k in plan.keywords if isinstance(k.value, ast.Constant)}
        given_ = {k.arg: values[k.arg] for k in plan.keywords if ast.unparse(k.value) == k.arg and k.arg in values}
        settings = {k: v for k, v in (fixed | given_).items() if k not in ("device", "amp", "seed")}
        assert settings.keys() >= {"model", "init", "optimizer", "padding", "lr", "weight_decay", "num_epochs"}
        assert settings == {key: stored[key] for key in settings}
        assert TrainConfig(**settings, source="cifar10", num_images="all").lr == stored["lr"]


def test_every_cell_runs_with_the_smoke_profile(tmp_path):
    """The command on the page; one process, the project's own sample. A kernel takes most of the time."""
    keep = {k: v for k, v in os.environ.items() if k not in ("BOOK_DATA", "CIFAR10_ARCHIVE", "BOOK_SOURCE")}
    done = subprocess.run(
        [sys.executable, "book/run_page.py", PATH, tmp_path / "out.ipynb", "-f", PROFILES["cpu_smoke"]],
        cwd=PROJECT, env=keep | {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cells = [c for c in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells if c.cell_type == "code"]
    assert "injected-parameters" in cells[1].metadata.tags and "num_epochs = 2" in cells[1].source
    text = io.StringIO()
    text.writelines(o.text for c in cells for o in c.outputs if o.output_type == "stream" and o.name == "stdout")
    assert "epoch 2: seen" in text.getvalue() and "epoch 3" not in text.getvalue()
    assert "0 of 62006 weights differ" in text.getvalue()
    assert "official, 1000 test images" in text.getvalue()
