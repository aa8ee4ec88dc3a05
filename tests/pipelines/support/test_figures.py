"""Numbers as people read them, alone and beside others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soart.pipelines.support.figures import figures


@pytest.mark.parametrize(
    ("values", "digits", "sign", "texts"),
    [
        ([49.0, 48.31, 9.5], 3, "", ["49.0", "48.3", "9.5"]),
        ([4, 5, 3], 3, "", ["4", "5", "3"]),
        ([4, 5, 3.5], 3, "", ["4.0", "5.0", "3.5"]),
        ([102.4, 48.3, 20], 3, "", ["102.4", "48.3", "20.0"]),
        ([0.5, -0.25, -0.001], 2, "+", ["+0.50", "−0.25", "+0.00"]),
        ([float("nan"), 2.5, float("inf")], 3, "", ["–", "2.5", "–"]),
        ([0.0, 0.0], 3, "", ["0", "0"]),
        ([1234567.0, 2345678.9], 3, "", ["1234567", "2345679"]),
        ([], 3, "", []),
        ([0.004, 50.0, 60.0], 3, "", ["0", "50", "60"]),
        ([0.004, 0.9], 3, "", ["0.004", "0.900"]),
    ],
)
def test_figures_that_stand_together(values, digits, sign, texts):
    assert figures(values, digits, sign) == texts


def test_the_largest_numbers_stand_together_too():
    assert [len(text) for text in figures([1.7e308, 1.6e308])] == [309, 309]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_figures_that_stand_together_have_as_many_decimals(values):
    assert len({len(text.partition(".")[2]) for text in figures(values)}) == 1
