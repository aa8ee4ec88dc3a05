"""Forty words that people type into a search: how many pictures of folders each finds, by what, and the first ten to look at.

python benchmarks/search/words.py FOLDER... --sheets FOLDER        one row of a sheet for each word that finds some
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PIL import Image, ImageDraw

from soart.benchmarks.common import command
from soart.errors import SoartError
from soart.metrics.damage.technical import TechnicalJudge
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.judges.searching import Search
from soart.pipelines.scoring.measuring import open_pictures

#: The last two are a word of another language and one of none.
WORDS = (
    "portrait,woman,man,people,crowd,face,child,sea,beach,water,boat,fish,dog,cat,bird,horse,frog,dragon,red car,house,castle,city,street,"
    "night,sunset,rain,snow,sky,space,mountain,forest,flower,food,robot,hands,text,watercolor,oil painting,anime,neon,black and white,perro,qxzvbn"
)
SIDE, HEAD = 110, 14  # of a small picture and of a heading, in pixels


def main() -> None:
    """Search, and print."""
    parser = command(__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--sheets", type=Path, required=True)
    for folder in (arguments := parser.parse_args()).folders:
        collection, rows, _ = open_pictures([folder], TechnicalJudge.load())
        shown: list[tuple[str, list[Path]]] = []
        for word in WORDS.split(","):
            try:
                hits, notes = (search := Search.of(word, Catalogue().find)).find(collection, rows)
                notes = [*search.notes, *notes]
            except SoartError as error:
                hits, notes = [], [str(error)]
            by = dict(Counter("seen" if hit.value < 1 else hit.evidence for hit in hits))
            print(f"{folder.name}: {word}: {len(hits)} {by} {' '.join(notes)}", flush=True)
            shown += [(f"{word}: {len(hits)} {by}", [collection.locate(hit.row) for hit in hits[:10]])] * bool(hits)
        sheet = Image.new("RGB", (10 * SIDE, (SIDE + HEAD) * max(1, len(shown))), "white")
        for top, (heading, paths) in zip(range(0, sheet.height, SIDE + HEAD), shown, strict=False):
            ImageDraw.Draw(sheet).text((2, top + 1), heading, fill="black")
            for number, path in enumerate(paths):
                sheet.paste(Image.open(path).convert("RGB").resize((SIDE, SIDE)), (SIDE * number, top + HEAD))
        sheet.save(arguments.sheets / f"{folder.name}.png")


if __name__ == "__main__":
    main()
