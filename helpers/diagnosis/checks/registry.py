"""The list of checks, and the decorator that puts a function on it: yours too.

    @check("data")
    def tiny_images(seen):
        if seen.train and seen.train.images.shape[-1] < 16:
            return fault("Take larger images.", ("image side, pixels", seen.train.images.shape[-1], 16, "my rule"))

The name of the function is the name of the finding. A check returns None where it sees nothing, or cannot see.

Each docstring says whence its threshold comes: a source; "exact", where there is none to choose; or "tuned", with the
range of the healthy trainings and that of the sick ones between which it was set, on the drawn sample, in the healthy
trainings of seed 0 and the half of the faults that `tests/benchmarks/doctor.py` keeps for tuning. "Reasoned" is a
threshold that no training of these was near.
"""

from collections.abc import Callable
from dataclasses import dataclass

from helpers.diagnosis.findings import FAMILIES, Evidence, Finding
from helpers.diagnosis.observation import Seen


@dataclass(frozen=True)
class Verdict:
    """What a check returns: how severe, the numbers, the figure that shows it, the remedy."""

    severity: str
    evidence: tuple[Evidence, ...]
    figure: str
    remedy: str


CHECKS: list[tuple[str, Callable[[Seen], Verdict | None]]] = []


def check(family: str) -> Callable[[Callable], Callable]:
    """Put a function `seen -> Verdict or None` at the end of the list. A function of the same name takes its place.

    Raises: ValueError for an unknown family.
    """
    if family not in FAMILIES:
        raise ValueError(f"unknown family {family!r}: use one of {', '.join(FAMILIES)}")

    def register(function: Callable[[Seen], Verdict | None]) -> Callable[[Seen], Verdict | None]:
        for k, (_, known) in enumerate(CHECKS):
            if known.__name__ == function.__name__:
                CHECKS[k] = (family, function)
                return function
        CHECKS.append((family, function))
        return function

    return register


def _verdict(severity: str, remedy: str, evidence: tuple, figure: str) -> Verdict:
    return Verdict(severity, tuple(Evidence(*numbers) for numbers in evidence), figure, remedy)


def fault(remedy: str, *evidence: tuple, figure: str = "loss") -> Verdict:
    """A finding that spoils the training or its numbers. Args: evidence, (what, value, threshold, why) each."""
    return _verdict("fault", remedy, evidence, figure)


def warning(remedy: str, *evidence: tuple, figure: str = "loss") -> Verdict:
    """A finding that may be meant, or costs something."""
    return _verdict("warning", remedy, evidence, figure)


def note(remedy: str, *evidence: tuple, figure: str = "loss") -> Verdict:
    """Something to know."""
    return _verdict("note", remedy, evidence, figure)


def judge(seen: Seen) -> list[Finding]:
    """Run every check. One that raises becomes a note with its name, and hides none of the others."""
    findings = []
    for family, function in list(CHECKS):
        name = function.__name__
        try:
            verdict = function(seen)
            if verdict is not None:
                findings.append(
                    Finding(family, name, verdict.severity, verdict.evidence, verdict.figure, verdict.remedy)
                )
        except Exception as error:
            told = Evidence("check raised", f"{type(error).__name__}: {error}"[:300], "-", "a defect of the check")
            findings.append(Finding(family, f"{name}_failed", "note", (told,), "", "Report it with this message."))
    return findings
