"""tests/benchmarks/recording.py: what an experiment writes, and when it goes on with what is there."""

import json
from types import SimpleNamespace

import pytest

import recording
from helpers.paths import project_root

TABLES = {
    "architectures": None, "finetune_effect": None, "initialization_effect": "tables", "normalization_cifar10": "runs",
    "normalization_sample": "runs", "transform_effect": None,
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_record_written_again_is_the_same_file(name, tmp_path):
    path = project_root() / "book" / "results" / f"{name}.json"
    record = json.loads(path.read_text())
    recording.write(tmp_path / "again.json", record, TABLES[name])
    assert (tmp_path / "again.json").read_text() == path.read_text()
    assert recording.earlier(path, {key: record[key] for key in ("data", "config", "versions")}) == record


def test_a_row_of_a_table_has_a_line_of_its_own(tmp_path):
    recording.write(tmp_path / "r.json", {"a": [1, 2], "rows": {"x": [{"b": 1}], "y": {"z": 2.5}}}, "rows")
    expected = '{\n "a": [1, 2],\n "rows": {\n  "x": [{"b": 1}],\n  "y": {\n   "z": 2.5\n  }\n }\n}\n'
    assert (tmp_path / "r.json").read_text() == expected


@pytest.mark.parametrize("key", ["data", "config", "versions", "rows"])
def test_another_experiment_is_refused(key, tmp_path):
    record = {"data": "drawn", "config": {"lr": (0.1, 0.2)}, "versions": {}, "rows": {"a": 1}, "seconds": 1.0}
    path = tmp_path / "r.json"
    assert recording.earlier(path, record, "rows") is None
    recording.write(path, record)
    assert recording.earlier(path, record | {"seconds": 2.0}, "rows")["seconds"] == 1.0
    with pytest.raises(SystemExit, match="r.json: another experiment. Move it away first."):
        recording.earlier(path, record | {key: "other"}, "rows")


def test_the_head_names_the_command_and_the_images():
    data = SimpleNamespace(source="cifar10", label="CIFAR-10", official=False)
    assert recording.head("/somewhere/x.py", data, "--seeds 3") == {
        "command": "python tests/benchmarks/x.py --source cifar10 --archive cifar-10-python.tar.gz --seeds 3 --record",
        "data": "CIFAR-10",
        "note": "unofficial JPEG copy",
    }
    data = SimpleNamespace(source="sample", label="drawn", official=False)
    assert recording.head("x.py", data, "--seeds 3")["command"].endswith("x.py --source sample --seeds 3 --record")
    assert recording.head("x.py", data, "")["note"] == "drawn images"
