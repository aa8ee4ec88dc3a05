"""Questions to the hub about models."""

from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from soart.errors import ModelError
from soart.metrics.items.networks import SECONDS, check_on_hub

#: An answer of whatever client the library uses.
ANSWER = SimpleNamespace(headers={}, request=None)


@pytest.fixture
def hub(monkeypatch):
    """A hub that gives these answers in turn; an answer may be an error."""
    answers = []

    def model_info(name, timeout):
        assert timeout == SECONDS
        if isinstance(answer := answers.pop(0), Exception):
            raise answer
        return answer

    monkeypatch.setattr(huggingface_hub, "model_info", model_info)
    return answers


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RepositoryNotFoundError("none", response=ANSWER), "has no model 'some/body'"),
        (ConnectionError("no route to host"), r"cannot be reached \(.*no route to host\)"),
        (TimeoutError("timed out"), "cannot be reached"),
    ],
)
def test_a_model_that_is_nowhere_is_refused_after_one_question(hub, error, says):
    hub.append(error)
    with pytest.raises(ModelError, match=says) as caught:
        check_on_hub("some/body")
    assert str(caught.value).count("\n") == 0
    assert hub == []


def test_other_answers_are_left_to_the_library_that_loads(hub):
    hub += [object(), HfHubHTTPError("busy", response=ANSWER)]
    check_on_hub("some/body")
    check_on_hub("some/body")
    assert hub == []
    check_on_hub("neither an id nor a folder")


def test_models_of_the_cache_need_no_hub(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda name, file: f"/cache/{name}/{file}")
    check_on_hub("some/body", "model_index.json")
