from pathlib import Path

import numpy as np
import pytest
import scipy.linalg  # noqa: F401
from threadpoolctl import threadpool_info, threadpool_limits

from soart.prompts.rating_model import model
from soart.threads import one_blas_thread


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
