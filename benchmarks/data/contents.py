"""Pictures of Debian packages whose content is known, for adherence.

To calibrate: the photographic stamps of tuxpaint, one or several laid on a photograph, and the learning sources of
``sources.py``. To report: the pictures of gcompris, and the unseen sources. Stamps and most pictures of gcompris are named
after what they show; all were looked at. A name stands for every broader noun of the table too: a dog is an animal.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from soart.benchmarks.data.sources import DRAWING, PHOTOGRAPH, Source, learning_sources, unpack, unseen_sources
from soart.metrics.image import read_image

STAMPS, GCOMPRIS = "tuxpaint-stamps-default", "gcompris-qt-data"
#: Nouns by folder of stamps: they hold for the folder and those below.
_FOLDERS = {
    "animals": "animal", "animals/insects": "insect", "animals/mammals": "mammal", "animals/lizards": "lizard",
    "animals/marsupials": "marsupial", "animals/amphibians": "frog", "animals/birds": "bird", "animals/fish": "fish",
    "animals/mammals/bears": "bear", "animals/mammals/apes": "primate", "animals/mammals/rodents": "rodent",
    "animals/mammals/cats": "feline", "animals/mammals/dogs": "canine", "food/fruit": "fruit",
    "food/vegetables": "vegetable", "plants/mushrooms": "mushroom", "hobbies/music": "musical instrument",
    "hobbies/music/string": "stringed instrument", "hobbies/music/brass": "wind instrument",
    "hobbies/music/wind": "wind instrument", "clothes/hats": "hat", "household/tools": "tool", "vehicles": "vehicle",
    "vehicles/auto": "car", "vehicles/race": "racing car", "vehicles/flight/planes": "airplane",
    "vehicles/ship": "boat",
}  # fmt: skip
#: Nouns by name of a stamp; the names that are nouns of the table need none. Empty: what it shows is not sure.
_STAMPS = {
    "loaf_of_bread": "bread", "Strawberry2": "strawberry", "orange": "fruit", "apple_fuji": "apple",
    "apple_granny_smith": "apple", "apple_green": "apple", "apple_red": "apple", "apple_sierra_beauty": "apple",
    "yellowpepper": "bell pepper", "pepper": "bell pepper", "fridge": "refrigerator", "Washing-machine": "washing machine",
    "coffeecup": "cup", "expresso": "cup", "DSLR_Camera": "camera", "digitalcamera": "camera", "camera_35mm": "camera",
    "inkjet_printer": "printer", "laser_printer": "printer", "mobile": "phone", "ballpointpen": "pen", "biro": "pen",
    "hammer2": "hammer", "t-shirt_01": "t-shirt", "bluejeans1": "jeans", "bluejeans2": "jeans", "sunglasses_01": "sunglasses",
    "sunglasses_02": "sunglasses", "red_handbag": "handbag", "hikingboot": "boot", "red_highheel": "shoe",
    "bowtie": "bow tie", "t_sock": "sock", "cowboy_hat": "cowboy hat", "toadstool": "mushroom", "bradley": "tank",
    "f22_raptor": "airplane", "balloon360": "balloon", "guitar2": "guitar", "guitar_classical": "guitar",
    "guitar_electric": "guitar", "guitar_electric_bass": "guitar", "guitar_electric_bass2": "guitar", "violin2": "violin",
    "drumkit": "drum", "drum_tomtom_floor": "drum", "holiday_candle": "candle", "bunny": "rabbit",
    "jackolantern_mean": "jack-o'-lantern", "blackcat": "cat", "Brown_slug": "slug", "pig_golden": "pig",
    "pig_golden2": "pig", "wildboar": "wild boar", "dromedary": "camel", "european-bear": "bear", "edward_bear": "teddy bear",
    "orca": "killer whale", "sea_lion": "sea lion", "zebra2": "zebra", "rabbit-2": "rabbit", "rabbit_little": "rabbit",
    "chimp": "chimpanzee", "lion-2": "lion", "tiger_sumatran": "tiger", "cow_white": "cow", "sheep_lamb": "sheep",
    "ram": "sheep", "indian_blackbuck": "antelope", "drake": "duck", "chicken_profile": "chicken",
    "heron_greatblue": "heron", "heron_greatblue_flying": "heron", "little-penguin": "penguin", "gander": "goose",
    "magellanic_penguin": "penguin", "pink_flamingo": "flamingo", "rainbow-lorikeet": "lorikeet",
    "adelaide-rosella": "parrot", "clownfish": "anemone fish", "tucan": "toucan", "soccer": "soccer ball",
    "tennis_ball": "tennis ball", "cricketball": "ball", "blue_truck": "truck", "garbagetruck": "garbage truck",
    "wheel_tractor": "tractor", "firetruck": "fire engine", "sedan_police": "car", "sail_boat1": "sailboat",
    "sail_boat2": "sailboat", "sportscar": "sports car", "sportscar2": "sports car", "sportscar3": "sports car",
    "green_korean_bus": "bus", "white_train": "train", "bluebike": "bicycle", "motorbike": "motorcycle", "747": "airliner",
    "padlock_closed": "padlock", "padlock_open": "padlock", "usps_mailbox": "mailbox", "stoplight_01_red": "traffic light",
    "frog-1": "frog", "kitten": "cat", "spade": "shovel", "xanthia": "", "monitor": "", "mouse": "", "cep": "mushroom",
    "cep-1": "mushroom", "cep-2": "mushroom", "trumpet": "", "sombrero": "sombrero",
}  # fmt: skip
#: Stamps that are no photographs, show a thing that is not in the table in a folder that is, or stand for parts.
_LEFT_OUT = [
    "symbols", "cartoon", "roadsigns", "flags", "mirror", "body_parts", "iso_", "grave-", "lobster", "shrimp",
    "seahorse", "truck", "walnutBoat", "Woodlouse", "7spoke256", "bikewheel", "tyre_with_rim", "toy_truck", "dumper",
    "bat_left", "turkey", "chick", "chineseJunk", "balloon360", "fireman", "drawing", "plastic", "toys",
    "paintbrush", "toolbox", "measuring_tape", "pink_tricycle", "plane", "button", "crown", "mortarboard",
    "propeller", "cementmixer",
]  # fmt: skip
#: Nouns of the learning and of the unseen sources, by name; others show no noun of the table, as far as one can see.
_SOURCES = {
    "canyon-wren": "bird", "lake-sherburne": "lake, mountain", "perched-osprey": "bird", "lighthouse": "lighthouse",
    "sheep": "animal", "jellyfish": "jellyfish", "Dragonfly_by_Bolly": "dragonfly", "friends_by_Aitzol_Berasategi": "dog",
    "aitzgorri_by_Aitzol_Berasategi": "mountain", "greentock_by_Peter_Nerlich": "clock",
    "picosdeeuropa_by_Aitzol_Berasategi": "mountain", "Butterfly-Kenneth-Wimer": "butterfly", "butterfly": "butterfly",
    "LadyBird": "ladybug", "BytheWater": "lake", "ColorfulCups": "cup", "Mountain": "mountain", "Volna": "beach",
    "roman-colosseum": "building", "casa-mila": "building", "singaporean-cityscape": "building",
    "oakland-zoo-otters": "otter", "Kleiber_by_Lukas_Baubkus": "bird", "free_by_Peter_Nerlich": "bird",
    "Bridge_by_Sander_Klootwijk": "bridge", "Picture_1A_by_freespace": "paintbrush", "EveningGlow": "boat, lake",
    "cliff": "cliff, mountain", "lough_leane": "lake, mountain", "Valendas": "mountain", "tea-gardens": "",
    "piazza-gae-aulenti": "building", "ocean_waves": "beach", "Kite": "", "wool_mill_machine": "", "sunset_by_Aitzol_Berasategi": "",
}  # fmt: skip
#: Files of gcompris: one of cartoon figures on white, 600 pixels wide, and those of photographs of 1,024 pixels and more.
GCOMPRIS_DRAWINGS = "lang"
GCOMPRIS_PHOTOGRAPHS = ("explore_farm_animals", "explore_world_animals", "explore_monuments", "erase")
_GCOMPRIS_FILES = (*GCOMPRIS_PHOTOGRAPHS[:3], GCOMPRIS_DRAWINGS, "categorization")
#: Nouns by name in gcompris, without digits, where the name is not the noun itself.
_GCOMPRIS = {
    "dragon": "lizard", "narwhal": "whale", "polar_bear": "polar bear", "scarlet_macaw": "macaw", "moose": "mammal",
    "giraffe": "mammal", "hedgehog": "mammal", "koala": "koala", "kangaroo": "kangaroo", "pontduGard": "aqueduct, bridge",
    "chateaudeChambord": "castle, building", "neuschwansteinCastle": "castle, building", "schwerinPalace": "castle, building",
    "chateaudeChenonceau": "castle, building", "berlinCathedral": "cathedral, building", "wormsCathedral": "cathedral, building",
    "reimsCathedral": "cathedral, building", "cathedral": "cathedral, building", "citedeCarcassonne": "castle, building",
    "palaisdesPapes": "castle, building", "victoriaMemorial": "building", "mysorePalace": "palace, building",
    "operaHouse": "building", "zimniPalace": "palace, building", "leMusee": "palace, building", "empireState": "building",
    "usCapitol": "building", "georgeWashingtonBirthplace": "building", "arcDeTriomphe": "triumphal arch",
    "IndiaGate": "triumphal arch", "gatewayofIndia": "triumphal arch", "statueofLiberty": "statue", "statueOfLiberty": "statue",
    "screwDriver": "screwdriver", "geothermal": "geyser", "pan": "frying pan", "spoons": "", "knife": "", "plate": "",
    "dam": "dam", "weighingMachine": "", "buffetset": "cup", "hammer": "hammer", "measuringTape": "", "bulb": "",
    "beetle": "beetle", "bug": "insect", "flies": "fly", "mosquito": "insect", "bird": "bird", "animal": "animal",
    "reptile": "snake", "turkey": "bird", "bull": "bull", "rhinoceros": "mammal", "dolphin": "mammal", "mouse": "rodent",
    "fruit": "fruit", "peach": "fruit", "apricot": "fruit", "pear": "fruit", "plum": "fruit", "kiwi": "fruit",
    "coconut": "fruit", "melon": "fruit", "raspberry": "fruit", "orange": "fruit",
}  # fmt: skip
#: Of gcompris: what shows several things, a part, or is not what its name says.
_GCOMPRIS_OUT = (
    "machuPicchu", "montStMichel", "rocamadour", "christTheRedeemer", "mountRushmore", "tajMahal", "trierImperialBaths",
)  # fmt: skip
#: Width and height of composites, and the least and the greatest share of one that a stamp covers.
_COMPOSITE, _SHARES = (768, 576), (0.02, 0.5)


@dataclass(frozen=True, slots=True)
class Content:
    """A picture and what it shows."""

    name: str  # unique
    kind: str  # ``photograph`` or ``drawing``
    pixels: np.ndarray  # (h, w, 3) uint8
    nouns: tuple[str, ...]  # nouns of the table that it shows; broader ones follow from the table


def calibration_contents(cache: Path, table: dict[str, frozenset[int]], rng: np.random.Generator) -> Iterator[Content]:
    """Stamps on plain photographs or white, and the photographs of the learning sources."""
    contents = _learning_contents(cache)
    yield from contents
    grounds = [content.pixels for content in contents if not content.nouns]
    for name, stamp, nouns in _stamps(cache, table):
        yield Content(name, "photograph", _laid(stamp, grounds, rng), nouns)


def composites(
    cache: Path, table: dict[str, frozenset[int]], number: int, rng: np.random.Generator
) -> Iterator[Content]:
    """Photographs with two to four stamps each, from small to large, as pictures of several things."""
    grounds = [content.pixels for content in _learning_contents(cache) if not content.nouns]
    stamps = [stamp for stamp in _stamps(cache, table) if stamp[2]]
    for picture in range(number):
        chosen = [stamps[k] for k in rng.choice(len(stamps), min(int(rng.integers(2, 5)), len(stamps)), replace=False)]
        ground = Image.fromarray(grounds[rng.integers(len(grounds))]).resize(_COMPOSITE).convert("RGBA")
        laid: list[tuple[int, int, int, int]] = []
        nouns: list[str] = []
        # Large ones first: there is room for small ones everywhere.
        shares = sorted(np.exp(rng.uniform(*np.log(_SHARES), len(chosen))), reverse=True)
        for (_, stamp, shown), share in zip(chosen, shares, strict=True):
            scale = np.sqrt(share * ground.width * ground.height / (stamp.width * stamp.height))
            scale = min(scale, 0.9 * ground.width / stamp.width, 0.9 * ground.height / stamp.height)
            small = stamp.resize((max(1, round(stamp.width * scale)), max(1, round(stamp.height * scale))))
            if place := _room(ground.size, small.size, laid, rng):
                ground.alpha_composite(small, place)
                laid.append((*place, place[0] + small.width, place[1] + small.height))
                nouns += shown
        yield Content(
            f"composite-{picture:03d}", "photograph", np.asarray(ground.convert("RGB")), tuple(dict.fromkeys(nouns))
        )


def _room(
    ground: tuple[int, int], size: tuple[int, int], laid: list[tuple[int, int, int, int]], rng: np.random.Generator
) -> tuple[int, int] | None:
    """A random corner at which a stamp of a size covers no other one; None if none is found."""
    for _ in range(50):
        x, y = (int(rng.integers(g - s + 1)) for g, s in zip(ground, size, strict=True))
        if all(
            x >= right or y >= bottom or x + size[0] <= left or y + size[1] <= top for left, top, right, bottom in laid
        ):
            return x, y
    return None


def _learning_contents(cache: Path) -> list[Content]:
    return [_of_source(source) for source in learning_sources(cache) if source.kind == PHOTOGRAPH]


def _stamps(cache: Path, table: dict[str, frozenset[int]]) -> Iterator[tuple[str, Image.Image, tuple[str, ...]]]:
    """Names, pictures and nouns of the stamps that are large enough."""
    unpack(STAMPS, cache)
    folder = cache / STAMPS / "usr" / "share" / "tuxpaint" / "stamps"
    for path in sorted(folder.rglob("*.png")):
        place = path.relative_to(folder)
        if any(part in place.as_posix() for part in _LEFT_OUT):
            continue
        stamp = Image.open(path).convert("RGBA")
        if min(stamp.size) < 80:
            continue
        above = ["/".join(place.parts[:n]) for n in range(1, len(place.parts))]
        own = _STAMPS.get(path.stem, path.stem if path.stem in table else "")
        nouns = [_FOLDERS.get(part, "") for part in above] + [own]
        yield place.as_posix(), stamp, tuple(filter(None, nouns))


def reporting_contents(cache: Path, table: dict[str, frozenset[int]]) -> Iterator[Content]:
    """The pictures of gcompris, and the photographs of the unseen sources."""
    for source in unseen_sources(cache):
        if source.kind == PHOTOGRAPH:
            yield _of_source(source)
    for file in _GCOMPRIS_FILES:
        kind = DRAWING if file == GCOMPRIS_DRAWINGS else PHOTOGRAPH
        for name, pixels in gcompris(cache, file):
            stem = name.rstrip("0123456789")
            if stem not in _GCOMPRIS_OUT:
                text = _GCOMPRIS.get(stem, stem.replace("_", " "))
                nouns = tuple(noun for noun in text.split(", ") if noun in table)
                yield Content(f"{file}/{name}", kind, _reduced(pixels), nouns)


def gcompris(cache: Path, file: str) -> Iterator[tuple[str, np.ndarray]]:
    """Names and (h, w, 3) uint8 pixels of the pictures in a file of gcompris, such as ``lang``."""
    if not unpack(GCOMPRIS, cache):
        raise SystemExit(f"{GCOMPRIS} cannot be downloaded: run this on Debian 13 after apt-get update.")
    for name, content in resources(cache / GCOMPRIS / "usr" / "share" / "gcompris-qt" / "rcc" / f"{file}.rcc"):
        if name.endswith(".webp") and content:
            yield Path(name).stem, read_image(content).pixels


def resources(path: Path) -> Iterator[tuple[str, bytes | None]]:
    """Names and contents of the files in a compiled Qt resource; None for a compression that is not read."""
    blob = path.read_bytes()
    _, version, tree, data, names = struct.unpack_from(">4sIIII", blob)
    width = 22 if version >= 2 else 14

    def walk(number: int, prefix: str) -> Iterator[tuple[str, bytes | None]]:
        place, flags = struct.unpack_from(">IH", blob, tree + width * number)
        length = struct.unpack_from(">H", blob, names + place)[0]
        start = names + place + 6
        name = f"{prefix}/{blob[start : start + 2 * length].decode('utf-16-be')}" if number else ""
        if flags & 2:
            count, first = struct.unpack_from(">II", blob, tree + width * number + 6)
            for child in range(first, first + count):
                yield from walk(child, name)
            return
        at = data + struct.unpack_from(">I", blob, tree + width * number + 10)[0]
        size = struct.unpack_from(">I", blob, at)[0]
        content = blob[at + 4 : at + 4 + size]
        # 1: zlib, after four bytes of length; 4: Zstandard.
        yield name, None if flags & 4 else zlib.decompress(content[4:]) if flags & 1 else content

    yield from walk(0, "")


def implied(nouns: tuple[str, ...], table: dict[str, frozenset[int]]) -> set[str]:
    """The nouns of the table that hold for a picture: those given, and all that are broader."""
    return {word for word, classes in table.items() if any(table[noun] <= classes for noun in nouns if noun in table)}


def _of_source(source: Source) -> Content:
    nouns = tuple(filter(None, _SOURCES.get(source.name.split("/")[-1], "").split(", ")))
    return Content(source.name, "photograph", _reduced(read_image(source.path).pixels), nouns)


def _reduced(pixels: np.ndarray, longest: int = 768) -> np.ndarray:
    picture = Image.fromarray(pixels)
    picture.thumbnail((longest, longest))
    return np.asarray(picture)


def _laid(stamp: Image.Image, grounds: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """A stamp at a random place of a plain photograph or, one in three, on white."""
    side = int(max(stamp.size) * rng.uniform(1.1, 1.8))
    size = (max(side, stamp.width), max(int(side * rng.choice([0.75, 1, 1])), stamp.height))
    ground = Image.new("RGBA", size, "white")
    if rng.integers(3):
        ground = Image.fromarray(grounds[rng.integers(len(grounds))]).resize(size).convert("RGBA")
    ground.alpha_composite(stamp, tuple(int(rng.integers(g - s + 1)) for g, s in zip(size, stamp.size, strict=True)))
    return np.asarray(ground.convert("RGB"))
