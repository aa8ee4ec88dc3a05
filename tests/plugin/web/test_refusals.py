"""Requests that are refused in one sentence, and times of pages."""

import datetime as dt

import pytest
from specimens.time_zones import local_time

from soart.plugin.web.answers import _templates

#: Requests that are refused, each with the beginning of its message.
REFUSED = [
    ("/ids?low=x", None, "Expected a percentile 0–100, got 'x'"),
    ("/ids?low=90&high=9", None, "Expected percentiles within 0…100, got 90 to 9"),
    ("/ids?since=yesterday", None, "Expected a day such as 2026-01-31, got 'yesterday'"),
    ("/ids?shown=yes", None, "No picture of this collection has been judged by adherence yet"),
    (f"/ids?words={'+'.join('abcdefghijklmnopqrstuvwxyz' * 3)}", None, "Expected at most "),
    ("/evaluate/move", {"plan": "x"}, "Choose what to move away."),
    ("/evaluate/undo", {"name": "x.json"}, "There is nothing to undo under this name any more"),
    ("/generate", {"prompt": " "}, "Name a prompt to draw"),
    ("/generate", {"prompt": "a boat", "count": 0}, "Expected 1 to "),
    ("/generate", {"prompt": "a boat", "seed": "x"}, "Expected a whole number as a seed, got 'x'"),
    ("/jobs/cancel", {"job": 999}, "This job has already ended."),
    ("/score", {"by": "judge:x"}, "This judge is a model"),
    ("/selection/label", {"images": []}, "Select at least one picture."),
    ("/tune/start", {"prompt": ""}, "Name a prompt to tune"),
    ("/tune/reopen", {"key": "x"}, "This tune is not among the earlier ones"),
]


@pytest.fixture(scope="module")
def visitor(visit_once, things):
    return visit_once(things)


@pytest.mark.parametrize(("path", "body", "message"), REFUSED, ids=[message for _, _, message in REFUSED])
def test_requests_are_refused_in_a_sentence(visitor, path, body, message):
    if body is None:
        answer = visitor.client.get(f"/c/0/api{path}")
    else:
        answer = visitor.post(f"/c/0/api{path}", {"rater": "me"} | body)
    assert answer.status_code >= 400
    assert answer.json()["error"].startswith(message)


def test_times_are_those_of_the_server_with_the_moment_for_scripts():
    time = dt.datetime(2026, 1, 31, 23, 5, tzinfo=dt.UTC)
    moment = '<time datetime="2026-01-31T23:05:00Z" data-form='
    with local_time("Europe/Berlin"):
        assert _templates.filters["minute"](time) == f'{moment}"YYYY-MM-DD hh:mm">2026-02-01 00:05</time>'
        assert _templates.filters["day"](time) == f'{moment}"YYYY-MM-DD">2026-02-01</time>'
