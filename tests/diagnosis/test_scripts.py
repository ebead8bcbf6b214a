"""Trainings in styles of other people, each with the two lines of a doctor: healthy, and with one fault."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import PROJECT

SCRIPTS = Path(__file__).parent / "scripts"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.mark.parametrize(
    ("script", "fault", "finding", "launcher"),
    [
        ("plain_loop", "too_high", "rate_too_high", []),
        ("accumulation_amp", "never_cleared", "gradients_not_cleared", []),
        ("several_processes", "head_left_out", "parameters_not_in_optimizer", TORCHRUN),
    ],
)
def test_a_script_of_another_style(script, fault, finding, launcher):
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    reports = []
    for arguments in ([], [fault]):
        done = subprocess.run(
            [sys.executable, *launcher, str(SCRIPTS / f"{script}.py"), *arguments],
            capture_output=True, text=True, timeout=240, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        reports.append(json.loads(done.stdout))
    well, ill = reports
    assert [f["name"] for f in well if f["severity"] == "fault"] == []
    assert not [f for f in well + ill if f["name"] == "not_covered"]
    assert ill[0]["name"] == finding
