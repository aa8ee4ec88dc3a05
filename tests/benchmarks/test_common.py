"""What benchmarks share: values are measured once, and arguments are checked."""

import argparse

import numpy as np
import pytest
from scipy import stats

from soart.benchmarks import common


@pytest.mark.parametrize("kind", ["array", "arrays", "json"])
def test_values_are_measured_once_and_an_interrupted_run_leaves_no_file(tmp_path, kind):
    path, runs = tmp_path / "folder" / f"values.{ {'array': 'npy', 'arrays': 'npz', 'json': 'json'}[kind] }", []
    stored = getattr(common, f"stored_{kind}")

    def measure():
        runs.append(kind)
        if len(runs) == 1:
            raise KeyboardInterrupt
        return {"array": np.arange(3), "arrays": {"a": np.arange(3)}, "json": {"a": [0, 1, 2]}}[kind]

    with pytest.raises(KeyboardInterrupt):
        stored(path, measure)
    assert not path.exists()
    for _ in range(2):
        found = stored(path, measure)
        values = found if kind == "array" else found["a"]
        assert [*values] == [0, 1, 2]
    assert len(runs) == 2
    assert [*path.parent.iterdir()] == [path]


def test_intervals_are_students():
    values = np.random.default_rng(0).normal(size=12)
    low, high = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    assert common.interval(values) == pytest.approx((values.mean(), low, high))
    low, high = stats.t.interval(0.9, 11, values.mean(), stats.sem(values))
    assert common.half_width(values[:, None]) == pytest.approx([(high - low) / 2])
    assert np.isnan(common.half_width(values[:1, None])).all()
    columns = np.stack([values, values + 1], axis=1)
    assert common.compared(columns, ["other"]).endswith("(-1.000: -1.000 … -1.000)")


def test_bootstraps_draw_groups_as_a_whole():
    values, groups = np.array([1.0, 1, 1, 5]), np.array([0, 0, 0, 1])
    assert common.bootstrap(lambda rows: values[rows].mean(), groups) == (2.0, 1.0, 5.0)
    assert common.bootstrap(lambda rows: values[rows].mean(), 4)[0] == 2.0


def test_wrong_names_and_numbers_are_refused():
    assert common.names_among(["a", "b"])("b,a") == ["b", "a"]
    assert common.at_least(2)("2") == 2
    for kind, text in ((common.names_among(["a"]), "a,c"), (common.at_least(2), "1"), (common.at_least(2), "two")):
        with pytest.raises(argparse.ArgumentTypeError, match=text.rpartition(",")[2]):
            kind(text)


def test_the_cache_is_an_argument_of_scripts_that_keep_something(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert common.command("Measures.\n\nMore.", cache=True).parse_args([]).cache == tmp_path / "soart-benchmarks"
    parser = common.command("Measures.", n=5, best_of=0)
    assert vars(parser.parse_args(["-n", "2"])) == {"n": 2, "best_of": 0}
    with pytest.raises(SystemExit):
        parser.parse_args(["-n", "0"])


def test_progress_stays_on_one_line_of_standard_error(capsys):
    for number in (1, 2):
        common.progress(number, 2, "drawing")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "\rdrawing 1/2\rdrawing 2/2\n")
