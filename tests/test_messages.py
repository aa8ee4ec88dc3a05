"""Messages: English sentences that keep their template and values wherever they go."""

import copy
import json
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from soart.errors import CollectionError, ItemsError, SoartError
from soart.messages import Message, from_json, joined, message, plural, to_json, with_values
from soart.metrics.tastes.within_groups import WithinGroups


def told(text):
    """A message as a tree of templates and values."""
    if not isinstance(text, Message):
        return text
    return (text.template, text.plural, text.number, {name: told(value) for name, value in text.values.items()})


def nested():
    files = plural("%(count)s file", "%(count)s files", 2)
    return joined([message("%(files)s moved, %(share)s %%.", files=files, share=0.5), "'a.png' is odd: 3 %(x)s."])


@pytest.mark.parametrize(
    ("text", "english"),
    [
        (message("all black"), "all black"),
        (message("Up to 3 %% of %(what)s", what="%(x)s 4 %"), "Up to 3 % of %(x)s 4 %"),
        (plural("%(count)s file", "%(count)s files", 1), "1 file"),
        (plural("%(count)s file", "%(count)s files", 0), "0 files"),
        (plural("%(count)s file", "%(count)s files", 2000, count="2,000"), "2,000 files"),
        (nested(), "2 files moved, 0.5 %. 'a.png' is odd: 3 %(x)s."),
        (joined(["", "a"], ", "), "a"),
        (joined([]), ""),
    ],
)
def test_a_message_is_its_template_filled_in(text, english):
    assert text == english
    template = text.plural if text.plural and text.number != 1 else text.template
    assert template % text.values == english
    assert json.loads(json.dumps({"text": text})) == {"text": english}


def identity(text):
    return text


@pytest.mark.parametrize(
    "carried",
    [
        lambda text: str(SoartError(text)),
        lambda text: str(pickle.loads(pickle.dumps(ItemsError(text)))),  # noqa: S301
        lambda text: pickle.loads(pickle.dumps(text)),  # noqa: S301
        copy.deepcopy,
        lambda text: from_json(json.loads(json.dumps(to_json(text)))),
        lambda text: ThreadPoolExecutor(1).submit(identity, text).result(),
    ],
)
def test_a_message_stays_one_on_its_ways(carried):
    assert told(carried(nested())) == told(nested())


def test_a_message_comes_whole_from_another_process():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        sentence = pool.apply(WithinGroups.sentence, (WithinGroups(pairs=1, groups=1),))
    assert told(sentence) == told(WithinGroups(pairs=1, groups=1).sentence())
    assert sentence.values["counted"].values["pairs"].plural == "%(count)s pairs"


def test_an_error_with_values_has_a_message():
    error = CollectionError("There is no folder %(folder)s: 3 %% are gone.", folder="'a'")
    assert told(str(error)) == ("There is no folder %(folder)s: 3 %% are gone.", "", 1, {"folder": "'a'"})
    # A sentence without values is no template.
    assert str(SoartError("3 %(x)s")) == "3 %(x)s"
    assert (str(SoartError()), SoartError("a", 2).args) == ("", ("a", 2))
    with pytest.raises(KeyError):
        SoartError("There is no folder %(folder)s.", other="a")


def test_values_change_without_the_words_around_them():
    changed = with_values(nested(), lambda text: text.replace("file", "x").replace("a.png", "b.png"))
    assert changed == "2 files moved, 0.5 %. 'b.png' is odd: 3 %(x)s."
    assert told(with_values(nested(), identity)) == told(nested())
    assert with_values("a.png", str.upper) == "A.PNG"


@pytest.mark.parametrize("value", [None, 3, [], ["a"], ["a", [], "", 1], ["%(x)s", {}, "", 1]])
def test_other_values_than_texts_are_refused(value):
    with pytest.raises((TypeError, ValueError, KeyError, AttributeError)):
        from_json(value)
