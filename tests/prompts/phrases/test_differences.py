"""Words in which prompts differ."""

from hypothesis import given
from hypothesis import strategies as st

from soart.prompts.phrases.differences import mark_differences


def test_words_that_another_prompt_lacks_are_marked():
    first, second, third = mark_differences(["A boat, red", "a boat, blue", "Boat, a"])
    assert first == [("A boat, ", False), ("red", True)]
    assert second == [("a boat, ", False), ("blue", True)]
    assert third == [("Boat, a", False)]


def test_one_prompt_has_no_difference_and_an_empty_one_lacks_all():
    assert mark_differences(["a boat"]) == [[("a boat", False)]]
    assert mark_differences(["a boat", ""]) == [[("a boat", True)], []]
    assert mark_differences([]) == []


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_the_parts_are_the_prompts_and_equal_prompts_have_no_mark(prompts):
    marked = mark_differences(prompts)
    assert ["".join(text for text, _ in parts) for parts in marked] == prompts
    same = mark_differences([prompts[0]] * 3)
    assert not any(mark for parts in same for _, mark in parts)
