"""The recorded measurement of all transforms, and the statistics of the page that reads it."""

import json
import re

import nbformat
import numpy as np
import pytest
from support import PROJECT

PAGE = "1_data/20_does_it_help"
TABLE_PAGE = PROJECT / "chapters" / "1_data" / "12_transforms_crops.ipynb"
POLICIES = {"crop + flip", "TrivialAugmentWide", "MixUp", "CutMix"}
EQUAL = {"ToPILImage", "Lambda"}  # bit for bit the input of none


@pytest.fixture(scope="module")
def effect() -> dict:
    return json.loads((PROJECT / "book" / "results" / "transform_effect.json").read_text())


def test_the_record_holds_all_22_transforms_none_and_the_policies(effect):
    table = nbformat.read(TABLE_PAGE, as_version=4)
    cells = "\n".join(cell.source for cell in table.cells if cell.cell_type == "markdown")
    names = re.findall(r"^\| \d+ \| (?:\{ref\}`)?(\w+)", cells, flags=re.M)
    assert len(names) == 22
    main = {name for name, row in effect["rows"].items() if not row.get("why")}
    assert main == {"none", *names} | POLICIES
    assert {name for name, row in effect["rows"].items() if row["policy"]} == POLICIES


def test_every_row_of_the_record_has_the_same_seeds_and_the_numbers_follow_from_the_runs(effect):
    images = effect["images"]["held_out"]
    tables = [effect["rows"], *effect["budgets"].values()]
    number = {len(row[part]) for rows in tables for row in rows.values() for part in ("train", "held_out")}
    assert len(number) == 1 and number.pop() >= 3
    for rows in tables:
        for name, row in rows.items():
            assert row["mean"] == pytest.approx(np.mean(row["held_out"]), abs=1e-6), name
            assert row["std"] == pytest.approx(np.std(row["held_out"], ddof=1), abs=1e-6), name
            for accuracy in row["held_out"]:  # a whole number of images
                assert 0 < accuracy < 1 and accuracy * images == pytest.approx(round(accuracy * images), abs=1e-2)


def test_only_rows_with_the_bits_of_none_have_its_numbers(effect):
    none = effect["rows"]["none"]
    assert {name for name, row in effect["rows"].items() if row["held_out"] == none["held_out"]} == EQUAL | {"none"}
    assert all(effect["rows"][name]["train"] == none["train"] for name in EQUAL)


def test_the_record_says_what_it_was_measured_on(effect):
    assert "CIFAR-10" in effect["data"]
    assert ("unofficial" in effect["data"]) == ("unofficial" in effect["note"])
    assert "unofficial" in effect["data"] or effect["note"] == ""
    assert {"torch", "torchvision", "python"} <= set(effect["versions"]) and effect["hardware"]["threads"] == 1
    assert effect["config"]["num_epochs"] >= 20 and effect["images"] == {"train": 8000, "held_out": 2000}
