"""Likings of options that the tastes of a panel know before a picture of a study is judged."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ...errors import TasteError
from ...metrics.damage.names import TASTE
from ...metrics.damage.titles import Kind, stored_title
from ...prompts.space.space import Choice, PromptSpace
from ..judges.catalogue import Tastes
from .panel import Judgements, Panel, RaterKey

if TYPE_CHECKING:
    from ...metrics.protocols import Making
    from ...metrics.tastes.blend import Taste
    from .from_taste import KnownOptions

Known = dict[RaterKey, "KnownOptions"]


class PanelTastes:
    """The tastes of a panel's judges and people; those of people are looked for by name in ``stored``."""

    def __init__(self, panel: Panel, stored: Tastes) -> None:
        self.panel, self.stored = panel, stored
        self._known: tuple[object, Known] = (None, {})

    @cached_property
    def of_people(self) -> dict[str, Taste]:
        """The stored tastes of the panel's people by their names."""
        found: dict[str, Taste] = {}
        for person in self.panel.people:
            # Nobody has asked for this one: a damaged file is left alone.
            with suppress(TasteError):
                if person in self.stored.names():
                    found[person] = self.stored.load(person)
        return found

    @cached_property
    def relied_on(self) -> dict[str, Taste]:
        """The tastes of the panel by the names of the judges, and those of people that can be relied on by theirs."""
        found = {person: taste for person, taste in self.of_people.items() if not taste.trust.useless}
        if any(judge.key.kind is Kind.TASTE for judge in self.panel.item_judges):
            # Tastes need scikit-learn, which a study without them need not wait for.
            from ..scoring.taste_judge import TasteJudge

            found |= {j.stored_name: j.inner.taste for j in self.panel.item_judges if isinstance(j.inner, TasteJudge)}
        return found

    def known(
        self,
        space: PromptSpace,
        contexts: Sequence[str],
        drawn: Callable[[], set[str]],
        making: Callable[[str, Choice], Making | None],
    ) -> Known:
        """For each taste and base subject the options that it knows, apart from pictures that the study has ``drawn``."""
        if not self.relied_on:
            return {}
        from ...metrics.tastes.blend import parts_of
        from .from_taste import known_options

        rated = {
            name
            for taste in self.relied_on.values()
            for part in parts_of(taste)
            for name in part.examples.pictures.tolist()
        }
        told = frozenset(drawn() & rated)
        state = space.fingerprint, told
        if self._known[0] != state:
            found = {
                RaterKey(name, context): known_options(taste, space, partial(making, context), told)
                for (name, taste), context in product(self.relied_on.items(), contexts)
            }
            self._known = state, {key: known for key, known in found.items() if known}
        return self._known[1]

    def expected(self, known: Known, judgements: Judgements) -> dict[Hashable, np.ndarray]:
        """Effects of known options on the standard scales of the judgements."""
        return {
            judge: options.stars
            if judge.name in self.panel.people
            else options.in_deviations(judgements.spread(judge.name))
            for judge, options in known.items()
        }

    def beginnings(self, known: Known) -> list[str]:
        """A sentence for each taste that knows options, with the largest effects, and for a person's in doubt."""
        people, judges = self.panel.people, {judge.stored_name for judge in self.panel.item_judges}
        named = {
            stored_title(f"{TASTE}{judge.name}" if judge.name in people else judge.name): options.named
            for judge, options in known.items()
            if options.named
        }
        return [
            *(
                f"It begins with what {title} shows of options, in stars: {', '.join(options)}."
                for title, options in named.items()
            ),
            *(
                (
                    f"The taste {person!r} is not reliable yet, so the tune does not begin with what it shows of "
                    f"options ({taste.trust.sentence})."
                )
                for person, taste in self.of_people.items()
                if taste.trust.useless and f"{TASTE}{person}" not in judges
            ),
        ]
