"""What is learnt of beliefs is written into their module."""

import shutil
from pathlib import Path

import torch

from soart.benchmarks.taste import build_beliefs
from soart.metrics.tastes import beliefs


def test_beliefs_are_written_where_they_stand(tmp_path, monkeypatch):
    path, text = tmp_path / "beliefs.py", Path(beliefs.__file__).read_text(encoding="utf-8")
    shutil.copy(beliefs.__file__, path)
    monkeypatch.setattr(beliefs, "__file__", str(path))
    logs = [*beliefs.KERNELS.values(), beliefs.ALONE]
    logs += [log for table in (beliefs.AMPLITUDES, beliefs.RESIDUALS, beliefs.NOISES) for log in table.values()]
    for trusts in (beliefs.TRUSTS_IN_TECHNICAL, beliefs.TRUSTS):
        logs += [one.belief - (0 if one.mean else build_beliefs.CAUTION) for one in trusts.values()]
    build_beliefs.assign({"ALONE": "0.5"})
    assert path.read_text(encoding="utf-8") == text.replace(f"ALONE = {beliefs.ALONE}", "ALONE = 0.5")
    build_beliefs.write(torch.tensor(logs, dtype=torch.float64))
    assert path.read_text(encoding="utf-8") == text
