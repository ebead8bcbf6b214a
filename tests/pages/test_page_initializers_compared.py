"""The functions of the page on initializers: the statistics are those of part 1; the layers come where they should."""

import numpy as np
from support import definition_of_page

from helpers.paths import read_json, results_root
from helpers.visualization import metrics

PAGE = "2_model/12_initializers_compared"
ends_of = definition_of_page(PAGE, "ends_of", np=np)


def without_effect(rng: np.random.Generator, rows: int = 15, seeds: int = 5) -> dict[str, np.ndarray]:
    """Accuracies in percent: a part that all rows of a seed share, and chance."""
    shared = rng.normal(40, 2, seeds)
    return {name: shared + rng.normal(0, 1, seeds) for name in ["none", *map(str, range(rows - 1))]}


def test_rows_that_only_guess_count_as_rows_but_give_no_spread():
    ends = without_effect(np.random.default_rng(0))
    guessing = {f"dead {k}": np.full(5, 10.0) for k in range(20)}
    few, more = (metrics.luck_limit(list(rows.values()), learned=30) for rows in (ends, ends | guessing))
    assert few < more < 1.2 * few  # more rows, so more luck, from the same spread


def test_ends_are_percent_of_the_last_epoch_for_each_seed():
    runs = [{"held_out": [0.1, 0.5, 0.25]}, {"held_out": [0.1, 0.2, 0.75]}]
    assert ends_of({"row": runs})["row"].tolist() == [25.0, 75.0]


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
