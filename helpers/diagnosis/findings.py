"""What the doctor says: a `Finding` a fault, and a `Report`, which puts causes before what they bring about."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from html import escape

FAMILIES = ("data", "model", "optimizer", "evaluation")
SEVERITIES = ("fault", "warning", "note")

# Symptoms: true of many faults. Every finding that is no symptom explains them all.
SYMPTOMS = (
    "not_learning", "loss_not_finite", "noisy_loss", "dead_units_later", "large_first_loss", "overfitting",
    "too_few_epochs", "validation_far_behind",
)  # fmt: skip
# What may be brought about by something else, and by what.
CAUSES: dict[str, tuple[str, ...]] = {
    "imbalance": ("missing_class",),
    "input_offset": ("input_scale", "constant_images"),
    "labels_without_information": ("input_offset", "constant_images", "imbalance"),
    "label_noise": ("constant_images", "labels_without_information", "classes_numbered_differently", "imbalance"),
    "dead_units": ("input_scale", "input_offset", "init_zero", "init_large"),
    "vanishing_gradient": ("input_offset", "init_zero", "init_small", "dead_units", "network_too_small"),
    "batch_of_one": ("batch_norm_batch_of_one",),
    "gradient_clipped": ("init_zero",),
    "metric_per_batch": ("wrong_split",),
    "rate_too_high": (
        "input_scale", "input_offset", "labels_without_information", "sorted_by_class", "init_large", "wrong_loss",
        "linear_network", "batch_norm_batch_of_one", "batch_norm_frozen", "gradients_not_cleared",
        "weight_decay_too_high", "momentum_too_high", "batch_of_one",
    ),
    "rate_too_low": (
        "input_offset", "labels_without_information", "init_zero", "init_small", "init_large", "dead_units",
        "vanishing_gradient", "softmax_before_loss", "relu_on_logits", "wrong_loss", "network_too_small",
        "hidden_layers", "optimizer_of_another_model", "parameters_not_in_optimizer", "frozen_parameters",
        "scheduler_per_batch", "weight_decay_too_high", "gradient_clipped", "batch_of_all", "squashed_outputs",
        "no_gradient", "no_step", "steps_left_out",
    ),
    "rate_used_up": ("scheduler_per_batch",),
}  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """One number. `value` and `threshold` in the same unit; `why` says where the threshold comes from."""

    what: str
    value: float | int | str
    threshold: float | int | str
    why: str


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor found.

    Args: family, one of data, model, optimizer, evaluation; severity, fault, warning or note; evidence, numbers with
    the threshold that they crossed; figure, which picture shows it; remedy, what to do; explained_by, the finding
    that brings this one about.
    """

    family: str
    name: str
    severity: str
    evidence: tuple[Evidence, ...]
    figure: str
    remedy: str
    explained_by: str = ""

    def __post_init__(self) -> None:
        if self.family not in FAMILIES or self.severity not in SEVERITIES:
            raise ValueError(f"{self.name}: family one of {FAMILIES}, severity one of {SEVERITIES}")


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def ordered(findings: list[Finding]) -> list[Finding]:
    """By severity, and within it in the order of the checks; what another one explains comes behind it.

    An effect is never more severe than its cause: a frozen layer is the warning, that nothing is learned its proof.
    """
    names = [finding.name for finding in findings]
    causes = [name for name in names if name not in SYMPTOMS and not _is_note(findings, name)]
    result = []
    for finding in findings:
        cause = next((name for name in causes if name in CAUSES.get(finding.name, ())), "")
        if not cause and finding.name in SYMPTOMS and causes:
            cause = causes[0]
        result.append(replace(finding, explained_by=cause))
    severity = {finding.name: SEVERITIES.index(finding.severity) for finding in findings}
    place = {name: k for k, name in enumerate(names)}

    def key(finding: Finding) -> tuple:
        own = severity[finding.name]
        return (own, bool(finding.explained_by), finding.name in SYMPTOMS, place[finding.name])

    # a cause takes the severity of the worst that it brings about, for the order alone
    for finding in result:
        if finding.explained_by:
            severity[finding.explained_by] = min(severity[finding.explained_by], severity[finding.name])
    return sorted(result, key=key)


def _is_note(findings: list[Finding], name: str) -> bool:
    return all(finding.severity == "note" for finding in findings if finding.name == name)


class Report:
    """Findings, the cause before what it explains; a sequence, printed as a table.

    `table()` gives text, `to_json()` a string, `write(writer, step)` a text in TensorBoard; a notebook shows HTML.
    """

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = ordered(findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __getitem__(self, position: int) -> Finding:
        return self.findings[position]

    @property
    def top(self) -> Finding | None:
        """The first finding that is more than a note; None for a healthy training."""
        return next((finding for finding in self.findings if finding.severity != "note"), None)

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == "fault"]

    def table(self) -> str:
        """Three or more lines a finding: what it is, the numbers, the remedy."""
        if not self.findings:
            return "Nothing found."
        lines = []
        for k, finding in enumerate(self.findings, start=1):
            because = f"  (explained by {finding.explained_by})" if finding.explained_by else ""
            lines.append(f"{k}. {finding.severity}: {finding.family} / {finding.name}{because}")
            for e in finding.evidence:
                lines.append(f"     {e.what}: {_number(e.value)}, threshold {_number(e.threshold)} ({e.why})")
            lines.append(f"     remedy: {finding.remedy}")
        return "\n".join(lines)

    __str__ = __repr__ = table

    def _repr_html_(self) -> str:
        if not self.findings:
            return "<p>Nothing found.</p>"
        rows = []
        for finding in self.findings:
            numbers = "<br>".join(
                f"{escape(e.what)}: <b>{escape(_number(e.value))}</b>, threshold {escape(_number(e.threshold))}"
                f" <small>({escape(e.why)})</small>"
                for e in finding.evidence
            )
            name = escape(finding.name) + (f"<br><small>explained by {escape(finding.explained_by)}</small>"
                                           if finding.explained_by else "")  # fmt: skip
            cells = (escape(finding.severity), escape(finding.family), name, numbers, escape(finding.remedy))
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        head = "".join(f"<th>{name}</th>" for name in ("severity", "family", "finding", "evidence", "remedy"))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"

    def to_json(self) -> str:
        """One JSON list; not-a-number and infinity, which JSON lacks, as strings."""

        def plain(value: object) -> object:
            if isinstance(value, dict):
                return {key: plain(inner) for key, inner in value.items()}
            if isinstance(value, list | tuple):
                return [plain(inner) for inner in value]
            if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
                return str(value)
            return value

        return json.dumps([plain(asdict(finding)) for finding in self.findings], indent=1)

    def write(self, writer: object, step: int = 0) -> None:
        """Add the table as a text, under the tag `diagnosis`. Args: writer, a SummaryWriter, or one that holds it."""
        getattr(writer, "writer", writer).add_text("diagnosis", "```\n" + self.table() + "\n```", step)
