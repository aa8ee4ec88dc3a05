"""Finds judges by name: built in, tastes, models, people, judges of other packages, and ``module:Class``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ...errors import JudgeError, SoartError, expect, first_line
from ...metrics.checks import HEAVIEST, is_weight
from ...metrics.damage.names import OVERALL, PERSON
from ...metrics.damage.technical import TechnicalJudge
from ...metrics.items.combined import CombinedExtractor, ItemKind, taste_extractor
from ...metrics.protocols import NEEDS, Judge, Measurer
from ...threads import one_model_at_a_time
from ..scoring.rated_tastes import tastes_at_hand
from ..scoring.taste_store import check_unambiguous
from ..support.judge_names import offered_judges
from ..support.wording import BIDI_CONTROLS, meant
from .built_in import BUILT_IN
from .guarded import GuardedJudge
from .people import Person

if TYPE_CHECKING:
    from ...metrics.tastes.blend import Taste

#: What a caller of the Python API may name as judges. The keys of a mapping are names and judges; ``Any``, because the
#: keys of a ``Mapping`` are invariant.
By: TypeAlias = (
    "str | Judge | Taste | GuardedJudge | Sequence[str | Judge | Taste | GuardedJudge] | Mapping[Any, float] | None"
)


#: A judge with its weight.
Weighted: TypeAlias = tuple[GuardedJudge, float]


class Tastes(Protocol):
    """Tastes by name: the user's, or those of a collection and the user's."""

    def names(self) -> list[str]:
        """Names of all tastes."""

    def path(self, name: str, /) -> Path:
        """The file of a taste."""

    def load(self, name: str, /) -> Taste:
        """Read a taste."""


#: Origin of the built-in judges.
SOART = "soart"
_NAME = re.compile(rf"[^\s@={BIDI_CONTROLS}](?:[^@=\r\n{BIDI_CONTROLS}]{{0,62}}[^\s@={BIDI_CONTROLS}])?")


@dataclass(frozen=True, slots=True)
class JudgeSource:
    """A judge that can be named.

    Attributes:
        name: as for ``--by``; ``NAME:ARGUMENT`` if it takes an argument.
        origin: ``soart``, or the name and version of the package that offers it; empty for ``module:Class``.
        argument: the argument in words, such as ``HUB_ID|FOLDER``; empty if there is none, or it is not known.
        default: the argument that is taken if none is given; empty if one has to be given.
        summary: one line; empty for judges of other packages.
        licence: a restriction of the usual weights; empty if there is none, or it is not known.
        missing: name of a package that it needs and that is not installed; empty if there is none, or it is not known.
    """

    name: str
    origin: str
    argument: str = ""
    default: str = ""
    summary: str = ""
    licence: str = ""
    missing: str = ""

    @property
    def usage(self) -> str:
        """Its name with its argument, in brackets if that may be left out."""
        if not self.argument:
            return self.name
        return f"{self.name}[:{self.argument}]" if self.default else f"{self.name}:{self.argument}"


def known_judges() -> list[JudgeSource]:
    """Every judge that can be named but tastes and people, the built-in ones first; none is loaded."""
    sources = [
        JudgeSource(name, SOART, b.argument, b.default, b.summary, b.licence, b.missing) for name, b in BUILT_IN.items()
    ]
    for name, entry in sorted(offered_judges().items()):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "a package without a name"
        sources.append(JudgeSource(name, package))
    return sources


def source_of(text: str) -> JudgeSource:
    """The source of a judge that is named as for ``judge_named``; nothing is loaded."""
    name, _, argument = text.strip().partition(":")
    if source := next((source for source in known_judges() if source.name == name), None):
        return source
    if not argument:
        raise _unknown(text, tastes_at_hand())
    return JudgeSource(text.strip(), "")


def check_known(text: str) -> None:
    """Refuse a judge that others name if there is none, or if it would be code; nothing is loaded."""
    if not source_of(text).origin:
        raise _names_code(text)


def check_named(text: str, tastes: Tastes | None = None) -> None:
    """Refuse a name that means no judge, or a taste that cannot be used; no model is loaded."""
    tastes = tastes_at_hand() if tastes is None else tastes
    if text in tastes.names():
        _taste(text, tastes)
    elif not text.startswith(PERSON):
        try:
            source_of(text)
        except JudgeError:
            raise _unknown(text, tastes) from None


def judge_named(text: str, tastes: Tastes | None = None, *, known_only: bool = False) -> Judge:
    """Load a judge.

    A name means, in this order, a built-in judge, a taste, a model, or a judge of another package. ``person:NAME`` is a
    person, ``NAME:ARGUMENT`` a model, and ``module:Class`` Python code: a class or function is called, anything else is the
    judge itself. With ``known_only`` it refuses ``module:Class``, which imports and calls any code.
    """
    tastes = tastes_at_hand() if tastes is None else tastes
    name, colon, argument = text.strip().partition(":")
    if not colon and name in tastes.names():
        return _taste(name, tastes)
    try:
        if name in BUILT_IN:
            with one_model_at_a_time():
                judge = BUILT_IN[name].load(argument)
        elif f"{name}:" == PERSON and argument.strip():
            judge = Person(argument.strip())
        elif entry := offered_judges().get(name):
            judge = _made(entry.load(), argument)
        elif colon and argument and known_only:
            raise _names_code(text)
        elif colon and argument:
            judge = _made(_from_module(name, argument), "")
        else:
            raise _unknown(text, tastes)
    except SoartError:
        raise
    # Loading runs code of others, which raises errors of any kind.
    except Exception as error:
        raise JudgeError(
            f"The judge {text!r} cannot be loaded: {type(error).__name__}: {first_line(error)}."
        ) from error
    return checked(judge, text)


def _taste(name: str, tastes: Tastes) -> Judge:
    check_unambiguous(name, tastes.path(name))
    # Tastes need scikit-learn, which a ranking without them need not wait for.
    from ..scoring.taste_judge import TasteJudge

    return TasteJudge.of(tastes.load(name))


def guarded(judge: str | Judge | Taste | GuardedJudge, tastes: Tastes | None = None) -> GuardedJudge:
    """A judge, a taste, or the judge of a name, guarded; one that is guarded stays as it is."""
    if isinstance(judge, GuardedJudge):
        return judge
    if isinstance(judge, str):
        return GuardedJudge(judge_named(judge, tastes), named=judge)
    from ...metrics.tastes.blend import Blend
    from ...metrics.tastes.taste import LearntTaste
    from ..scoring.taste_judge import TasteJudge

    if isinstance(judge, LearntTaste | Blend):
        return GuardedJudge(TasteJudge.of(judge))
    return GuardedJudge(checked(judge, type(judge).__name__))


def judges_for(
    by: By = None, tastes: Tastes | None = None, *, counted_beside: bool = False
) -> list[tuple[GuardedJudge, float]]:
    """The judges that a caller names, guarded, each with its weight.

    With ``counted_beside`` something else counts too, so that all weights may be 0.
    """
    if by is None or (isinstance(by, Sequence | Mapping) and not by):
        by = OVERALL
    if isinstance(by, Mapping):
        weights = [*by.items()]
    else:
        weights = [(one, 1.0) for one in ([by] if isinstance(by, str) or not isinstance(by, Sequence) else by)]
    for _, weight in weights:
        expect("the weights of judges as numbers", weight, int, float, error=JudgeError)
    judges = [(guarded(one, tastes), float(weight)) for one, weight in weights]
    check_weights(judges, counted_beside=counted_beside)
    return judges


def measurer_of(judges: Sequence[tuple[GuardedJudge, float]]) -> Measurer:
    """Names the items that pictures are measured by for some judges: those of the first one that needs soart's own.

    Without such a judge they are those of the technical score, which tell pictures that cannot be judged.
    """
    own = (judge.inner for judge, _ in judges if isinstance(judge.extractor, CombinedExtractor))
    measurer: Measurer = next(own, None) or TechnicalJudge.load()  # type: ignore[assignment]
    return measurer


def kinds_of(judges: Sequence[tuple[GuardedJudge, float]]) -> list[ItemKind]:
    """Kinds of items that other processes can measure for some judges beside those that every picture has."""
    kinds = {kind for judge, _ in judges for kind in getattr(judge.inner, "kinds", ())}
    return sorted(kind for kind in kinds if kind.version != taste_extractor().version)


def doubts_of(judges: Iterable[tuple[GuardedJudge, float]]) -> list[str]:
    """Sentences that belong beside the values of judges: one for each taste that cannot be relied on yet."""
    return [judge.doubt for judge, _ in judges if judge.doubt]


def check_weights(judges: Sequence[tuple[GuardedJudge, float]], *, counted_beside: bool = False) -> None:
    """Refuse judges that cannot be used together."""
    names = [judge.stored_name for judge, _ in judges]
    weights = [weight for _, weight in judges]
    if twice := [judge.name for judge, _ in judges if names.count(judge.stored_name) > 1]:
        raise JudgeError(f"The judge {twice[0]!r} is named twice: name each judge once.")
    if not all(map(is_weight, weights)) or not (counted_beside or any(weights)):
        raise JudgeError(f"Expected weights of judges from 0 to {HEAVIEST:,.0f}, one of them above 0, got {weights}.")


def _names_code(text: str) -> JudgeError:
    return JudgeError(
        f"The judge {text!r} is not loaded because a workflow may not load code: register it as an entry point, see "
        "docs/judges.md."
    )


def _unknown(text: str, tastes: Tastes) -> JudgeError:
    name, colon, argument = text.strip().partition(":")
    names = [source.name for source in known_judges()]
    # A taste has no argument.
    near = meant(name, names if colon else [*tastes.names(), *names])
    if near:
        return JudgeError(f"There is no judge {text!r}: did you mean {near + colon + argument!r}?")
    learnt = ", ".join(tastes.names())
    own = f"tastes: {learnt}" if learnt else "you have no taste yet, soart start FOLDER learns one"
    return JudgeError(
        f"There is no judge {text!r}: name one of {', '.join(names)}; {own}; or person:NAME, or module:Class."
    )


def _from_module(module: str, path: str) -> Any:  # noqa: ANN401
    try:
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        near = meant(module, (source.name for source in known_judges()))
        if near:
            advice = f"did you mean {f'{near}:{path}'!r}?"
        elif isinstance(error, AttributeError):
            advice = "check the name of the class."
        else:
            advice = "install its package, check the name, or set PYTHONPATH to its folder."
        raise JudgeError(f"There is no judge '{module}:{path}' ({first_line(error)}): {advice}") from error
    return found


def _made(found: Any, argument: str) -> Any:  # noqa: ANN401
    factory: Callable[..., Any] | None = found if isinstance(found, type) or not hasattr(found, "values") else None
    if factory is None:
        return found
    return factory(argument) if argument else factory()


def checked(judge: Any, text: str) -> Judge:  # noqa: ANN401
    """Return a judge after checking its parts; ``text`` names it in messages."""
    if isinstance(judge, type):
        raise JudgeError(
            f"Expected a judge, got the class {judge.__name__!r}: pass an object of it, {judge.__name__}()."
        )
    missing = [part for part in ("name", "version", "scale", "needs", "values") if not hasattr(judge, part)]
    if missing:
        raise JudgeError(f"The judge {text!r} has no {missing[0]!r}: see docs/judges.md for what a judge needs.")
    wrong = ""
    if not (isinstance(judge.name, str) and _NAME.fullmatch(judge.name)):
        wrong = f"a name of 1 to 64 characters without '@' and '=', got {judge.name!r}"
    elif not (isinstance(judge.version, str) and judge.version):
        wrong = f"a version as text, got {judge.version!r}"
    elif not _is_scale(judge.scale):
        wrong = f"a scale (lowest, highest, unit), got {judge.scale!r}"
    elif isinstance(judge.needs, str) or not {*judge.needs} <= {*NEEDS}:
        wrong = f"needs as some of {', '.join(NEEDS)}, got {judge.needs!r}"
    elif "items" in judge.needs and not hasattr(judge, "extractor"):
        wrong = "an extractor, because it needs items"
    elif not callable(judge.values):
        wrong = "a method values(pictures)"
    if wrong:
        raise JudgeError(f"The judge {text!r} is not usable: expected {wrong}.")
    checked_judge: Judge = judge
    return checked_judge


def _is_scale(value: object) -> bool:
    if not (isinstance(value, tuple | list) and len(value) in (2, 3) and all(isinstance(x, Real) for x in value[:2])):
        return False
    low, high = float(value[0]), float(value[1])
    return not (math.isnan(low) or math.isnan(high)) and low < high and isinstance([*value, ""][2], str)
