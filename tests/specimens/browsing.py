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


class Held:
    """The next request of a page to an address, which waits until it is let go on; those that follow do not wait.

    Args:
        page: the page.
        pattern: of the address.
        method: of HTTP.
        answered: True to have the server answer at once, with the answer held back.
    """

    def __init__(self, page, pattern, method="GET", *, answered=False):
        self.page, self._answered, self._route, self._answer, self._ended = page, answered, None, None, []

        def hold(route):
            if self._route is not None or route.request.method != method:
                route.fallback()
                return
            self._route = route
            self._answer = route.fetch() if answered else None

        page.route(pattern, hold)
        # One that the page gives up fails.
        for event in ("requestfinished", "requestfailed"):
            page.on(event, lambda request: self._ended.append(request))

    def wait(self):
        """Wait until it is held."""
        until(lambda: self.page.wait_for_timeout(20) or (self._answer if self._answered else self._route))

    def release(self):
        """Let it go on, and wait until the page has its answer."""
        if self._route.request not in self._ended:
            self._route.continue_() if self._answer is None else self._route.fulfill(response=self._answer)
            until(lambda: self.page.wait_for_timeout(20) or self._route.request in self._ended)
        # The page acts on it before it has the answer to a later request.
        self.page.evaluate("async () => { await (await fetch('/static/icon.svg', { cache: 'no-store' })).text(); }")


def count_backs(page):
    """Count the page's steps in its history from now on, after the page has acted on each."""
    page.evaluate("() => { window.backs = 0; addEventListener('popstate', () => window.backs++); }")


def wait_for_back(page, count=1):
    page.wait_for_function("count => window.backs >= count", arg=count)


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
