"""Lists the judges that can be named, with what a user should know of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import SoartError
from ..scoring.taste_judge import TasteJudge
from ..support.judge_names import SCORES
from .finding import SOART, Tastes, known_judges


@dataclass(frozen=True, slots=True)
class ListedJudge:
    """A judge that can be named.

    Attributes:
        usage: the name with its argument in words, in brackets if it may be left out.
        kind: ``built in``, ``taste``, ``model``, or the package that offers it.
        notes: sentences: the doubt of a taste, the licence of a model, or a package that is missing.
    """

    name: str
    usage: str
    kind: str
    summary: str = ""
    notes: Sequence[str] = ()


def listed_judges(tastes: Tastes) -> list[ListedJudge]:
    """Every judge that can be named: the built-in ones, tastes, models, and those of other packages; no model is loaded."""
    built_in, models = [], []
    for source in known_judges():
        notes = [source.licence] if source.licence else []
        if source.missing:
            notes.append(f"not installed: pip install {source.missing}")
        if source.origin != SOART:
            models.append(ListedJudge(source.name, source.usage, source.origin))
        elif source.name in SCORES:
            built_in.append(ListedJudge(source.name, source.usage, "built in", source.summary, notes))
        else:
            models.append(ListedJudge(source.name, source.usage, "model", source.summary, notes))
    return [*built_in, *(_taste(name, tastes) for name in tastes.names()), *models]


def _taste(name: str, tastes: Tastes) -> ListedJudge:
    try:
        taste = TasteJudge.of(tastes.load(name))
    except SoartError as error:
        return ListedJudge(name, name, "taste", "", [str(error)])
    doubt, trust = taste.doubt(), taste.taste.trust
    # The doubt repeats the sentence.
    return ListedJudge(name, name, "taste", "" if trust.useless else trust.sentence, [doubt] if doubt else [])
