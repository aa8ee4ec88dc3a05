"""The settings of a collection's tune, and those of earlier ones, as the collection stores them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

from ...errors import PromptError
from ...metrics.damage.names import PERSON
from ...prompts.space.space import PromptSpace
from ..collection.collection import Collection
from ..collection.settings import change_setting, setting, store_setting
from ..support.wording import stored_text

#: Keys in the collection of the tune that the gallery shows, and of earlier ones.
PRESENT, EARLIER = "tune", "earlier tunes"
RUNNING, PAUSED, ENDED, TERMINAL = "running", "paused", "ended", "terminal"
#: Most tunes that a collection remembers, the latest ones.
MOST = 50
#: Most characters of a prompt or space.
LONGEST_TEXT = 100_000
#: Name that a place like ``{fox|owl}`` of a prompt is given, and the number of its options in the subject of a tune.
_NAMELESS, _SHOWN = re.compile(r"choice\d+"), 4
#: Most characters of a subject in the name of a report.
_LONGEST_NAME = 40


@dataclass(frozen=True)
class TuneSettings:
    """The settings of a tune, and its state."""

    space: str  # YAML, without the bans and pins
    budget: int = 60
    #: weights of judges by name, by ``person:NAME``, or by the label of the gallery; None for the overall score
    by: dict[str, float] = field(default_factory=dict)
    adherence: float | None = None  # 0 for no floor, None for the usual one
    bans: tuple[str, ...] = ()  # bans, pins: ``slot=option``
    pins: tuple[str, ...] = ()
    pareto: bool = False
    prune: bool = True
    propose: bool = False
    vocabulary: str = "general"
    model: str = ""
    seed: int = 0
    state: str = PAUSED
    why: str = ""  # why it ended or failed

    @classmethod
    def of_text(cls, text: str, vocabulary: str, negative: str = "", **rest: Any) -> TuneSettings:  # noqa: ANN401
        """Settings for a plain prompt or a template with its negative prompt, or for a space in YAML."""
        if (length := len(text) + len(negative)) > LONGEST_TEXT:
            raise PromptError(f"Expected a prompt or space of at most {LONGEST_TEXT:,} characters, got {length:,}.")
        space = PromptSpace.parse(text.strip(), vocabulary, negative.strip())
        space.check_tunable()
        return cls(space.to_yaml(), vocabulary=vocabulary, **rest)

    def whole(self) -> PromptSpace:
        """The space without bans and pins."""
        return _parsed(self.space)

    def narrowed(self) -> PromptSpace:
        """The space after bans and pins."""
        return self.whole().restrict(self.bans, self.pins)

    @property
    def subject(self) -> str:
        """The prompts that are tuned; of a space without them its template, with the first options of nameless places."""
        space = self.whole()
        text = space.template
        for slot in space.slots:
            if _NAMELESS.fullmatch(slot.name):
                shown = [option.text for option in slot.options[:_SHOWN]]
                more = ["…"] if len(slot.options) > _SHOWN else []
                text = text.replace(f"{{{slot.name}}}", f"{{{'|'.join(shown + more)}}}")
        return " / ".join(space.contexts) or text

    def write(self) -> str:
        """The settings as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> TuneSettings | None:
        """Settings from the JSON of ``write``; None if this version of soart cannot read them."""
        try:
            values = _with_judges(json.loads(text))
            why, bans, pins = stored_text(values.get("why", "")), tuple(values["bans"]), tuple(values["pins"])
            settings = cls(**{**values, "why": why, "bans": bans, "pins": pins})
            settings.whole()
        except (ValueError, TypeError, KeyError, PromptError):
            return None
        return settings


def _with_judges(values: dict[str, Any]) -> dict[str, Any]:
    """Stored values with all judges in ``by``; collections of 0.1.0 hold them in three groups."""
    if "profiles" not in values:
        return values
    tastes, people, models = (values.pop(key, {}) for key in ("profiles", "raters", "judges"))
    return {**values, "by": {**tastes, **{f"{PERSON}{name}": weight for name, weight in people.items()}, **models}}


@lru_cache(maxsize=16)
def _parsed(text: str) -> PromptSpace:
    return PromptSpace.parse_yaml(text, "the space")


def key_of(settings: TuneSettings) -> str:
    """A short key of a tune: what it searches, by which judges and from which seed, whatever became of it since."""
    started = replace(settings, budget=0, bans=(), pins=(), model="", state="", why="")
    return hashlib.sha256(started.write().encode()).hexdigest()[:16]


def remembered(text: str | None) -> list[TuneSettings]:
    """The tunes in a text of ``remember``, the latest first; entries that this version cannot read are left out."""
    try:
        texts = json.loads(text or "[]")
    except ValueError:
        return []
    found = [TuneSettings.read(one) for one in texts if isinstance(one, str)] if isinstance(texts, list) else []
    return [settings for settings in found if settings is not None]


def remember(text: str | None, settings: TuneSettings) -> str:
    """The stored list with this tune first, in place of an older entry of the same tune."""
    key = key_of(settings)
    others = [other for other in remembered(text) if key_of(other) != key]
    return json.dumps([one.write() for one in (settings, *others)][:MOST])


def earlier_tunes(collection: Collection) -> list[TuneSettings]:
    """The tunes that a collection remembers, the latest first; the present one may be among them."""
    return remembered(setting(collection, EARLIER))


def store_tune(collection: Collection, settings: TuneSettings, *, unless_running: bool = False) -> None:
    """Store a tune as the one that the gallery shows, and the one before as an earlier one.

    ``unless_running`` stores it as an earlier one while the gallery runs a tune.
    """
    present = TuneSettings.read(setting(collection, PRESENT) or "")
    stays = unless_running and present is not None and present.state == RUNNING
    if present is not None and key_of(present) != key_of(settings):
        older = settings if stays else present
        change_setting(collection, EARLIER, lambda text: remember(text, older))
    if not stays:
        store_setting(collection, PRESENT, settings.write())


def report_name(settings: TuneSettings) -> str:
    """Name of the report of a tune, which no other tune has: the beginning of its subject, and its key."""
    words = "-".join(re.findall(r"\w+", settings.subject.lower()))[:_LONGEST_NAME].strip("-_")
    return "-".join(filter(None, ("tune", words, key_of(settings)[:6]))) + ".html"
