"""Stores tastes: one safetensors file each, in a folder.

By default the folder is ``soart/tastes`` in the user's configuration folder. Names are listed without importing what
reads or learns tastes: hosts list them when they start.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from ...errors import ProfileError
from ...files import from_home
from ...metrics.damage.names import DETECTORS, OVERALL, TECHNICAL
from ..support.file_stamps import changed_at
from ..support.judge_names import JUDGES
from ..support.wording import meant, same_name

if TYPE_CHECKING:
    from ...metrics.protocols import Scorer
    from ...metrics.tastes.blend import Taste
    from ...metrics.tastes.overall import BuiltInScorer
    from .taste_scorer import TasteScorer

SUFFIX = ".taste.safetensors"
#: Names of the built-in profiles.
RESERVED = (TECHNICAL, OVERALL, *DETECTORS)
_NAME = re.compile(r"[^\W_][\w .-]{0,63}")


class ProfileStore:
    """The tastes of a folder.

    Args:
        folder: of the files; by default ``soart/tastes`` in the user's configuration folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = platformdirs.user_config_path("soart") / "tastes" if folder is None else from_home(folder)

    def path(self, name: str) -> Path:
        """The file of a taste, which need not exist.

        Raises:
            ProfileError: the name cannot be a file name.
        """
        if not _NAME.fullmatch(name):
            raise ProfileError(
                f"Expected a name of letters, digits, spaces, '.', '-' or '_', up to 64 of them, got {name!r}."
            )
        return self.folder / f"{name}{SUFFIX}"

    def place(self, name: str) -> Path:
        """The file of a new taste; check the name this way before the work of learning.

        Raises:
            ProfileError: the name cannot be a file name, or is that of a built-in profile.
        """
        if name in RESERVED:
            raise ProfileError(
                f"{name!r} is the name of a built-in profile, which a taste of that name would hide: choose another."
            )
        return self.path(name)

    def names(self) -> list[str]:
        """Names of all tastes, sorted."""
        return sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}"))

    def existing(self, name: str) -> Path:
        """The file of a taste.

        Raises:
            ProfileError: there is no taste of that name.
        """
        path = self.path(name)
        if not path.is_file():
            names = ", ".join(self.names())
            advice = f"choose one of {names}, or learn it" if names else "there is none yet, so learn it"
            raise ProfileError(f"There is no taste {name!r} in {str(self.folder)!r}: {advice} with soart taste learn.")
        return path

    def load(self, name: str) -> Taste:
        """Read a taste.

        Raises:
            ProfileError: no taste of that name, or its file is damaged.
        """
        from ...metrics.tastes.profile_files import load_taste

        return load_taste(self.existing(name))

    def delete(self, name: str) -> None:
        """Delete the file of a taste.

        Raises:
            ProfileError: no taste of that name, or its file cannot be deleted.
        """
        delete_file(self.existing(name))

    def save(self, taste: Taste, *, replace: bool = True) -> Path:
        """Write a taste, unless ``replace`` is False and there is one of its name.

        Raises:
            ProfileError: a bad name, see ``place``; the name is taken; or the folder cannot be written.
        """
        from ...metrics.tastes.profile_files import save_taste

        path = self.place(taste.name)
        if path.exists() and not replace:
            raise ProfileError(
                f"There is a taste {taste.name!r} already: choose another name, or say that it may be replaced (--replace)."
            )
        return save_taste(taste, path)


def delete_file(path: Path) -> None:
    """Delete the file of a taste, or of what lies beside tastes.

    Raises:
        ProfileError: it cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ProfileError(f"{str(path)!r} cannot be deleted: {error.strerror or error}.") from error


def scorer_for(taste: Taste | Scorer | str | None, profiles: ProfileStore | None = None) -> Scorer:
    """The scorer that a caller of the Python API names.

    Args:
        taste: a taste; a scorer; the name of a taste or of a built-in profile; or None for the technical score.
        profiles: where tastes are stored; by default the user's configuration folder.

    Raises:
        ProfileError: see ``scorer_named``; or neither a name, a taste nor a scorer.
        ModelError: the network behind the items of a taste cannot be loaded.
    """
    if taste is None:
        from ...metrics.damage.scorer import TechnicalScorer

        return TechnicalScorer.load()
    if isinstance(taste, str):
        return scorer_named(taste, profiles or ProfileStore())
    if not isinstance(taste, type) and all(hasattr(taste, part) for part in ("stored_name", "extractor", "score")):
        scorer: Scorer = taste  # type: ignore[assignment]
        return scorer
    from ...metrics.tastes.blend import Blend
    from ...metrics.tastes.profile import TasteProfile
    from .taste_scorer import TasteScorer

    if isinstance(taste, TasteProfile | Blend):
        return TasteScorer.of(taste)
    raise ProfileError(f"Expected a taste, the name of a taste or a scorer, got {taste!r:.80}.")


def scorer_named(name: str, profiles: ProfileStore) -> TasteScorer | BuiltInScorer:
    """The scorer of a name: the user's taste, else ``technical``, ``overall`` or a built-in detector.

    Raises:
        ProfileError: no profile of that name, its file is damaged, or it needs items that this soart does not measure.
    """
    from ...metrics.damage.scorer import TechnicalScorer

    if name in profiles.names() or name not in RESERVED:
        from .taste_scorer import TasteScorer

        try:
            return TasteScorer.of(profiles.load(name))
        except ProfileError as error:
            hint = "" if name in profiles.names() else _hint(name, profiles)
            raise ProfileError(hint) if hint else error from None
    if name == OVERALL:
        from ...metrics.tastes.overall import OverallScorer

        return OverallScorer.load()
    return TechnicalScorer.load() if name == TECHNICAL else TechnicalScorer.detector(name)


def _hint(name: str, profiles: ProfileStore) -> str:
    """A sentence on what the name of no profile probably means; empty if nothing is near."""
    kind, colon, argument = name.partition(":")
    # Only judges have arguments.
    near = meant(kind, [*([] if colon else profile_names(profiles)), *JUDGES])
    if not near:
        return ""
    judge = near + colon + argument
    if near not in JUDGES or (not colon and near in profile_names(profiles)):
        return f"There is no taste {name!r} in {str(profiles.folder)!r}: did you mean {near!r}?"
    if same_name(kind, near):
        return (
            f"There is no taste {name!r}, but there is such a judge: write --judge {judge} (in Python judge={judge!r})."
        )
    return f"There is no taste {name!r}: did you mean --judge {judge} (in Python judge={judge!r})?"


def profile_names(profiles: ProfileStore) -> list[str]:
    """Names of all profiles: the built-in ones, then the user's tastes."""
    return [*RESERVED, *(name for name in profiles.names() if name not in RESERVED)]


def scorers_named(names: Sequence[str], profiles: ProfileStore) -> list[TasteScorer | BuiltInScorer]:
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
        a sentence on the taste that was replaced; empty if none was.

    Raises:
        ProfileError: a bad name, see ``ProfileStore.place``, or a folder that cannot be written.
    """
    from ...metrics.tastes.profile_files import same_taste

    path = profiles.place(taste.name)
    try:
        if same_taste(profiles.load(taste.name), taste):
            return ""
    except ProfileError:
        # Missing, or damaged: a new file takes its place.
        pass
    replaced = changed_at(path)
    profiles.save(taste)
    return f"It replaced the taste of that name saved on {replaced}." if replaced else ""
