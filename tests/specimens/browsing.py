"""Steps of tests in a browser."""

import time

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import ratings


def until(true, seconds=240):
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return value


def stored(folder, rater="me"):
    with Collection(folder) as collection:
        return ratings(collection, rater)


def shown(page):
    return page.get_attribute("#picture", "data-id")


def press(page, key):
    """Press a key and wait for another picture."""
    before = shown(page)
    page.keyboard.press(key)
    page.wait_for_function("id => document.querySelector('#picture').dataset.id !== id", arg=before)
    return int(before)
