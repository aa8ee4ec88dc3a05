"""Writes docs/licences.md: the licences of what soart and each of its extras install; ``make licences`` runs it.

It reads the packages that are installed here, and the libraries that they bring along.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
#: Libraries in wheels whose licence is stricter than that of the package, by the beginning of their names.
BUNDLED = {
    "libx265": "GPL-2.0",
    "libx264": "GPL-2.0",
    "libde265": "LGPL-3.0",
    "libheif": "LGPL-3.0",
    "libavcodec": "LGPL-2.1",
}
#: Extras for work on soart itself.
DEVELOPMENT = ("bench", "dev", "docs")
INTRODUCTION = """# Licences

soart is under the Apache License 2.0. This page lists the packages that it installs under a copyleft licence, libraries of such licences inside
packages, and packages that name no licence. All others are permissive. `make licences` writes it from the installed packages. Weights of models have
licences of their own, see [judges](judges.md). The weights of [NIMA](about-judges.md#nima) that come with soart are
[idealo's](https://github.com/idealo/image-quality-assessment) (`weights_mobilenet_aesthetic_0.07.hdf5`, Apache License 2.0); their normalisations
were folded into the convolutions. The 28 pictures of `soart demo` are
[nicholasgriffintn's](https://github.com/nicholasgriffintn/ai-image-generation-comparison) (Apache License 2.0), made smaller.

The extra `formats` installs code under the GPL: mind its terms before you pass on a product that contains it.

| installed by | packages | copyleft |
|---|---|---|
"""


def licence_of(package: Distribution) -> str:
    """The licence as its metadata name it; empty if they name none."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [one.rpartition(" :: ")[2] for one in metadata.get_all("Classifier", []) if "License ::" in one]
    # Some put the whole text here.
    return ", ".join(classifiers) or str(metadata.get("License") or "").strip().partition("\n")[0]


def copyleft(licence: str) -> bool:
    """True for the GNU licences and the Mozilla one, unless another may be chosen."""
    return re.search(r"GPL|GNU|Mozilla|MPL", licence) is not None and re.search(r"\bOR\b", licence) is None


def needed(requirements: Iterable[str]) -> tuple[dict[str, Distribution], set[str]]:
    """Packages that requirements install, by name, and names of those that are not installed here."""
    found: dict[str, Distribution] = {}
    missing: set[str] = set()
    waiting = [(Requirement(one), "") for one in requirements]
    seen = set()
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        for wanted in ("", *sorted(requirement.extras)):
            if (name, wanted) in seen:
                continue
            seen.add((name, wanted))
            try:
                package = distribution(name)
            except PackageNotFoundError:
                missing.add(name)
                continue
            if name != "soart":
                found[name] = package
            waiting += [(Requirement(one), wanted) for one in package.requires or ()]
    return found, missing


def stricter(package: Distribution) -> list[str]:
    """The copyleft licences of a package and of the libraries in it, in words; so is a licence that is not named."""
    licence = licence_of(package)
    words = [licence] if copyleft(licence) else ["names no licence"] if licence in ("", "UNKNOWN") else []
    names = {Path(str(file)).name for file in package.files or ()}
    libraries = {one: BUNDLED[one] for one in BUNDLED if any(name.startswith(one) for name in names)}
    return words + [f"{name} inside: {libraries[name]}" for name in sorted(libraries)]


def page() -> str:
    """The page."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base, _ = needed(project["dependencies"])
    rows = []
    for extra, requirements in {"": project["dependencies"], **project["optional-dependencies"]}.items():
        found, missing = needed(requirements)
        own = {name: package for name, package in found.items() if not extra or name not in base}
        notes = [
            f"{name} ({', '.join(words)})" for name, package in sorted(own.items()) if (words := stricter(package))
        ]
        if missing:
            notes.append(f"not known here: {', '.join(sorted(missing))}")
        label = f"extra `{extra}`" + (", for development" if extra in DEVELOPMENT else "") if extra else "soart"
        rows.append(f"| {label} | {len(own)} | {'; '.join(notes) or '–'} |")
    return INTRODUCTION + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")
