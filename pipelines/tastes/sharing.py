"""Shares tastes as cards, and keeps what the cards of many people have in common as populations."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import NoneType

import numpy as np

from ...errors import TasteError, expect, expect_seed
from ...metrics.tastes.blend import Blend, Taste
from ...metrics.tastes.cards import Card, load_card, make_card, save_card
from ...metrics.tastes.population import Population, join_cards, load_population, save_population
from ...metrics.tastes.taste import LearntTaste
from ..scoring.taste_store import SUFFIX as TASTE_SUFFIX
from ..scoring.taste_store import TasteStore, delete_file

SUFFIX = ".population.safetensors"


def population_path(name: str, profiles: TasteStore) -> Path:
    """The file of a population, which need not exist; it lies beside the tastes.

    Raises:
        TasteError: the name cannot be a file name.
    """
    return profiles.folder / profiles.path(name).name.replace(TASTE_SUFFIX, SUFFIX)


def population_names(profiles: TasteStore) -> list[str]:
    """Names of all populations, sorted."""
    return sorted(path.name.removesuffix(SUFFIX) for path in profiles.folder.glob(f"*{SUFFIX}"))


def existing_population(name: str, profiles: TasteStore) -> Path:
    """The file of a population.

    Raises:
        TasteError: there is no population of that name.
    """
    path = population_path(name, profiles)
    if not path.is_file():
        known = ", ".join(population_names(profiles)) or "none yet"
        raise TasteError(
            f"There is no population {name!r} in {str(profiles.folder)!r} (available: {known}): join cards with soart "
            "taste join."
        )
    return path


def population_named(name: str, profiles: TasteStore) -> Population:
    """The population of a name.

    Raises:
        TasteError: there is none, or its file is damaged or of another version.
    """
    return load_population(existing_population(name, profiles))


def delete_population(name: str, profiles: TasteStore) -> None:
    """Delete the file of a population; tastes that were learnt with it keep what they learnt.

    Raises:
        TasteError: there is none of that name, or its file cannot be deleted.
    """
    delete_file(existing_population(name, profiles))


def share_taste(
    taste: Taste | str,
    path: str | Path | None = None,
    *,
    noise: float = 0.0,
    rng: np.random.Generator | None = None,
    profiles: TasteStore | None = None,
) -> Card:
    """Make a card of a taste: a few numbers for others to learn from, without pictures and their items.

    Args:
        taste: a taste, or the name of one.
        path: file to write the card to; by default none is written.
        noise: standard deviation of the noise that hides whose card it is; 0 for none, see docs/tastes.md.
        rng: source of the noise; by default fresh randomness of the operating system.
        profiles: where tastes are stored; by default the user's configuration folder.

    Raises:
        TasteError: arguments of a wrong type, no such taste, a blend, a taste on other items than those of the default network, a noise out of
            range, or a file that cannot be written.

    Examples:
        >>> import numpy as np
        >>> import soart
        >>> rng = np.random.default_rng(0)
        >>> noise = [rng.integers(0, 255, (32, 32, 3), dtype=np.uint8) for _ in range(3)]
        >>> plain = [np.full((32, 32, 3), level, dtype=np.uint8) for level in (20, 120, 220)]
        >>> taste = soart.learn_from_pictures("calm", good=plain, bad=noise)
        >>> card = soart.share_taste(taste)
        >>> card.mean.shape
        (24,)
    """
    expect("a taste or its name", taste, str, LearntTaste, Blend, error=TasteError)
    expect("the noise as a number", noise, int, float, error=TasteError)
    expect("a generator of randomness, or None", rng, np.random.Generator, NoneType, error=TasteError)
    expect("where tastes are stored as a TasteStore", profiles, TasteStore, NoneType, error=TasteError)
    if isinstance(taste, str):
        taste = (profiles or TasteStore()).load(taste)
    card = make_card(taste, noise, rng)
    if path is not None:
        save_card(card, Path(path))
    return card


def join_population(
    name: str,
    cards: Iterable[Card | str | Path],
    *,
    seed: int = 0,
    profiles: TasteStore | None = None,
) -> tuple[Population, list[str]]:
    """Learn the kinds of taste in cards, and keep them as a population to learn tastes with.

    Args:
        name: of the population; an earlier one of that name is replaced.
        cards: cards, or files of them; a file twice counts once, and so do its copies.
        seed: of the search for kinds.
        profiles: where populations are stored; by default the user's configuration folder.

    Returns:
        the population, and a sentence for each file that is not a card, or the same card as an earlier one.

    Raises:
        TasteError: arguments of a wrong type, a bad name, fewer than three cards, or a folder that cannot be written.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> import soart
        >>> from soart.metrics.tastes.card_space import card_space
        >>> from soart.metrics.tastes.cards import Card
        >>> from soart.pipelines.scoring.taste_store import TasteStore
        >>> space = card_space()
        >>> cards = [Card(space.version, np.full(space.width, x), 0.1 * np.eye(space.width)) for x in (0.5, 0.5, 0.6)]
        >>> with TemporaryDirectory() as folder:
        ...     friends, problems = soart.join_population("friends", cards, profiles=TasteStore(folder))
        >>> friends.cards, len(friends.means), problems
        (3, 1, [])
    """
    expect_seed(seed, TasteError)
    expect("the name of the population as text", name, str, error=TasteError)
    expect("where populations are stored as a TasteStore", profiles, TasteStore, NoneType, error=TasteError)
    expect("cards, or their files", cards, Iterable, error=TasteError)
    if isinstance(cards, str):
        raise TasteError(f"Expected a list of cards, or of their files, got the text {cards!r:.80}.")
    cards = list(cards)
    for card in cards:
        expect("cards, or their files", card, Card, str, Path, error=TasteError)
    profiles = profiles or TasteStore()
    path, found, problems = population_path(name, profiles), list[Card](), list[str]()
    files: dict[bytes, str] = {}
    for card in dict.fromkeys(str(card) if isinstance(card, Path) else card for card in cards):
        if isinstance(card, Card):
            found.append(card)
            continue
        try:
            loaded = load_card(Path(card))
        except TasteError as error:
            problems.append(str(error))
            continue
        first = files.setdefault(loaded.mean.tobytes() + loaded.covariance.tobytes(), card)
        if first == card:
            found.append(loaded)
        else:
            problems.append(f"{card!r} is the same card as {first!r}: counted once.")
    try:
        population = join_cards(name, found, np.random.default_rng(seed))
    except TasteError as error:
        raise TasteError(" ".join([str(error), *problems[:3]])) from None
    save_population(population, path)
    return population, problems
