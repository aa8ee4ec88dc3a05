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
#: Side of a small picture in pixels, and rows of a sheet.
SIDE, ROWS = 110, 12


def sheet(rows: list[tuple[str, list[Path]]]) -> Image.Image:
    """One row of small pictures below each heading."""
    page = Image.new("RGB", (10 * SIDE, len(rows) * (SIDE + 14)), "white")
    for place, (heading, paths) in enumerate(rows):
        top = place * (SIDE + 14)
        ImageDraw.Draw(page).text((2, top + 1), heading, fill="black")
        for number, path in enumerate(paths):
            page.paste(Image.open(path).convert("RGB").resize((SIDE, SIDE)), (SIDE * number, top + 14))
    return page


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
                hits, notes = Search.of(word, Catalogue().find).find(collection, rows)
            except SoartError as error:
                hits, notes = [], [str(error)]
            by = dict(Counter("seen" if hit.value < 1 else hit.evidence for hit in hits))
            print(f"{folder.name}: {word}: {len(hits)} {by} {' '.join(notes)}", flush=True)
            if hits:
                shown.append((f"{word}: {len(hits)} {by}", [collection.locate(hit.row) for hit in hits[:10]]))
        for start in range(0, len(shown), ROWS):
            sheet(shown[start : start + ROWS]).save(arguments.sheets / f"{folder.name}-{start // ROWS}.png")


if __name__ == "__main__":
    main()
