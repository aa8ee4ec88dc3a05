"""LoRA files by name, and their use by a pipeline.

A file is loaded once, as an adapter of diffusers (PEFT) that is named by its content. A picture switches on the adapters
of its prompt, and afterwards those that were active before are active again.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ...errors import LoraError, expect, first_line, install_command
from ...files import MOST_WEIGHTS, from_home, open_regular
from ...threads import one_model_at_a_time
from ..support.file_stamps import file_stamp
from .request import Lora

#: Adapters of these names are soart's.
PREFIX = "soart_"


class LoraFiles:
    """Finds LoRA files by name: in a folder with its subfolders, one file, or the file of each name; None for none."""

    def __init__(self, source: Path | str | Mapping[str, Path | str] | None = None) -> None:
        self.folder: Path | None = None
        self._named: dict[str, Path] = {}
        self._digests: dict[tuple[Path, str], str] = {}
        self._used = False
        if isinstance(source, Mapping):
            self._named = {name: from_home(path) for name, path in source.items()}
            for name, path in self._named.items():
                if not path.is_file():
                    raise LoraError(f"There is no file {str(path)!r} for the LoRA {name!r}.")
        elif source is not None:
            expect("the LoRAs as a folder, or as files by name", source, str, Path, error=LoraError)
            place = from_home(source)
            if place.is_file() and place.suffix == ".safetensors":
                self._named = {place.stem: place}
            elif place.is_dir():
                self.folder = place
            else:
                raise LoraError(f"There is no folder of LoRAs {str(source)!r}: name one with .safetensors files.")

    def files(self) -> dict[str, list[Path]]:
        """The files of each name, as they are now."""
        if self.folder is None:
            return {name: [path] for name, path in sorted(self._named.items())}
        found: dict[str, list[Path]] = {}
        for path in sorted(self.folder.rglob("*.safetensors")):
            found.setdefault(path.stem, []).append(path)
        return found

    def find(self, name: str) -> Path:
        """The file of a name, if exactly one has it; else LoraError."""
        files = self.files()
        if len(files.get(name, ())) == 1:
            return files[name][0]
        if name in files:
            places = ", ".join(repr(str(path)) for path in files[name])
            raise LoraError(f"Several LoRAs are called {name!r}: rename all but one of {places}.")
        if self.folder is None and not files:
            raise LoraError(
                f"The prompt names the LoRA {name!r}, but there is no folder of LoRAs: give one with --lora of soart generate, tune or web."
            )
        close = difflib.get_close_matches(name, files, 1, 0.5)
        there = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(list(files)[:12]) or 'none'}."
        where = f"in {str(self.folder)!r}" if self.folder else "among those given"
        raise LoraError(f"There is no LoRA {name!r} {where}; {there}")

    def digest(self, name: str) -> str:
        """Hash of the content of a LoRA's file, 12 hex digits."""
        path = self.find(name)
        key = path, file_stamp(path)
        if key not in self._digests:
            try:
                with open_regular(path, most=MOST_WEIGHTS) as stream:
                    self._digests[key] = hashlib.file_digest(stream, "sha256").hexdigest()[:12]
            except OSError as error:
                raise LoraError(f"The LoRA {str(path)!r} cannot be read: {error.strerror or error}.") from error
        return self._digests[key]

    def resolve(self, weights: Mapping[str, float]) -> tuple[Lora, ...]:
        """The LoRAs of these names and weights, in the order of their names."""
        self._used = self._used or bool(weights)
        return tuple(Lora(name, weight, self.digest(name)) for name, weight in sorted(weights.items()))

    @property
    def unused(self) -> list[str]:
        """A sentence on the only file, if no prompt has named it."""
        if self._used or len(self._named) != 1:
            return []
        [(name, path)] = self._named.items()
        return [
            f"No prompt names the LoRA {str(path)!r}, so it changes nothing: write <lora:{name}:1> into the prompt."
        ]


