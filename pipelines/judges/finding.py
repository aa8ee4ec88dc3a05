"""Finds judges by name: built in, from the entry points of other packages, or as ``module:Class``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from numbers import Real
from typing import Any

from ...errors import JudgeError, SoartError, expect, first_line
from ...metrics.checks import HEAVIEST, is_weight
from ...metrics.protocols import PictureJudge
from ...threads import one_model_at_a_time
from ..scoring.profile_store import ProfileStore, profile_names
from ..support.judge_names import offered_judges
from ..support.wording import BIDI_CONTROLS, meant, same_name
from .built_in import BUILT_IN
from .guarded import GuardedJudge

#: Origin of the built-in judges.
SOART = "soart"
_NAME = re.compile(rf"[^\s@={BIDI_CONTROLS}](?:[^@=\r\n{BIDI_CONTROLS}]{{0,62}}[^\s@={BIDI_CONTROLS}])?")


@dataclass(frozen=True, slots=True)
class JudgeSource:
    """A judge that can be named.

    Attributes:
        name: as for ``--judge``; ``NAME:ARGUMENT`` if ``argument`` is not empty.
        origin: ``soart``, or the name and version of the package that offers it; empty for ``module:Class``.
        argument: the argument in words, such as ``HUB_ID|FOLDER``; empty if there is none, or it is not known.
        summary: one line; empty for judges of other packages.
        licence: a restriction of the usual weights; empty if there is none, or it is not known.
        missing: name of a package that it needs and that is not installed; empty if there is none, or it is not known.
    """

    name: str
    origin: str
    argument: str = ""
    summary: str = ""
    licence: str = ""
    missing: str = ""


def known_judges() -> list[JudgeSource]:
    """Every judge that can be named, the built-in ones first; none is loaded."""
    sources = [JudgeSource(name, SOART, b.argument, b.summary, b.licence, b.missing) for name, b in BUILT_IN.items()]
    for name, entry in sorted(offered_judges().items()):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "a package without a name"
        sources.append(JudgeSource(name, package))
    return sources


def source_of(text: str) -> JudgeSource:
    """The source of a judge that is named as for ``judge_named``; nothing is loaded.

    Raises:
        JudgeError: no judge of this name; whether ``module:Class`` exists is seen when it is loaded.
    """
    name, _, argument = text.strip().partition(":")
    if source := next((source for source in known_judges() if source.name == name), None):
        return source
    if not argument:
        raise _unknown(text)
    return JudgeSource(text.strip(), "")


def check_known(text: str) -> None:
    """Refuse a judge that others name if there is none, or if it would be code; nothing is loaded.

    Raises:
        JudgeError: no judge of this name, or ``module:Class``.
    """
    if not source_of(text).origin:
        raise _names_code(text)


def judge_named(text: str, *, known_only: bool = False) -> PictureJudge:
    """Load a judge: ``NAME`` or ``NAME:ARGUMENT`` of a known one, or ``module:Class``.

    A class or function is called with the argument if there is one; anything else is the judge itself.

    Args:
        text: the name.
        known_only: True to refuse ``module:Class``, for texts of others: it imports and calls any code.

    Raises:
        JudgeError: no judge of this name, one that cannot be loaded, or one that lacks a part of ``PictureJudge``.
    """
    name, colon, argument = text.strip().partition(":")
    try:
        if name in BUILT_IN:
            with one_model_at_a_time():
                judge = BUILT_IN[name].load(argument)
        elif entry := offered_judges().get(name):
            judge = _made(entry.load(), argument)
        elif colon and argument and known_only:
            raise _names_code(text)
        elif colon and argument:
            judge = _made(_from_module(name, argument), "")
        else:
            raise _unknown(text)
    except SoartError:
        raise
    # Loading runs code of others, which raises errors of any kind.
    except Exception as error:
        raise JudgeError(
            f"The judge {text!r} cannot be loaded: {type(error).__name__}: {first_line(error)}."
        ) from error
    return checked(judge, text)


def guarded_judges(named: Sequence[tuple[str, float]]) -> list[tuple[GuardedJudge, float]]:
    """Load judges by name and guard them, each with its weight.

    Raises:
        JudgeError: as for ``judge_named``; two judges of one name, or a negative weight.
    """
    judges = [(GuardedJudge(judge_named(name), named=name), weight) for name, weight in named]
    # In a tune even a judge of weight 0 has its use: it warns.
    check_weights(judges, beside=True)
    return judges


def check_weights(judges: Sequence[tuple[GuardedJudge, float]], *, beside: bool) -> None:
    """Refuse judges that cannot be used together.

    Args:
        judges: with their weights.
        beside: True if something else counts too, so that all weights may be 0.

    Raises:
        JudgeError: two judges of one name, or weights that are negative, or all 0 with nothing beside them.
    """
    names = [judge.stored_name for judge, _ in judges]
    weights = [weight for _, weight in judges]
    if twice := [judge.name for judge, _ in judges if names.count(judge.stored_name) > 1]:
        raise JudgeError(f"The judge {twice[0]!r} is named twice: name each judge once.")
    for weight in weights:
        expect("the weights of judges as numbers", weight, int, float, error=JudgeError)
    if not all(map(is_weight, weights)) or not (beside or any(weights)):
        raise JudgeError(
            f"Expected weights of judges from 0 to {HEAVIEST:,.0f}, one of them above 0 without a taste, got {weights}."
        )


def _names_code(text: str) -> JudgeError:
    return JudgeError(
        f"The judge {text!r} is not loaded because a workflow may not load code: register it as an entry point, see "
        "docs/judges.md."
    )


def _unknown(text: str) -> JudgeError:
    name, colon, argument = text.strip().partition(":")
    names, profiles = [source.name for source in known_judges()], profile_names(ProfileStore())
    # Only judges have arguments.
    near = meant(name, [*([] if colon else profiles), *names])
    if near in names:
        return JudgeError(f"There is no judge {text!r}: did you mean {near + colon + argument!r}?")
    if near and same_name(name, near):
        return JudgeError(
            f"There is no judge {text!r}, but there is such a taste or built-in score: write --taste {near} (in Python "
            f"taste={near!r})."
        )
    if near:
        return JudgeError(f"There is no judge {text!r}: did you mean --taste {near} (in Python taste={near!r})?")
    return JudgeError(f"There is no judge {text!r}: name one of {', '.join(names)}, or give module:Class.")


def _from_module(module: str, path: str) -> Any:  # noqa: ANN401
    try:
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        near = meant(module, (source.name for source in known_judges()))
        advice = f"did you mean {f'{near}:{path}'!r}?" if near else "install its package, or check the name."
        raise JudgeError(f"There is no judge '{module}:{path}' ({first_line(error)}): {advice}") from error
    return found


def _made(found: Any, argument: str) -> Any:  # noqa: ANN401
    factory: Callable[..., Any] | None = found if isinstance(found, type) or not hasattr(found, "judge") else None
    if factory is None:
        return found
    return factory(argument) if argument else factory()


def checked(judge: Any, text: str) -> PictureJudge:  # noqa: ANN401
    """Return a judge after checking its parts; ``text`` names it in messages.

    Raises:
        JudgeError: a part is missing or has a wrong value.
    """
    if isinstance(judge, type):
        raise JudgeError(
            f"Expected a judge, got the class {judge.__name__!r}: pass an object of it, {judge.__name__}()."
        )
    missing = [
        part
        for part in ("name", "version", "range", "higher_is_better", "needs_prompt", "judge")
        if not hasattr(judge, part)
    ]
    if missing:
        raise JudgeError(f"The judge {text!r} has no {missing[0]!r}: see docs/judges.md for what a judge needs.")
    wrong = ""
    if not (isinstance(judge.name, str) and _NAME.fullmatch(judge.name)):
        wrong = f"a name of 1 to 64 characters without '@' and '=', got {judge.name!r}"
    elif not (isinstance(judge.version, str) and judge.version):
        wrong = f"a version as text, got {judge.version!r}"
    elif not _is_range(judge.range):
        wrong = f"a range (smallest, largest), got {judge.range!r}"
    elif not (isinstance(judge.higher_is_better, bool) and isinstance(judge.needs_prompt, bool)):
        wrong = "True or False for higher_is_better and needs_prompt"
    elif not callable(judge.judge):
        wrong = "a method judge(pictures, prompts)"
    if wrong:
        raise JudgeError(f"The judge {text!r} is not usable: expected {wrong}.")
    checked_judge: PictureJudge = judge
    return checked_judge


def _is_range(value: object) -> bool:
    if not (isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(end, Real) for end in value)):
        return False
    low, high = float(value[0]), float(value[1])
    return not (math.isnan(low) or math.isnan(high)) and low < high
