"""Remembers which models on this machine the file of a project may name.

The file may come with a folder from someone else, and so may the model that it names. The answers lie in the user's own data
folder, where no project can write them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs

from ...errors import SoartError
from ...files import from_home, names_path, read_text, write_whole

log = logging.getLogger(__name__)


#: Judge whose argument is a file and perhaps, after a comma, a model.
HEADED = "aesthetic"


class UnansweredError(SoartError):
    """A local model that the file of a project names, and that the user has not allowed."""

    exit_code = 2


def answers_file() -> Path:
    """The file of the answers, which need not exist."""
    return platformdirs.user_data_path("soart") / "project-models.json"


def local_models(texts: Sequence[str], *, judges: bool) -> list[str]:
    """Files and folders among the models that a setting names, or among its ``judges`` as ``NAME[:ARGUMENT][=WEIGHT]``.

    >>> from soart.pipelines.support.project_models import local_models
    >>> local_models(["clip:./tower=0.5", "clip:a/b", "adherence"], judges=True)
    ['./tower']
    >>> local_models(["aesthetic:heads/v2,x/tower"], judges=True)
    ['heads/v2']
    """
    local: dict[str, None] = {}
    for text in texts:
        judge, _, argument = text.partition(":") if judges else ("", "", text)
        # A weight may be part of a name.
        for reading in (argument.rpartition("=")[0], argument) if judges else (argument,):
            head, _, tower = reading.partition(",") if judge.strip() == HEADED else ("", "", reading)
            # A head is always a file; whether it is there may change.
            local |= dict.fromkeys([head] if head else [])
            local |= dict.fromkeys([tower] if tower not in ("", "embedded") and names_path(tower) else [])
    return [name for name in local if not any(name.startswith(f"{other}=") for other in local)]


def allow(project: Path, model: str) -> None:
    """Remember that the file of a project may name a local model; a relative path begins at the current folder."""
    answers = _answers()
    if (pair := _pair(project, model)) not in answers:
        path = answers_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({"allowed": [*answers, pair]}, indent=1).encode(), private=True)


def check_allowed(project: Path, models: Sequence[str], ask: Callable[[str], bool] | None) -> None:
    """Ask, once for each local model, whether the file of a project may name it; UnansweredError if it may not.

    ``ask`` puts a question to the user and returns the answer; None where no one can answer.
    """
    for model in models:
        _, place = pair = _pair(project, model)
        if pair in _answers():
            continue
        if ask is None:
            raise UnansweredError(
                f"The settings {str(project)!r} name the local model {model!r}, which you have not allowed: run the command once "
                "at a terminal, or name the model on the command line or by soart config."
            )
        if not ask(f"The settings {str(project)!r} name the model {place!r}. Load it now and from now on?"):
            raise UnansweredError(f"The model {model!r} is not loaded: name another model on the command line.")
        try:
            allow(project, model)
        except OSError as error:
            log.warning("The answer cannot be remembered: %s.", error.strerror or error)


def _pair(project: Path, model: str) -> list[str]:
    """The file of a project and the model, as the answers hold them."""
    return [str(project.resolve()), str(from_home(model).resolve())]


def _answers() -> list[list[str]]:
    """Pairs of the file of a project and a model that it may name; none if the answers cannot be read."""
    try:
        allowed = json.loads(read_text(answers_file()))["allowed"]
        return [[str(project), str(model)] for project, model in allowed]
    except (OSError, LookupError, TypeError, ValueError, RecursionError):
        return []
