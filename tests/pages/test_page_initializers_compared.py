"""The functions of the page on initializers: the statistics are those of part 1; the layers come where they should."""

import math

import numpy as np
import pytest
import torch
from support import definition_of_page
from torch import nn

from helpers.model.net import Net
from helpers.paths import read_json, results_root

PAGE, STATISTICS = "2_model/12_initializers_compared", "1_data/20_does_it_help"
ends_of, luck = (definition_of_page(PAGE, name, np=np, math=math) for name in ("ends_of", "luck"))
with_batch_norm = definition_of_page(PAGE, "with_batch_norm", nn=nn)
changes = definition_of_page(STATISTICS, "changes", np=np)
luck_of_part_1 = definition_of_page(STATISTICS, "luck", np=np, math=math, changes=changes)


def without_effect(rng: np.random.Generator, rows: int = 15, seeds: int = 5) -> dict[str, np.ndarray]:
    """Accuracies in percent: a part that all rows of a seed share, and chance."""
    shared = rng.normal(40, 2, seeds)
    return {name: shared + rng.normal(0, 1, seeds) for name in ["none", *map(str, range(rows - 1))]}


@pytest.mark.parametrize("seed", range(3))
def test_the_limit_of_luck_is_that_of_part_1(seed):
    ends = without_effect(np.random.default_rng(seed))
    as_rows = {name: {"held_out": end / 100} for name, end in ends.items()}
    assert luck(ends, "none") == pytest.approx(luck_of_part_1(as_rows), rel=1e-9)


def test_rows_that_only_guess_count_as_rows_but_give_no_spread():
    ends = without_effect(np.random.default_rng(0))
    guessing = {f"dead {k}": np.full(5, 10.0) for k in range(20)}
    assert luck(ends) < luck(ends | guessing) < 1.2 * luck(ends)  # more rows, so more luck, from the same spread


def test_five_in_a_hundred_experiments_without_an_effect_pass_the_limit():
    rng, passed = np.random.default_rng(1), 0
    for _ in range(300):
        ends = without_effect(rng)
        passed += max(abs((end - ends["none"]).mean()) for end in ends.values()) > luck(ends, "none", draws=2000)
    assert 0.02 < passed / 300 < 0.09


def test_ends_are_percent_of_the_last_epoch_for_each_seed():
    runs = [{"held_out": [0.1, 0.5, 0.25]}, {"held_out": [0.1, 0.2, 0.75]}]
    assert ends_of({"row": runs})["row"].tolist() == [25.0, 75.0]


def test_batch_norm_stands_behind_each_layer_but_the_last():
    torch.manual_seed(0)
    plain = Net()
    images, model = torch.randn(16, 3, 32, 32), Net()
    model.load_state_dict(plain.state_dict())
    with_batch_norm(model)
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == [6, 16, 120, 84]

    def normalized(x: torch.Tensor) -> torch.Tensor:
        axes = (0, 2, 3) if x.ndim == 4 else (0,)
        variance = x.var(axes, correction=0, keepdim=True)
        return (x - x.mean(axes, keepdim=True)) / (variance + 1e-5).sqrt()

    x = nn.functional.max_pool2d(normalized(plain.conv1(images)).relu(), 2)
    x = nn.functional.max_pool2d(normalized(plain.conv2(x)).relu(), 2).flatten(1)
    x = normalized(plain.fc1(x)).relu()
    x = plain.fc3(normalized(plain.fc2(x)).relu())
    torch.testing.assert_close(model(images), x, atol=1e-4, rtol=1e-4)


def test_the_record_is_whole():
    record = read_json(results_root() / "initialization_effect.json")
    assert "/" not in record["command"].removeprefix("python tests/benchmarks/")
    for title, rows in record["tables"].items():
        epochs = record["config"]["num_epochs"][title]
        assert rows and set(rows) <= set(record["rows"]) and len({len(runs) for runs in rows.values()}) == 1
        for run in (run for runs in rows.values() for run in runs):
            assert [len(run[key]) for key in ("train_loss", "held_out_loss", "held_out")] == [
                epochs,
                epochs + 1,
                epochs + 1,
            ]
    assert set(record["tables"]["book"]) == set(record["tables"]["tutorial"]) == set(record["rows"])
