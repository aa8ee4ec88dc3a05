"""Where tastes lie: one safetensors file each, in the user's configuration folder or a folder of the user's choice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from ...errors import ProfileError
from ...metrics.damage.scorer import DETECTORS, TechnicalScorer
from ...metrics.tastes.blend import Taste
from ...metrics.tastes.profile import TECHNICAL
from ...metrics.tastes.profile_files import load_taste, same_taste, save_taste
from ..support.file_stamps import changed_at
from .taste_scorer import TasteScorer

SUFFIX = ".taste.safetensors"
#: Names of what is built in.
RESERVED = (TECHNICAL, *DETECTORS)
_NAME = re.compile(r"[^\W_][\w .-]{0,63}")


class ProfileStore:
    """The tastes of a folder.

    Args:
        folder: where they lie; by default ``soart/tastes`` in the user's configuration folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = platformdirs.user_config_path("soart") / "tastes" if folder is None else Path(folder).expanduser()

    def path(self, name: str) -> Path:
        """Where a taste lies, or would.

        Raises:
            ProfileError: a name that makes no file name.
        """
        if not _NAME.fullmatch(name):
            raise ProfileError(
                f"Expected a name of letters, digits, spaces, '.', '-' or '_', up to 64 of them, got {name!r}."
            )
        return self.folder / f"{name}{SUFFIX}"

    def place(self, name: str) -> Path:
        """Where a new taste would lie; to be asked before the work of learning it.

        Raises:
            ProfileError: a name that makes no file name, or that of a built-in profile, which the taste would hide.
        """
        if name in RESERVED:
            raise ProfileError(
                f"{name!r} is the name of a built-in profile, which a taste of that name would hide: choose another."
            )
        return self.path(name)

    def names(self) -> list[str]:
        """All tastes, sorted."""
        return sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}"))

    def load(self, name: str) -> Taste:
        """Read a taste.

        Raises:
            ProfileError: there is none of that name, or its file is damaged.
        """
        path = self.path(name)
        if not path.is_file():
            there = ", ".join(self.names()) or "none yet"
            raise ProfileError(f"There is no taste {name!r} in {str(self.folder)!r} (there: {there}).")
        return load_taste(path)

    def save(self, taste: Taste) -> Path:
        """Write a taste; an earlier one of its name is replaced.

        Raises:
            ProfileError: a bad name, see ``place``, or a folder that cannot be written.
        """
        return save_taste(taste, self.place(taste.name))


def scorer_named(name: str, profiles: ProfileStore) -> TasteScorer | TechnicalScorer:
    """What ranks under a name: the user's taste, or else the built-in detector of a damage, or ``technical``.

    Raises:
        ProfileError: there is none of that name, its file is damaged, or it needs other items than this soart measures.
    """
    if name in profiles.names() or name not in RESERVED:
        return TasteScorer.of(profiles.load(name))
    return TechnicalScorer.load() if name == TECHNICAL else TechnicalScorer.detector(name)


def profile_names(profiles: ProfileStore) -> list[str]:
    """Names of all profiles: the built-in ones, then the user's tastes."""
    return [*RESERVED, *(name for name in profiles.names() if name not in RESERVED)]


def scorers_named(names: Sequence[str], profiles: ProfileStore) -> list[TasteScorer | TechnicalScorer]:
    """The scorers of some profiles, in the order of their names.

    Raises:
        ProfileError: as ``scorer_named``.
    """
    return [scorer_named(name, profiles) for name in names]


def warnings_of(*scorers: object) -> list[str]:
    """Warnings that belong beside the scores of these scorers: a sentence for each taste that is not reliable yet."""
    return [warning for scorer in scorers if (warning := getattr(scorer, "warning", None))]


def save_if_changed(profiles: ProfileStore, taste: Taste) -> str:
    """Save a taste, unless its file already holds the same one.

    Returns:
        local time at which the replaced file was last changed; empty if no other taste was replaced.

    Raises:
        ProfileError: a bad name, see ``ProfileStore.place``, or a folder that cannot be written.
    """
    path = profiles.place(taste.name)
    try:
        if same_taste(profiles.load(taste.name), taste):
            return ""
    except ProfileError:
        # Missing, or damaged: a new file takes its place.
        pass
    replaced = changed_at(path)
    profiles.save(taste)
    return replaced
