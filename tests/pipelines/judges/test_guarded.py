"""The guard of judges: errors, silences and strange values become sentences."""

import threading

import numpy as np
import pytest
from specimens.judging import Brightness

from soart.pipelines.judges.guarded import GuardedJudge, WithoutValue
from soart.pipelines.scoring.pictures import PicturesInMemory


def guard(answer, count=3, **options):
    class Odd(Brightness):
        def judge(self, pictures, prompts):
            return answer(pictures)

    judge = GuardedJudge(Odd(), **options)
    return judge, judge.values(PicturesInMemory({i: np.full((2, 2, 3), i, np.uint8) for i in range(count)}))


def test_nan_and_values_out_of_range_cost_themselves():
    judge, values = guard(lambda pictures: [0.5, float("nan"), 7.0, float("inf")], 4)
    assert values[0] == 0.5
    assert np.isnan(values[1:]).all()
    assert [s for s in judge.problems if s.endswith("gave 1 picture no value: it cannot tell; it is number 2.")]
    assert [s for s in judge.problems if s.endswith("gave 1 picture no value: it returned infinity; it is number 4.")]
    assert [s for s in judge.problems if "outside its scale 0 … 1, such as 7" in s]
    assert not judge.stopped


@pytest.mark.parametrize("answer", [[0.1], 0.5, None, "abc", [[0.1] * 3], ["a", "b", "c"]])
def test_other_answers_give_no_value(answer):
    judge, values = guard(lambda pictures: answer)
    assert np.isnan(values).all()
    assert "did not return one number a picture" in judge.problems[0]


def test_numbers_too_large_for_any_float_are_no_values():
    judge, values = guard(lambda pictures: [10**400] * 3)
    assert np.isnan(values).all()
    assert "gave 3 pictures no value" in judge.problems[0]


def test_an_error_costs_the_picture_that_causes_it():
    def answer(pictures):
        if any(picture.max() == 1 for picture in pictures):
            raise ValueError("boom")
        return [0.5] * len(pictures)

    judge, values = guard(answer)
    assert np.array_equal(np.isnan(values), [False, True, False])
    assert judge.problems == ["The judge 'brightness' gave 1 picture no value: ValueError: boom; it is number 2."]


def test_a_judge_that_always_fails_is_given_up():
    calls = []

    def answer(pictures):
        calls.append(len(pictures))
        raise SystemExit(3)

    judge, values = guard(answer)
    assert np.isnan(values).all()
    assert "is not used any more" in judge.stopped
    judge.values(PicturesInMemory({0: np.zeros((2, 2, 3), np.uint8)}))
    assert calls == [3, 1, 1, 1]


def test_a_judge_that_hangs_is_given_up():
    release = threading.Event()
    judge, values = guard(lambda pictures: release.wait(240) and [], seconds=0.05)
    release.set()
    assert np.isnan(values).all()
    assert "did not answer within 0.05 s" in judge.stopped


def test_ends_of_a_range_forgive_the_rounding_of_float32():
    _, values = guard(lambda pictures: [1 + 1e-7, -1e-7, 1.001])
    assert values[:2] == pytest.approx([1, 0], abs=1e-6)
    assert np.isnan(values[2])


def test_pictures_without_a_value_are_counted_and_the_first_three_named():
    four = WithoutValue.of([True, False, True, True, True], [f"number {n}" for n in range(1, 6)])
    assert (four.count, four.named) == (4, "; they are number 1, number 3, number 4 and 1 more")
    three = WithoutValue.of([True] * 3, ["c", "b", "a"])
    assert three.named == "; they are a, b, c"
    assert WithoutValue.of([True], ["a"]).named == "; it is a"
    assert WithoutValue.of([True, True], []).named == ""
    assert (WithoutValue.of([True], ["b"]) + WithoutValue.of([True], ["a"])) == WithoutValue(2, ("a", "b"))
