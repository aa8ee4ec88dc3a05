"""Forty words that people type into a search: how many pictures of folders each finds, by what, and the first ten to look at.

python benchmarks/search/words.py FOLDER... --sheets FOLDER        one row for each word that is seen in pictures
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PIL import Image

from soart.benchmarks.common import command
from soart.errors import SoartError
from soart.metrics.damage.technical import TechnicalJudge
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.judges.searching import Search
from soart.pipelines.scoring.measuring import open_pictures

WORDS = (
    "portrait,woman,man,person,people,crowd,face,girl,sea,beach,dog,cat,bird,horse,red car,car,night,sunset,watercolor,oil painting,anime,"
    "hands,text,flower,tree,forest,mountain,city,castle,robot,dragon,astronaut,food,water,top view,black and white,blue tones,fantasy,boat,frog"
)


def main() -> None:
    """Search, and print."""
    parser = command(__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--sheets", type=Path, required=True)
    for folder in (arguments := parser.parse_args()).folders:
        collection, rows, _ = open_pictures([folder], TechnicalJudge.load())
        shown: list[list[Path]] = []
        for word in WORDS.split(","):
            try:
                hits, notes = Search.of(word, Catalogue().find).find(collection, rows)
            except SoartError as error:
                hits, notes = [], [str(error)]
            if seen := [collection.locate(hit.row) for hit in hits if hit.value < 1]:
                shown.append(seen[:10])
            by = dict(Counter("seen" if hit.value < 1 else hit.evidence for hit in hits))
            print(f"{folder.name}: {word}: {len(hits)} {by}{f' row {len(shown)}' * bool(seen)} {' '.join(notes)}")
        sheet = Image.new("RGB", (1000, 100 * max(1, len(shown))))
        for place, path in ((place, path) for place, paths in enumerate(shown) for path in enumerate(paths)):
            sheet.paste(Image.open(path[1]).convert("RGB").resize((100, 100)), (100 * path[0], 100 * place))
        sheet.save(arguments.sheets / f"{folder.name}.png")


if __name__ == "__main__":
    main()
