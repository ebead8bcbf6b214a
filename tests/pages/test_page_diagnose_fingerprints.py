"""The functions on the page with the fingerprints of all faults, as they stand in the notebook."""

import math
import textwrap
from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_patient import training
from support import definition_of_page

from helpers.diagnosis import patient
from helpers.diagnosis.faults import FAULTS

PAGE = "4_visualization/12b_faults_and_fingerprints"
POWERS = np.linspace(-9, 3, 49)

some = definition_of_page(PAGE, "some")
powers_of_ten = definition_of_page(PAGE, "powers_of_ten", torch=torch, np=np, POWERS=POWERS)
step_size = definition_of_page(PAGE, "step_size", np=np)
Fingerprint = definition_of_page(
    PAGE, "Fingerprint", np=np, POWERS=POWERS, some=some, powers_of_ten=powers_of_ten, step_size=step_size
)
late = definition_of_page(PAGE, "late", np=np, math=math)
ending = definition_of_page(PAGE, "ending", np=np, math=math)
one_batch = definition_of_page(
    PAGE, "one_batch", replace=replace, patient=patient, Fingerprint=Fingerprint, seed=0
)  # fmt: skip
symptoms = definition_of_page(
    PAGE, "symptoms", torch=torch, partial=partial, late=late, math=math, K=10, one_batch=lambda training: 0.25
)  # fmt: skip
ANSWERS = {
    "a": ("first?", lambda s: s["x"] > 0),
    "b": ("second?", lambda s: s["x"] < -1),
    "c": ("third?", lambda s: s["x"] < -2),
}
leaf_of = definition_of_page(PAGE, "leaf_of", QUESTIONS=ANSWERS)
suspects = definition_of_page(PAGE, "suspects")
share_right = definition_of_page(PAGE, "share_right", np=np)
next_question = definition_of_page(PAGE, "next_question_solution", Counter=Counter)


