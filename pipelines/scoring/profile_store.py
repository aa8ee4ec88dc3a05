"""Where tastes lie: one safetensors file each, in the user's configuration folder or a folder of the user's choice."""

from __future__ import annotations

import re
from pathlib import Path

import platformdirs

from ...errors import ProfileError
from ...metrics.damage.scorer import DETECTORS, TechnicalScorer
from ...metrics.protocols import Scorer
from ...metrics.tastes.blend import Taste
from ...metrics.tastes.profile import TECHNICAL
from ...metrics.tastes.profile_files import load_taste, save_taste
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


def scorer_for(taste: Scorer | str | None, profiles: ProfileStore | None = None) -> Scorer:
    """The scorer that a caller of the Python API names.

    Args:
        taste: a scorer; the name of a taste or of a built-in profile; or None for the technical score.
        profiles: where tastes are stored; by default the user's configuration folder.

    Raises:
        ProfileError: see ``scorer_named``.
    """
    if taste is None:
        return TechnicalScorer.load()
    return scorer_named(taste, profiles or ProfileStore()) if isinstance(taste, str) else taste


def scorer_named(name: str, profiles: ProfileStore) -> TasteScorer | TechnicalScorer:
    """What ranks under a name: the user's taste, or else the built-in detector of a damage, or ``technical``.

    Raises:
        ProfileError: there is none of that name, its file is damaged, or it needs other items than this soart measures.
    """
    if name in profiles.names() or name not in RESERVED:
        return TasteScorer.of(profiles.load(name))
    return TechnicalScorer.load() if name == TECHNICAL else TechnicalScorer.detector(name)
