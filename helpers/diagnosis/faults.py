"""A catalogue of faults: each takes a healthy `Training` and returns it with one thing wrong.

    sick = FAULTS["zero_grad_missing"](training)

`FAULTS[name]` also knows its family and the name of the finding that is right for it.
"""

import helpers.diagnosis.faults_data
import helpers.diagnosis.faults_model
import helpers.diagnosis.faults_optimizer  # noqa: F401
from helpers.diagnosis.catalogue import FAULTS, Fault

__all__ = ["FAULTS", "Fault"]