@given(st.integers(1, 5000))
def test_some_numbers_are_spread_evenly_over_the_tensor(size):
    found = some(torch.arange(size))
    assert found[0] == 0 and 250 <= len(found) <= 500 or len(found) == size < 500
    assert (found.diff() == 1 + size // 500).all() and size - 1 - found[-1] <= size // 500


def test_a_power_of_ten_is_in_its_bin_and_zero_in_the_first():
    counts = powers_of_ten([torch.tensor([0.0, 1e-20, math.nan]), torch.tensor([-1.01e-3, 2.0, 1e9, math.inf])])
    assert counts.sum() == 5 and counts[0] == 2 and counts[-1] == 1
    for size in (1.01e-3, 2.0):
        (k,) = [k for k in range(48) if POWERS[k] <= math.log10(size) < POWERS[k + 1]]
        assert counts[k] == 1


def test_the_size_of_a_step_is_the_median_over_layers():
    before = [torch.ones(4), torch.full((9,), 2.0), torch.zeros(3), torch.ones(2)]
    now = [torch.full((4,), 1.1), torch.full((9,), 2.6), torch.ones(3), torch.full((2,), 1.5)]
    assert step_size(now, before) == pytest.approx(0.3)  # of 0.1, 0.3 and 0.5
    assert step_size([torch.ones(3)], [torch.zeros(3)]) == 0


def test_a_fingerprint_holds_what_the_loop_reports():
    done = patient.run(training(), 0, Fingerprint)
    seen = done.watcher
    assert seen.ends == [4, 8] and len(seen.losses) == 8 and len(seen.ratios) == 7
    assert np.mean(seen.losses[4:]) == pytest.approx(done.history[1]["train_loss"])
    answers = torch.cat(seen.answers)
    right = (answers == torch.arange(65) % 10).double().mean().item()
    assert right == pytest.approx(done.history[1]["valid_accuracy"])
    layers = [p for p in done.model.parameters() if p.ndim > 1]
    assert seen.gradients.sum() == 8 * sum(len(some(p)) for p in layers)


def test_late_values_and_endings():
    assert late([1.0] * 8 + [3.0, 5.0]) == 4 and late([7.0]) == 7 and math.isnan(late([]))
    done = patient.run(training(), 0, Fingerprint)
    loss, accuracy = ending(done)
    assert loss == done.watcher.losses[-1] and accuracy == done.history[-1]["valid_accuracy"]
    nothing = patient.run(FAULTS["batch_norm_batch_of_one"](training()), 0, Fingerprint)
    assert np.isnan(ending(nothing)).all()


def test_one_batch_is_learned_unless_labels_cannot_be():
    assert one_batch(training(optimizer=partial(patient.sgd, lr=0.05))) > 0.9
    assert one_batch(FAULTS["init_zero"](training())) < 0.3


def test_symptoms_of_a_run():
    done = patient.run(training(), 0, Fingerprint)
    found, seen = symptoms(training(), done), done.watcher
    assert found["first"] == seen.losses[0] and found["by_heart"]() == 0.25 and found["guess"] == pytest.approx(0.1)
    assert found["right"] == pytest.approx(seen.rights[-1])
    assert found["fall"] == pytest.approx(1 - np.mean(seen.losses[-2:]) / np.mean(seen.losses[4:6]))
    counts = torch.bincount(torch.cat(seen.answers), minlength=10)
    assert found["least"] == pytest.approx((counts.min() / 65).item())
    assert found["valid"] == done.history[-1]["valid_accuracy"]


@pytest.mark.parametrize("name", ["batch_norm_batch_of_one", "lr_times_100", "output_width"])
def test_every_symptom_is_a_number_even_of_a_training_that_failed(name):
    t = FAULTS[name](training())
    found = symptoms(t, patient.run(t, 0, Fingerprint))
    assert found.pop("by_heart")() == 0.25
    assert all(isinstance(value, float) for value in found.values())


def test_the_way_to_a_leaf():
    tree = ("a", None, ("b", ("c", None, None), None))
    assert [leaf_of({"x": x}, tree) for x in (1, -1.5, -3, -0.5)] == ["y", "nyn", "nyy", "nn"]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_suspects_are_the_names_that_share_a_leaf(places):
    sizes = [places.count(place) for place in set(places)]
    assert suspects(sizes) == pytest.approx(np.mean([places.count(place) for place in places]))


def test_the_right_finding_and_the_right_family_are_counted_apart():
    rows = [{"expected": "a", "family": "data", "top": top, "top_family": family}
            for top, family in (("a", "data"), ("b", "data"), ("b", "model"), ("", ""))]  # fmt: skip
    assert share_right(rows, lambda r: r["top"], lambda r: r["top_family"]).tolist() == [25, 50]


def test_families_are_counted_by_what_is_true_and_what_was_told():
    families = ["data", "model", "optimizer", "evaluation", ""]
    by_family = definition_of_page(PAGE, "by_family", np=np, FAMILIES=families)
    rows = [{"family": "model", "told": told} for told in ("model", "data", "data", "")]
    table = by_family([*rows, {"family": "evaluation", "told": ""}], lambda row: row["told"])
    assert table[1].tolist() == [2, 1, 0, 0, 1] and table[3, 4] == 1 and table.sum() == 5


@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 2**31))
def test_the_next_question_is_the_best_of_all(n, questions, seed):
    table = np.random.default_rng(seed).random((n, questions)) < 0.5
    asked = [0] if questions > 1 else []

    def left(q):
        rows = [tuple(row) for row in table[:, [*asked, q]]]
        return np.mean([rows.count(row) for row in rows])

    assert next_question(table, asked) == min(range(questions), key=lambda q: (round(left(q), 9), q))


def test_an_outline_names_everybody_once():
    ways = {"one": "y", "two": "y", "three": "ny"}
    outline = definition_of_page(PAGE, "outline", textwrap=textwrap, ways=ways, QUESTIONS=ANSWERS)
    lines = list(outline(("a", None, ("b", None, None))))
    assert [text for _, text, leaf in lines if leaf] == ["yes: one, two", "yes: three", "no: nobody"]
    assert [text for _, text, leaf in lines if not leaf] == ["first?", "no: second?"]
    assert [depth for depth, *_ in lines] == [0, 1, 1, 2, 2]
