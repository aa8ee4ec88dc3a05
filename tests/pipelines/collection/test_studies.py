"""Tuned spaces and their choices, as a collection keeps them."""

import pytest

from soart.pipelines.collection.studies import (
    choices_by_space,
    drawn_pictures,
    last_tuned_space,
    store_choice_previews,
    store_choices,
)
from soart.pipelines.collection.tables import ChoiceRow, SpaceRow


def choice(space, key, number, model="m"):
    return ChoiceRow(
        fingerprint=space, request_key=key, number=number, batch=number // 2, options="[0]", context="{}", seed=number,
        model=model,
    )  # fmt: skip


@pytest.fixture
def tuned(collection, make_drawn):
    """Two spaces; of the first one two of four choices are drawn, the later one first."""
    drawn = [make_drawn(seed) for seed in range(3)]
    rows = collection.add_drawn(drawn, "m", "s")
    keys = [one.request.key("m") for one in drawn]
    store_choices(
        collection,
        SpaceRow(fingerprint="a", text="first"),
        [choice("a", keys[1], 1), choice("a", keys[0], 0), choice("a", "later", 2)],
    )
    store_choices(
        collection, SpaceRow(fingerprint="b", text="second"), [choice("b", keys[2], 0), choice("b", "x", 1, "other")]
    )
    return collection, [row.id for row in rows]


def test_choices_come_in_their_order_with_their_pictures(tuned):
    collection, ids = tuned
    first, second = choices_by_space(collection, "m")
    assert (first.fingerprint, first.text, second.text) == ("a", "first", "second")
    shown = [(row.number, image and image.id) for row, image in first.choices]
    assert shown == [(0, ids[0]), (1, ids[1]), (2, None)]
    assert [image.id for _, image in second.choices] == [ids[2]]
    assert [len(space.choices) for space in choices_by_space(collection, "other")] == [0, 1]
    assert drawn_pictures(collection, ["a"]) == [(ids[0], 0), (ids[1], 0)]
    assert drawn_pictures(collection, ["a", "b"]) == [(ids[0], 0), (ids[2], 0), (ids[1], 0)]
    assert drawn_pictures(collection, []) == []


def test_the_last_tuned_space_is_that_of_the_last_choice(tuned):
    collection, _ = tuned
    assert last_tuned_space(collection).text == "second"
    store_choices(collection, SpaceRow(fingerprint="a", text="first again"), [choice("a", "latest", 3)])
    assert last_tuned_space(collection).text == "first again"


def test_nothing_was_tuned(collection):
    assert last_tuned_space(collection) is None
    assert choices_by_space(collection, "m") == []


def test_previews_are_stored_with_their_choices(tuned):
    collection, _ = tuned
    store_choice_previews(collection, "a", {"later": ({"0.5": {"technical-9": 31.5}}, True)})
    first, _ = choices_by_space(collection, "m")
    assert [(row.previews, row.dropped) for row, _ in first.choices] == [
        ("{}", False), ("{}", False), ('{"0.5": {"technical-9": 31.5}}', True),
    ]  # fmt: skip


def test_choices_with_loras_need_all_of_them(tuned):
    collection, _ = tuned
    store_choices(collection, SpaceRow(fingerprint="a", text="first"), [choice("a", "l", 3, "m+lora:ink@1:0.5")])
    assert len(choices_by_space(collection, "m")[0].choices) == 3
