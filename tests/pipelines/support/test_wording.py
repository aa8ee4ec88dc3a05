import unicodedata

import pytest

from soart.errors import CollectionError
from soart.pipelines.support.wording import check_visible, counted, percent, printable


def test_one_thing_is_singular():
    assert [counted(n) for n in (0, 1, 2)] == ["0 pictures", "1 picture", "2 pictures"]
    assert [counted(n, "file") for n in (1, 5)] == ["1 file", "5 files"]


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 9, "0 %"), (9, 9, "100 %"), (2, 16, "12 %"), (4, 900, "0.4 %"), (1, 30_000, "0.003 %")],
)
def test_small_shares_are_not_none(part, whole, text):
    assert percent(part, whole) == text


#: U+061C, U+200E and U+200F have a direction of their own in Unicode's tables.
CONTROLS = {chr(c) for c in range(0x3000) if unicodedata.bidirectional(chr(c)) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}}  # fmt: skip


@pytest.mark.parametrize(
    "control", sorted(CONTROLS | {*"\u061c\u200b\u200e\u200f\u2060\0\n\x7f"}), ids=lambda c: f"{ord(c):04x}"
)
def test_names_that_look_like_others_are_refused(control):
    with pytest.raises(CollectionError, match=f"U\\+{ord(control):04X}"):
        check_visible(f"an{control}n")


@pytest.mark.parametrize("name", ["דנה", "سارة", "ann", "René", "小林", "a\u200db"])
def test_letters_of_every_script_are_fine(name):
    assert check_visible(name) == name


def test_what_steers_a_terminal_or_disguises_a_name_is_escaped():
    for character in (*CONTROLS, *"\u061c\u200e\u200f\0\x07\x1b\x7f\x9b\u2028\ud800\udce9"):
        for lines in (False, True):
            assert printable(f"a{character}b", lines=lines) == f"a{repr(character)[1:-1]}b"
    assert (printable("a\n\tb"), printable("a\n\tb", lines=True)) == ("a\\n\\tb", "a\n\tb")
    # Letters of every script, joined emoji, and spaces of typographers.
    for text in ("דנה", "سارة", "👩\u200d🚀", "12\xa0km"):
        assert printable(text) == text
