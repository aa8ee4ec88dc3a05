import pytest

from soart.pipelines.support.wording import counted, percent


def test_one_thing_is_singular():
    assert [counted(n) for n in (0, 1, 2)] == ["0 pictures", "1 picture", "2 pictures"]
    assert [counted(n, "file") for n in (1, 5)] == ["1 file", "5 files"]


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 9, "0 %"), (9, 9, "100 %"), (2, 16, "12 %"), (4, 900, "0.4 %"), (1, 30_000, "0.003 %")],
)
def test_small_shares_are_not_none(part, whole, text):
    assert percent(part, whole) == text
