"""Prints the lowest versions that pyproject.toml allows, as constraints of pip: python .ci/floors.py [EXTRA …].

With ``--unsafe`` it prints versions below them with which strangers got in: soart's own checks must hold with these too.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Its builds differ by machine, so it is taken as it comes.
_AS_INSTALLED = {"torch"}
#: Versions below the floors with which strangers got in: the last diffusers that ran the code of a local model folder, and the
#: starlette that took a part of the header Host for the path.
UNSAFE = {"diffusers": "0.37.1", "starlette": "1.0.0"}


def floors(requirements: Iterable[str]) -> Iterator[str]:
    """A constraint for each requirement with a lower bound.

    Raises:
        ValueError: a requirement has none.
    """
    for requirement in requirements:
        parts = re.match(r"([\w.-]+)(?:\[[\w,]+\])?(?:>=([\w.]+))?", requirement)
        if parts is None or parts[2] is None:
            raise ValueError(f"{requirement!r} has no lower bound: write NAME>=VERSION.")
        if parts[1] not in _AS_INSTALLED:
            yield f"{parts[1]}=={parts[2]}"


def main(arguments: list[str]) -> None:
    """Print the constraints."""
    if arguments == ["--unsafe"]:
        print("\n".join(f"{name}=={version}" for name, version in UNSAFE.items()))
        return
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    print("\n".join(floors([*project["dependencies"], *(one for extra in arguments for one in extras[extra])])))


if __name__ == "__main__":
    main(sys.argv[1:])
