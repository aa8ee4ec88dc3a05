"""Finds code that loading a model folder could run, before anything of the folder is loaded.

Older versions of diffusers run code of a local folder without asking. Such folders are refused with any version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import ModelError
from ...files import read_text

#: Libraries that components may come from, beside the pipelines of diffusers.
_LIBRARIES = ("diffusers", "transformers")
#: Settings of a component.
_SETTINGS = ("*config.json", "*index.json")
#: Classes that choose another class by the settings of the folder.
_CHOOSES = re.compile(r"Auto[A-Z]\w*|\w*Processor")
#: Pipelines inside pipelines; deeper ones are refused.
_DEEPEST = 4


def check_no_code(folder: Path, pipelines: Path) -> None:
    """Refuse a model folder that names or holds code which a library might run; one that does not exist is fine."""
    if (why := next(_reasons(folder, pipelines, "", 0), None)) is not None:
        raise ModelError(
            f"The model folder {str(folder)!r} is not loaded, because {why}: soart runs no code of model folders; "
            "use a model without such code."
        )


def _reasons(folder: Path, pipelines: Path, kind: str, depth: int) -> Iterator[str]:
    """Reasons not to load a pipeline or a component of class ``kind``."""
    if depth > _DEEPEST:
        yield "its pipelines are nested too deeply"
        return
    for path in sorted({path for pattern in _SETTINGS for path in folder.glob(pattern)}):
        settings = _read(path)
        if settings is None:
            yield f"{_short(path)} cannot be read"
            return
        yield from _settings_reasons(path, settings, kind)
        if path.name in ("model_index.json", "modular_model_index.json"):
            yield from _index_reasons(path, settings, pipelines, depth)


def _index_reasons(path: Path, settings: Any, pipelines: Path, depth: int) -> Iterator[str]:  # noqa: ANN401
    """Reasons in the list of a pipeline's components."""
    if not isinstance(settings, dict) or not isinstance(settings.get("_class_name"), str):
        yield f"{_short(path)} names a pipeline in a file of its own"
        return
    # diffusers before 0.38 takes a file of this name for a pipeline that the caller named.
    if (path.parent / "None.py").exists():
        yield "it holds code in None.py"
    for component, value in settings.items():
        # Other lists are settings, such as numbers of layers.
        if (
            component.startswith("_")
            or not isinstance(value, list)
            or len(value) not in (2, 3)
            or not isinstance(value[0], str)
        ):
            continue
        library, kind = value[:2]
        if not (isinstance(kind, str) and component.isidentifier()):
            yield f"{_short(path)} names its components in another way than diffusers does"
            return
        folder = path.parent / component
        own = library.isidentifier() and (pipelines / library).is_dir()
        if (library not in _LIBRARIES and not own) or (folder / f"{library}.py").exists():
            yield f"its component {component!r} is code in {library!r:.60}, not a class of diffusers or transformers"
            return
        yield from _reasons(folder, pipelines, kind, depth + 1)


def _settings_reasons(path: Path, settings: Any, kind: str) -> Iterator[str]:  # noqa: ANN401
    """Reasons in the settings of a component."""
    for key, value in _items(settings):
        if key == "auto_map" and value:
            names = [name for _, name in _items(value) if isinstance(name, str)]
            files = [f"{name.partition('.')[0]}.py" for name in names]
            if _CHOOSES.fullmatch(kind) or any((path.parent / file).exists() for file in files):
                yield f"{_short(path)} names code of its own (auto_map)"
        # A kernel of the hub is code too.
        if isinstance(key, str) and key.endswith("attn_implementation") and isinstance(value, str) and "/" in value:
            yield f"{_short(path)} names the kernel {value!r:.60} of the hub"


def _items(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    """All keys and values inside JSON; values of lists have their number as the key."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        pairs = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, inner in pairs:
            yield key, inner
            waiting.append(inner)


def _read(path: Path) -> Any:  # noqa: ANN401
    """The JSON of a file; None if it cannot be read."""
    try:
        return json.loads(read_text(path))
    except (OSError, ValueError, RecursionError):
        return None


def _short(path: Path) -> str:
    return repr("/".join(path.parts[-2:]))
