import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg  # noqa: F401
from threadpoolctl import threadpool_info, threadpool_limits

from soart.prompts.rating_model import model
from soart.threads import import_whole, one_blas_thread


def threads():
    """Of the libraries of NumPy and SciPy, which the rating model uses; other tests may have brought others."""
    return {
        one["num_threads"] for one in threadpool_info() if {"numpy.libs", "scipy.libs"} & {*Path(one["filepath"]).parts}
    }


@pytest.fixture(autouse=True)
def three_threads():
    with threadpool_limits(3, user_api="blas"):
        yield
        assert threads() == {3}


def test_limits_nest_and_end_with_an_error():
    def fail():
        with one_blas_thread(), one_blas_thread():
            raise ZeroDivisionError

    with one_blas_thread():
        with pytest.raises(ZeroDivisionError):
            fail()
        assert threads() == {1}


def test_the_rating_model_learns_in_one_thread(monkeypatch):
    seen = []

    def maximise(*arguments):
        seen.append(threads())
        return usual(*arguments)

    usual = model.maximise
    monkeypatch.setattr(model, "maximise", maximise)
    model.RatingModel([3, 3]).fit(np.array([[0, 1], [2, 2]]), [1.0, 2.0])
    assert seen == [{1}]


#: As transformers and diffusers do it: the module that is complete is another one.
REPLACES_ITSELF = """
import sys, time, types
sys.modules["begun"] = types.ModuleType("begun")
time.sleep(0.3)
whole = types.ModuleType(__name__)
whole.part = 42
sys.modules[__name__] = whole
"""


def test_a_module_that_another_thread_imports_is_waited_for(tmp_path, monkeypatch):
    (tmp_path / "replaces_itself.py").write_text(REPLACES_ITSELF)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("begun", "replaces_itself"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    def part():
        import_whole("replaces_itself")
        from replaces_itself import part

        return part

    def later():
        while "begun" not in sys.modules:
            pass
        return part()

    with ThreadPoolExecutor(2) as pool:
        parts = [pool.submit(run) for run in (part, later)]
        assert [one.result() for one in parts] == [42, 42]
