"""Makes the space of cards, ``metrics/tastes/cards-1.safetensors``, from the learning sources.

    python benchmarks/taste/build_card_space.py [--width 24] [--write]

Without ``--write`` it prints how much of the items' variance the axes hold. A new space or a new version of items needs
a new ``VERSION`` in ``card_space.py``: cards and populations of the old one fit no more.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from soart.benchmarks.common import command
from soart.benchmarks.data.real_tastes import world
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.tastes import card_space
from soart.metrics.tastes.card_space import CardSpace
from soart.training.card_space import learn_space

WIDTH = 24
#: Tells how a file was saved before, which is hardly a taste.
IGNORED = ("quality/pixel/comb",)


def space(cache: Path, width: int = WIDTH) -> CardSpace:
    """The space of the learning sources' views."""
    place = world(cache, development=True)
    return learn_space(place.both, place.names, taste_extractor(default_network()).version, width, IGNORED)


def main() -> None:
    """Make, describe and perhaps write it."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    made = space(arguments.cache, arguments.width)
    path = Path(card_space.__file__).with_name(f"{card_space.VERSION}.safetensors")
    place = world(arguments.cache, development=True)
    share = np.var(made.coordinates(place.both), axis=0)
    print(f"{made.width} axes for {len(made.centre)} items; share of the first eight in the power of all: "
          f"{share[:8].sum() / share.sum():.0%}")  # fmt: skip
    if arguments.write:
        arrays = {name: np.ascontiguousarray(getattr(made, name), "<f4") for name in ("centre", "scale", "axes")}
        save_file(arrays, path, metadata={"items": made.items})
        print(f"written: {path}, {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