@contextmanager
def applied(pipeline: Any, loras: Sequence[Lora], files: LoraFiles) -> Iterator[None]:  # noqa: ANN401
    """Switch on LoRAs for the pictures that are drawn inside, beside adapters that the pipeline has on already."""
    wanted = [lora for lora in loras if lora.weight]
    if not wanted:
        yield
        return
    before = {layer: (_others(layer), layer.disable_adapters) for layer in _layers(pipeline)}
    own = {part: _active_elsewhere(part) for part in _parts(pipeline)}
    try:
        for lora in wanted:
            _load(pipeline, lora, files)
        pipeline.set_adapters([PREFIX + lora.digest for lora in wanted], [lora.weight for lora in wanted])
        for layer, (active, disabled) in before.items():
            if active and not disabled:
                layer.set_adapter([*active, *layer.active_adapters])
            layer.enable_adapters(True)
        yield
    finally:
        for part, elsewhere in own.items():
            for layer in layers_of(part):
                active, disabled = before.get(layer, ([], False))
                # Diffusers reads from the first layer, whatever adapters it has, which ones are active.
                layer.set_adapter(elsewhere if _is_soarts(layer) else active)
                if disabled:
                    layer.enable_adapters(False)
                # PEFT activates some other adapter where an active one is deleted: it must do nothing then.
                for adapter in getattr(layer, "scaling", {}):
                    if adapter.startswith(PREFIX):
                        layer.set_scale(adapter, 0.0)


def _others(layer: Any) -> list[str]:  # noqa: ANN401
    """The active adapters of a layer that are not soart's; none for a layer whose adapters are all soart's."""
    if _is_soarts(layer):
        return []
    return [adapter for adapter in layer.active_adapters if not adapter.startswith(PREFIX)]


def _is_soarts(layer: Any) -> bool:  # noqa: ANN401
    """True if all adapters of a layer are soart's."""
    names = list(getattr(layer, "scaling", {}))
    return bool(names) and all(name.startswith(PREFIX) for name in names)


def _active_elsewhere(part: torch.nn.Module) -> list[str]:
    """The adapters of others that are active in any layer of a part."""
    return list(dict.fromkeys(name for layer in layers_of(part) for name in _others(layer)))


def _load(pipeline: Any, lora: Lora, files: LoraFiles) -> None:  # noqa: ANN401
    """Load a file as an adapter, unless the pipeline has it."""
    adapter, path, kind = PREFIX + lora.digest, files.find(lora.name), type(pipeline).__name__
    if files.digest(lora.name) != lora.digest:
        raise LoraError(f"The file of the LoRA {lora.name!r} has changed since the picture was planned: start again.")
    if not hasattr(pipeline, "load_lora_weights"):
        raise LoraError(f"{kind} takes no LoRAs, because diffusers has no loader for it: leave <lora:{lora.name}> out.")
    if _holds(pipeline, adapter):
        return
    try:
        with one_model_at_a_time():
            pipeline.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name=adapter)
    # The loading libraries may raise anything; their own reason is the best available.
    except Exception as error:
        raise LoraError(f"The LoRA {str(path)!r} does not fit this {kind}: {first_line(error)}.") from error
    if not _holds(pipeline, adapter):
        raise LoraError(f"The LoRA {str(path)!r} does not fit this {kind}: it holds no weights for it.")


def _holds(pipeline: Any, adapter: str) -> bool:  # noqa: ANN401
    return any(adapter in names for names in pipeline.get_list_adapters().values())


def _parts(pipeline: Any) -> list[torch.nn.Module]:  # noqa: ANN401
    return [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]


def layers_of(part: torch.nn.Module) -> list[Any]:
    """The layers of a part of a pipeline that have adapters.

    Raises:
        LoraError: PEFT is not installed.
    """
    try:
        from peft.tuners.tuners_utils import BaseTunerLayer
    except ImportError as error:
        raise LoraError(f"LoRAs need the package PEFT: {install_command('models')}.") from error

    return [layer for layer in part.modules() if isinstance(layer, BaseTunerLayer)]


def _layers(pipeline: Any) -> list[Any]:  # noqa: ANN401
    """The layers of a pipeline that have adapters."""
    return [layer for part in _parts(pipeline) for layer in layers_of(part)]
