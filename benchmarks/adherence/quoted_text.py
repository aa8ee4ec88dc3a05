"""Measures adherence of quoted text: words in twenty fonts against misspelt twins.

Needs the extra text. Fonts come in packages of Debian; every second one calibrates, the others are reported. Each text
is drawn twice: as quoted, and with one letter replaced, doubled, left out or exchanged for its neighbour. Half of the
pictures are photographs, of the learning or of the unseen sources.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from soart.benchmarks.adherence.embedded_model import auc, calibration_error, line
from soart.benchmarks.common import bootstrap, command
from soart.benchmarks.data.sources import PHOTOGRAPH, Source, learning_sources, unpack, unseen_sources
from soart.metrics.image import read_image
from soart.metrics.items.text import TextExtractor, lines_of
from soart.pipelines.judges.quoted_text import TextSource, reading_error
from soart.prompts.phrases.cutting import Phrase
from soart.training.curves import fit_curve, save_curves

#: Package and file of each font.
FONTS = (
    ("fonts-averia-sans-gwf", "AveriaSansGWF-Light"), ("fonts-beteckna", "Beteckna"), ("fonts-breip", "Breip"),
    ("fonts-cabin", "Cabin-Regular"), ("fonts-cantarell", "Cantarell-VF"), ("fonts-cascadia-code", "CascadiaCode"),
    ("fonts-comfortaa", "Comfortaa-Regular"), ("fonts-comic-neue", "ComicNeue-Regular"),
    ("fonts-courier-prime", "Courier Prime"), ("fonts-crosextra-caladea", "Caladea-Regular"),
    ("fonts-crosextra-carlito", "Carlito-Regular"), ("fonts-dancingscript", "DancingScript-Regular"),
    ("fonts-dosis", "Dosis-Book"), ("fonts-dustin", "Domestic_Manners"), ("fonts-ebgaramond", "EBGaramond12-Regular"),
    ("fonts-ecolier-court", "Ecolier-court"), ("fonts-engadget", "Engadget"), ("fonts-femkeklaver", "femkeklaver"),
    ("fonts-firacode", "FiraCode-Regular"), ("fonts-freefont-ttf", "FreeSerif"), ("fonts-gfs-didot", "GFSDidot"),
    ("fonts-goudybookletter", "GoudyBookletter1911"), ("fonts-hack", "Hack-Regular"), ("fonts-humor-sans", "Humor-Sans"),
    ("fonts-inconsolata", "Inconsolata"), ("fonts-isabella", "Isabella"), ("fonts-jura", "Jura-Regular"),
    ("fonts-junicode", "Junicode-SmExp"), ("fonts-kristi", "Kristi"), ("fonts-lato", "Lato-Regular"),
    ("fonts-league-mono", "LeagueMono-Regular"), ("fonts-liberation", "LiberationSans-Regular"),
    ("fonts-linuxlibertine", "LinLibertine_R"), ("fonts-lobster", "lobster"), ("fonts-lobstertwo", "LobsterTwo-Regular"),
    ("fonts-ocr-b", "OCRB"), ("fonts-oldstandard", "OldStandard-Regular"), ("fonts-open-sans", "OpenSans-Regular"),
    ("fonts-quattrocento", "Quattrocento-Regular"), ("fonts-roboto-unhinted", "Roboto-Regular"),
    ("fonts-rufscript", "Rufscript010"), ("fonts-sil-gentium", "Gentium-R"), ("fonts-tuffy", "tuffy_italic"),
    ("fonts-vollkorn", "Vollkorn-Regular"), ("fonts-yanone-kaffeesatz", "YanoneKaffeesatz-Regular"),
)  # fmt: skip
TEXTS = (
    "open", "coffee", "happy birthday", "no parking", "exit", "library", "fresh bread", "the end", "welcome home",
    "summer sale", "jazz night", "keep calm", "road closed", "ice cream", "good morning", "city hall", "danger",
    "hotel", "station", "flowers", "bakery", "cinema", "museum of art", "to the beach", "season 2", "chapter one",
)  # fmt: skip
#: Fonts that are reported, and texts in each.
REPORTED, EACH, SIDE = 20, 4, 512


def font_files(cache: Path) -> list[Path]:
    """The fonts that can be had, in the order of the table."""
    files = []
    for package, name in FONTS:
        if unpack(package, cache):
            found = sorted(p for s in ("ttf", "otf") for p in (cache / package).rglob(f"{name}.{s}"))
            if found:
                files.append(found[0])
            else:
                print(f"{package} is of another version: without {name}.")
    return files


def misspelt(text: str, rng: np.random.Generator) -> str:
    """The text with one letter replaced, doubled, left out, or exchanged for another one beside it."""
    places = [k for k, letter in enumerate(text) if letter.isalpha()]
    while True:
        k = int(rng.choice(places))
        beside = text[k + 1 : k + 2]
        twin = (
            text[:k] + chr(97 + int(rng.integers(26))) + text[k + 1 :],
            text[:k] + text[k] + text[k:],
            text[:k] + text[k + 1 :],
            text[:k] + beside + text[k] + text[k + 2 :],
        )[int(rng.integers(4))]
        if twin.replace(" ", "") != text.replace(" ", ""):
            return twin


def drawn(text: str, font: Path, grounds: list[Source], rng: np.random.Generator) -> np.ndarray:
    """A picture (512, 512, 3) with a text somewhere in it, on a colour or on a photograph."""
    colour = rng.integers(0, 256, 3)
    ground = Image.new("RGB", (SIDE, SIDE), tuple(int(c) for c in colour))
    if rng.integers(2):
        pixels = read_image(grounds[int(rng.integers(len(grounds)))].path).pixels
        side = min(pixels.shape[:2])
        ground = Image.fromarray(pixels[:side, :side]).resize((SIDE, SIDE))
    text = text.upper() if rng.integers(3) == 0 else text
    size = int(rng.uniform(28, 90))
    while (box := ImageFont.truetype(font, size).getbbox(text))[2] > SIDE - 20:
        size -= 2
    x, y = (int(rng.integers(10, max(11, SIDE - 10 - end))) for end in box[2:])
    under = np.asarray(ground.crop((x, y, x + box[2], y + box[3])).convert("L")).mean()
    ImageDraw.Draw(ground).text(
        (x, y), text, font=ImageFont.truetype(font, size), fill="black" if under > 127 else "white"
    )
    return np.asarray(ground)


def main() -> None:
    """Calibrate if asked to, measure and print."""
    arguments = command(__doc__, cache=True, flags=["calibrate"]).parse_args()
    fonts = font_files(arguments.cache)
    if arguments.calibrate:
        grounds = [source for source in learning_sources(arguments.cache) if source.kind == PHOTOGRAPH]
        errors, shown, names, *_ = measured(fonts[1::2], grounds, np.random.default_rng(1))
        curve = fit_curve(-errors.astype(float), shown, names)
        save_curves({"text": curve})
        print(f"text: {curve} from {len(fonts[1::2])} fonts")
    grounds = [source for source in unseen_sources(arguments.cache) if source.kind == PHOTOGRAPH]
    errors, shown, names, texts, read = measured(fonts[::2][:REPORTED], grounds, np.random.default_rng(2))
    source = TextSource.load()
    p = np.array([source.judge(item, Phrase(text, "text")).shown for item, text in zip(read, texts, strict=True)])
    print(f"{len(set(names))} fonts, {len(p)} pictures, half of them misspelt")
    line("AUC", bootstrap(lambda i: auc(p[i], shown[i]), len(p)), "0.95")
    line("calibration error", bootstrap(lambda i: calibration_error(p[i], shown[i]), len(p)), "0.050")
    line("missed", bootstrap(lambda i: float((p[i] < 0.5)[shown[i]].mean()), len(p)), "–")
    line("false alarms", bootstrap(lambda i: float((p[i] >= 0.5)[~shown[i]].mean()), len(p)), "–")
    wrong = [i for i in range(len(p)) if (p[i] >= 0.5) != shown[i]]
    for i in wrong:
        print(f"  {names[i]:28} {texts[i]!r} {'missed' if shown[i] else 'false alarm'}: read {lines_of(read[i])}")


def measured(fonts, grounds, rng):  # noqa: ANN001, ANN201
    """Errors, truth, fonts, texts and items of every text drawn rightly and misspelt."""
    reader = TextExtractor()
    errors, shown, names, texts, read = [], [], [], [], []
    seconds = 0.0
    for font in fonts:
        for text in rng.choice(TEXTS, EACH, replace=False):
            for right in (True, False):
                picture = drawn(text if right else misspelt(text, rng), font, grounds, rng)
                started = time.perf_counter()
                item = reader.extract(picture)[0]
                seconds += time.perf_counter() - started
                errors.append(reading_error(text, lines_of(item)))
                shown.append(right)
                names.append(font.stem)
                texts.append(str(text))
                read.append(item)
    print(f"{1000 * seconds / len(errors):.0f} ms a picture")
    return np.array(errors), np.array(shown), names, texts, read


if __name__ == "__main__":
    main()
