"""The catalogue of judges: everything that can be named, what a name means, and who may name what."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cached_property
from importlib import import_module
from numbers import Real
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from ...errors import JudgeError, SoartError, first_line
from ...metrics.damage.names import JUDGE, PERSON
from ...metrics.damage.titles import Kind, shared_name
from ...metrics.protocols import NEEDS, Judge
from ...threads import one_model_at_a_time
from ..scoring.opinions import Person
from ..scoring.rated_tastes import tastes_at_hand
from ..scoring.taste_store import built_in_judge, check_unambiguous
from ..support.file_stamps import file_stamp
from ..support.judge_names import BUILT_IN, ITEM_SCORES, offered_judges
from ..support.wording import BIDI_CONTROLS, meant
from .guarded import GuardedJudge

if TYPE_CHECKING:
    from ...metrics.tastes.blend import StoredGoal, Taste

#: Origin of the built-in judges, and the judge of the floor of adherence.
SOART, ADHERENCE = "soart", "adherence"
_NAME = re.compile(rf"[^\s@={BIDI_CONTROLS}](?:[^@=\r\n{BIDI_CONTROLS}]{{0,62}}[^\s@={BIDI_CONTROLS}])?")


class Tastes(Protocol):
    """Tastes by name: the user's, or those of a collection and the user's."""

    def names(self) -> list[str]:
        """Names of all tastes."""

    @property
    def blends(self) -> Tastes:
        """The blends with judges that are not tastes."""

    def path(self, name: str, /) -> Path:
        """The file of a taste."""

    def load(self, name: str, /) -> Taste:
        """Read a taste."""


class Allow(Enum):
    """Judges that a text may name."""

    #: Also ``module:Class``, which imports and calls any code: for what users type themselves.
    ANY = auto()
    #: For texts of others, such as workflows.
    NO_CODE = auto()
    #: Labels of what the owner of a gallery offers, people, tastes, and soart's scores of items: for guests.
    OFFERED = auto()


@dataclass(frozen=True, slots=True)
class Entry:
    """A judge that can be named."""

    name: str  # as for ``--by``; ``NAME:ARGUMENT`` if it takes an argument
    kind: str  # a ``Kind``, or the name and version of the package that offers it
    argument: str = ""  # the argument in words, such as ``HUB_ID|FOLDER``; empty if there is none, or it is not known
    default: str = ""  # the argument that is taken if none is given; empty if one has to be given
    summary: str = ""  # one line; empty for judges of other packages
    licence: str = ""  # a restriction of the usual weights; empty if there is none, or it is not known
    #: name of a package that it needs and that is not installed; empty if there is none, or it is not known
    missing: str = ""
    doubt: str = ""  # why a taste cannot be relied on, or not be read; else empty

    @property
    def usage(self) -> str:
        """Its name with its argument, in brackets if that may be left out."""
        if not self.argument:
            return self.name
        return f"{self.name}[:{self.argument}]" if self.default else f"{self.name}:{self.argument}"

    @property
    def origin(self) -> str:
        """``soart``, or the name and version of a package; empty for all others."""
        if self.kind in (Kind.SCORE, Kind.MODEL):
            return SOART
        return "" if self.kind in [*Kind] else self.kind

    @property
    def notes(self) -> list[str]:
        """Sentences on what a user should know of it."""
        missing = f"not installed: pip install {self.missing}" if self.missing else ""
        return [note for note in (self.doubt, self.licence, missing) if note]


class Offered(NamedTuple):
    """A judge that guests may choose: what they see of it, the text that names it, and the weight that is proposed."""

    entry: Entry
    text: str
    weight: float


def known_judges() -> list[Entry]:
    """Every judge that can be named but tastes and people, the built-in ones first; none is loaded."""
    return [_known(name) for name in (*BUILT_IN, *sorted(offered_judges()))]


def _known(name: str) -> Entry:
    if b := BUILT_IN.get(name):
        return Entry(name, b.kind, b.argument, b.default, b.summary, b.licence, b.missing)
    dist = offered_judges()[name].dist
    return Entry(name, f"{dist.name} {dist.version}" if dist else "a package without a name")


def names_code(text: str) -> bool:
    """True for ``module:Class``."""
    name, _, argument = text.strip().partition(":")
    return bool(argument) and f"{name}:" != PERSON and name not in BUILT_IN and name not in offered_judges()


class Catalogue:
    """Judges by name.

    A name means, in this order, a built-in judge, a taste, a model, or a judge of another package. ``person:NAME`` is a
    person, ``NAME:ARGUMENT`` a model, and ``module:Class`` Python code: a class or function is called, anything else is
    the judge itself. ``tastes`` are by default the user's, and those of folders that were rated; ``offered`` are judges
    that the owner of a gallery allows, ``module:Class`` too, with the weights to propose.
    """

    def __init__(self, tastes: Tastes | None = None, offered: Iterable[tuple[str, float]] = ()) -> None:
        self.tastes = tastes_at_hand() if tastes is None else tastes
        self._named = [*offered]
        self._locks: dict[str | Path, Lock] = {}
        self._kept: dict[str | Path, tuple[str, Judge]] = {}

    def among(self, tastes: Tastes) -> Self:
        """The same catalogue with other tastes; what one of both has loaded for guests serves the other."""
        other = copy(self)
        other.tastes = tastes
        return other

    @cached_property
    def offered(self) -> dict[str, Offered]:
        """By label, what guests may choose: opinions, adherence, packages' judges, and those that the owner named.

        Labels leave out the folder of a model, so that no request names code or a path.
        """
        usual = [one.name for one in known_judges() if one.kind != Kind.MODEL and one.name not in ITEM_SCORES]
        weights = dict.fromkeys(usual, 1.0) | {text.strip(): weight for text, weight in self._named}
        found: dict[str, Offered] = {}
        for text, weight in weights.items():
            label = shared_name(f"{JUDGE}{text}").removeprefix(JUDGE)
            if label in found:
                raise JudgeError(
                    f"Two judges would both be called {label!r}: leave one out, or rename the folder of its model."
                )
            # A taste of such a name is refused where it is named.
            entry = _known(text) if text in usual else self.entry(text)
            found[label] = Offered(
                entry if label == entry.name else replace(entry, name=label, argument=""), text, weight
            )
        return found

    def entries(self) -> list[Entry]:
        """Every judge that can be named: built-in scores, tastes, models, and those of other packages; no model is loaded."""
        known = known_judges()
        scores = [one for one in known if one.kind == Kind.SCORE]
        tastes, blends = map(self._taste, self.tastes.names()), map(self._blend, self.tastes.blends.names())
        return [*scores, *tastes, *blends, *known[len(scores) :]]

    def _taste(self, name: str) -> Entry:
        from ..scoring.taste_judge import TasteJudge

        try:
            taste = TasteJudge.of(self.tastes.load(name))
        except SoartError as error:
            return Entry(name, Kind.TASTE, doubt=str(error))
        trust = taste.taste.trust
        # The doubt repeats the sentence.
        return Entry(name, Kind.TASTE, summary="" if trust.useless else trust.sentence, doubt=taste.doubt() or "")

    def _blend(self, name: str) -> Entry:
        from ...metrics.tastes.taste_files import read_trust

        try:
            return Entry(name, Kind.BLEND, summary=read_trust(self.tastes.blends.path(name))[1])
        except SoartError as error:
            return Entry(name, Kind.BLEND, doubt=str(error))

    def entry(self, text: str, allow: Allow = Allow.ANY) -> Entry:
        """The judge that a text means; nothing is loaded, and ``module:Class`` may not exist."""
        text = text.strip()
        name, colon, argument = text.partition(":")
        person = f"{name}:" == PERSON and argument.strip()
        if allow is Allow.OFFERED:
            if text in self.offered:
                return self.offered[text].entry
            if colon and not person:
                raise JudgeError(
                    f"The judge {text[:80]!r} is not offered here: the owner of this server names it with soart web --by."
                )
            if not colon and text not in (*ITEM_SCORES, *self.tastes.names()):
                # Says which tastes there are.
                self.tastes.load(text)
        for kind, stored in ((Kind.TASTE, self.tastes), (Kind.BLEND, self.tastes.blends)):
            if not colon and name in stored.names():
                check_unambiguous(name, stored.path(name))
                return Entry(name, kind)
        if name in BUILT_IN or name in offered_judges():
            return _known(name)
        if person:
            return Entry(text, Kind.PERSON)
        if not argument:
            raise _unknown(text, self.tastes)
        if allow is Allow.NO_CODE:
            raise JudgeError(
                f"The judge {text!r} is not loaded because a workflow or blend may not load code: register it as an entry point, "
                "see docs/judges.md."
            )
        return Entry(text, Kind.CODE)

    def find(self, text: str, allow: Allow = Allow.ANY) -> GuardedJudge:
        """Load a judge and guard it; errors as for ``judge``."""
        judge = self.judge(text, allow)
        offered = self.offered.get(text.strip()) if allow is Allow.OFFERED else None
        return GuardedJudge(judge, named=offered.text if offered else text)

    def judge(self, text: str, allow: Allow = Allow.ANY) -> Judge:
        """Load a judge; those of guests are kept, a taste until its file changes."""
        entry, text = self.entry(text, allow), text.strip()
        if allow is not Allow.OFFERED or entry.kind == Kind.PERSON:
            return self._load(entry, text)
        if text in self.offered:
            text = self.offered[text].text
        key: str | Path = self.tastes.path(text) if entry.kind == Kind.TASTE else text
        stamp = file_stamp(key) if isinstance(key, Path) else ""
        with self._locks.setdefault(key, Lock()):
            if key not in self._kept or self._kept[key][0] != stamp:
                self._kept[key] = stamp, self._load(entry, text)
            return self._kept[key][1]

    def stored(self, stored: Taste | StoredGoal) -> Judge:
        """The judge of a taste, or of a blend, whose file may come from anybody."""
        # Tastes need scikit-learn, which a ranking without them need not wait for.
        from ...metrics.tastes.blend import StoredGoal
        from ..scoring.taste_judge import TasteJudge
        from .weighing import WeightedJudges

        if not isinstance(stored, StoredGoal):
            return TasteJudge.of(stored)
        members = [GuardedJudge(TasteJudge.of(part)) for part in stored.parts]
        for text, version in stored.judges:
            members.append(member := self.member(text))
            if member.version != version:
                raise JudgeError(
                    f"The blend {stored.name!r} was made with {text!r} of version {version}, here it has {member.version}: "
                    "blend again."
                )
        return WeightedJudges(list(zip(members, stored.weights, strict=True)), stored)

    def member(self, text: str) -> GuardedJudge:
        """A judge that a blend names: its values last, and it is not code."""
        kind = self.entry(text, Allow.NO_CODE).kind
        if kind in (Kind.TASTE, Kind.PERSON, Kind.BLEND):
            raise JudgeError(f"A blend cannot name {text!r}, a {kind} whose values may change: name both with --by.")
        return self.find(text, Allow.NO_CODE)

    def _load(self, entry: Entry, text: str) -> Judge:
        name, _, argument = text.partition(":")
        if entry.kind == Kind.TASTE:
            return self.stored(self.tastes.load(name))
        if entry.kind == Kind.BLEND:
            from ...metrics.tastes.taste_files import load_stored

            return self.stored(load_stored(self.tastes.blends.path(name)))
        try:
            if entry.origin == SOART:
                with one_model_at_a_time():
                    judge = _built_in(name, argument)
            elif entry.kind == Kind.PERSON:
                judge = Person(argument.strip())
            elif entry.kind == Kind.CODE:
                judge = _made(_from_module(name, argument), "")
            else:
                judge = _made(offered_judges()[name].load(), argument)
        except SoartError:
            raise
        # Loading runs code of others, which raises errors of any kind.
        except Exception as error:
            raise JudgeError(
                f"The judge {text!r} cannot be loaded: {type(error).__name__}: {first_line(error)}."
            ) from error
        return checked(judge, text)


def _built_in(name: str, argument: str) -> Judge:
    known = BUILT_IN[name]
    if argument and not known.argument:
        raise JudgeError(f"This judge takes no argument, got {argument!r}: give its name alone.")
    if known.argument and not (argument or known.default):
        raise JudgeError(f"This judge needs an argument, NAME:{known.argument}, see docs/judges.md.")
    argument = known.prefix + (argument or known.default)
    if not known.module:
        return built_in_judge(argument)
    judge: Judge = import_module(f".{known.module}", __package__).load(argument)
    return judge


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
