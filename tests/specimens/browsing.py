"""Steps of tests in a browser."""

import json

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import ratings

#: Run in a page: hold its next request that fits, and let those that follow pass.
HOLD = """([pattern, method, answered]) => {
    const send = window.fetch;
    const held = (window.held = { waits: false });
    const released = new Promise((resolve) => (held.release = resolve));
    held.over = new Promise((resolve) => (held.end = resolve));
    let taken = false;
    const answer = async (address, options) => {
        const response = await send(address, options);
        return new Response((await response.text()) || null, response);
    };
    window.fetch = async (address, options = {}) => {
        if (taken || (options.method ?? "GET") !== method || !new RegExp(pattern).test(address)) return send(address, options);
        taken = true;
        try {
            const early = answered && (await answer(address, options));
            const { signal } = options;
            const given_up = new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
            held.waits = true;
            await Promise.race([released, given_up]);
            return early || (await answer(address, options));
        } finally {
            held.end();
        }
    };
}"""


class Held:
    """The next request of a page to an address by a regular expression, which waits; ``answered`` holds back the answer."""

    def __init__(self, page, pattern, method="GET", *, answered=False):
        self.page = page
        hold = f"({HOLD})({json.dumps([pattern, method, answered])})"
        page.evaluate(hold)
        # Also the page that is opened next.
        page.add_init_script(hold)

    def wait(self):
        """Wait until it is held."""
        self.page.wait_for_function("() => window.held.waits")

    def release(self):
        """Let it go on, and wait until the page has its answer."""
        self.page.evaluate("async () => { held.release(); await held.over; }")
        round_trip(self.page)


def round_trip(page):
    """Wait until the page has the answer to a later request: it has acted on earlier ones, and sent those it will."""
    page.evaluate("async () => { await (await fetch('/static/icon.svg', { cache: 'no-store' })).text(); }")


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
    # Between two pictures there is none while the next ones are fetched, and at the end none any more.
    page.wait_for_function(
        "id => (document.querySelector('#picture').dataset.id ?? (document.querySelector('#done').hidden ? id : '')) !== id",
        arg=before,
    )
    return int(before)
