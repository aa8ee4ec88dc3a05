"""Every judge that can be named here keeps what is promised of all judges, and judges that do not are found."""

import numpy as np
import pytest
from specimens.judging import Brightness

from soart.errors import JudgeError
from soart.metrics.image import read_image
from soart.metrics.protocols import Reason, Values
from soart.pipelines.demo import SAMPLES
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.support.judge_names import names_alone
from soart.testing import check_judge

NOWHERE = TasteStore("nowhere")


@pytest.mark.parametrize("name", names_alone([]))
def test_every_judge_that_needs_no_argument_keeps_the_promises(name):
    # The drawn pictures have no faces.
    faces = {n: read_image(path).pixels for n, path in enumerate(sorted(SAMPLES.glob("portrait-*")))}
    check_judge(Catalogue(NOWHERE).judge(name), faces if name == "faces" else None)


class Broken(Brightness):
    def __init__(self, change, **parts):
        super().__init__()
        self.change, self.calls = change, 0
        for name, value in parts.items():
            setattr(self, name, value)

    def values(self, pictures):
        self.calls += 1
        return self.change(np.array(super().values(pictures)), self, pictures)


def spoil(values, judge, pictures):
    for pixels in pictures._pictures.values():
        pixels[0, 0] = 9
    return values


def fail_on_black(values, judge, pictures):
    if (values == 0).any():
        raise ZeroDivisionError("division by zero")
    return values


def fail_on_tiny(values, judge, pictures):
    if min(min(size) for size in pictures.sizes()) < 16:
        raise ValueError("too small")
    return values


BROKEN = {
    "gives none of the pictures a value": (lambda v, j, p: v * np.nan, {}),
    "outside its scale": (lambda v, j, p: 9 + v, {}),
    "of shape": (lambda v, j, p: v[:-1], {}),
    "infinity": (lambda v, j, p: v / 0.0, {}),
    "when others are beside it": (lambda v, j, p: v - v.min(), {}),
    "in another order": (lambda v, j, p: v / (2 if p.ids[0] > p.ids[-1] else 1), {}),
    "when it is asked again": (lambda v, j, p: v / (1 if j.calls < 7 else 2), {}),
    "changes the pictures": (spoil, {}),
    "fails on a black picture": (fail_on_black, {}),
    "fails on a tiny picture": (fail_on_tiny, {}),
    "one list of reasons": (lambda v, j, p: v, {"reasons": lambda pictures, among: [[Reason("bright", 1.0)]]}),
    "expected a version": (lambda v, j, p: v, {"version": 3}),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_promise_is_named(what):
    change, parts = BROKEN[what]
    with np.errstate(divide="ignore"), pytest.raises(JudgeError, match=what):
        check_judge(Broken(change, **parts))


def test_a_judge_may_say_nothing_of_some_pictures():
    check_judge(
        Broken(lambda v, j, p: Values(np.where(v > 0.5, np.nan, v), ["bright" if one > 0.5 else "" for one in v]))
    )


def test_a_class_is_no_judge():
    with pytest.raises(JudgeError, match="pass an object of it"):
        check_judge(Brightness)
    with pytest.raises(JudgeError, match="at least two pictures"):
        check_judge(Brightness(), {0: np.zeros((9, 9, 3), np.uint8)})
