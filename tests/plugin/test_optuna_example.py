"""The example of an Optuna study with artifacts, in a short form."""

import importlib.util
from pathlib import Path

import numpy as np
import optuna
import pytest
from PIL import Image

PATH = Path(__file__).parents[2] / "examples" / "optuna_study.py"


@pytest.fixture
def example():
    spec = importlib.util.spec_from_file_location("optuna_study", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Optuna's artifacts and journal are no longer new, but still say so.
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_study_with_artifacts_goes_on_where_it_was(example, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(optuna.logging, "set_verbosity", lambda level: None)
    optuna.logging.disable_default_handler()
    study = example.run(6, tmp_path, steps=3)
    first = example.pictures_of(study, tmp_path)
    assert sorted(first) == list(range(6))
    for path in first.values():
        with Image.open(path) as picture:
            assert picture.size == (128, 128)
    assert {"quality", "subject", "palette", "guidance"} == set(study.best_params)
    assert all(trial.user_attrs["reasons"] for trial in study.trials)
    example.main(["--trials", "2", "--folder", str(tmp_path)])
    output = capsys.readouterr().out
    assert "8 trials" in output
    assert "recommended" in output
    again = optuna.load_study(study_name="soart", storage=study._storage)
    assert np.isfinite([trial.value for trial in again.trials]).all()
    assert not list(tmp_path.glob("trial-*.png"))
