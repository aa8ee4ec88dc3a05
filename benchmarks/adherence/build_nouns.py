"""Writes the nouns that the ImageNet classes of EfficientNet-Lite0 can show: metrics/items/nouns.txt.

The words come from WordNet 3.0 (Debian's package wordnet-base), the order of the classes from timm. A word stands for
a class if the class is what the word means first: "mouse" is an animal, so that the computer mouse is not called one.
Of the groups above the classes those in GROUPS are taken, because the classes below them cover what people call so:
"dog" has 118 classes, but "person" has a groom, a diver and a baseball player. OWN are everyday words for classes.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from soart.benchmarks.common import ROOT, command
from soart.benchmarks.data.sources import unpack

OUT = ROOT / "metrics" / "items" / "nouns.txt"
HEADER = """\
# Nouns and the numbers of the ImageNet classes that they stand for, written by benchmarks/adherence/build_nouns.py. Words and groups
# from WordNet, with changes; further words by soart (Apache-2.0).
#
# WordNet Release 3.0. This software and database is being provided to you, the LICENSEE, by Princeton University under
# the following license. By obtaining, using and/or copying this software and database, you agree that you have read,
# understood, and will comply with these terms and conditions.: Permission to use, copy, modify and distribute this
# software and database and its documentation for any purpose and without fee or royalty is hereby granted, provided that
# you agree to comply with the following copyright notice and statements, including the disclaimer, and that the same
# appear on ALL copies of the software, database and documentation, including modifications that you make for internal use
# or for distribution. WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved. THIS SOFTWARE AND DATABASE
# IS PROVIDED "AS IS" AND PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES, EXPRESS OR IMPLIED. BY WAY OF
# EXAMPLE, BUT NOT LIMITATION, PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES OF MERCHANTABILITY OR FITNESS
# FOR ANY PARTICULAR PURPOSE OR THAT THE USE OF THE LICENSED SOFTWARE, DATABASE OR DOCUMENTATION WILL NOT INFRINGE ANY THIRD
# PARTY PATENTS, COPYRIGHTS, TRADEMARKS OR OTHER RIGHTS. The name of Princeton University or Princeton may not be used in
# advertising or publicity pertaining to distribution of the software and/or database. Title to copyright in this software,
# database and any associated documentation shall at all times remain with Princeton University and LICENSEE agrees to
# preserve same."""
#: Groups of WordNet, by any of their words.
GROUPS = """
    animal mammal carnivore dog hound terrier spaniel retriever poodle sheepdog schnauzer corgi setter puppy
    bird waterfowl parrot finch fish shark ray insect beetle butterfly dragonfly spider arachnid crab lobster
    crustacean mollusk reptile snake lizard turtle sea_turtle salamander newt amphibian frog crocodilian monkey
    ape primate bear wolf fox cat wildcat big_cat feline canine rabbit rodent elephant whale lemur antelope
    marsupial stork heron bird_of_prey vehicle car truck bus van boat ship sailboat warship aircraft locomotive
    train bicycle motorboat spacecraft airplane wheeled_vehicle watercraft bridge mountain monument building
    fence roof fruit citrus vegetable squash mushroom fungus bread dessert sandwich food drink furniture chair
    table bed sofa lamp clock timepiece computer telephone camera keyboard musical_instrument
    stringed_instrument wind_instrument percussion_instrument piano guitar hat shoe footwear boot necktie coat
    swimsuit helmet mask clothing bag basket ball bottle box pot pan glass knife weapon gun tool hand_tool jar
    jug bowl mug towel curtain sled tank wagon cart handcart stove oven loaf
"""
#: Words that mean something else more often, but not in a prompt: they keep the class that they name.
NAMES = """
    jellyfish hen chihuahua beaver weasel mink otter eel abacus altar barrel cask baseball basketball bobsled
    cannon carousel merry-go-round carton chest dome gondola hammer harvester hatchet honeycomb hook
    jack-o'-lantern joystick library palace pier pinwheel printer projector radiator radio ruler schooner screw
    nail stretcher thimble toaster volleyball wooden_spoon plate head_cabbage broccoli cauliflower zucchini
    spaghetti_squash acorn_squash butternut_squash artichoke fig banana custard_apple pomegranate volcano corn
    peacock quail partridge slug tarantula tick tree_frog green_snake echidna anteater purse mortarboard tub
    tiger ostrich goldfinch robin hammerhead crayfish albatross lynx leopard skunk pufferfish cinema microwave
    television cucumber pineapple courgette bell_pepper bobsleigh pyjama doormat washbasin nautilus capuchin
    sorrel jackfruit sawmill tramcar
"""
#: Words that prompts use for something else: colours, fabrics, light, figures of speech.
LEFT_OUT = """
    orange shades bars mini remote switch safe projectile jersey velvet denim wool woolen woollen trifle bubble
    website tick drape drapery wearable drinkable nutrient stole creature beast gar puck spotlight glass glasses
    sweet coil lounge plate habiliment horologe afters dough lotion chime retriever setter pan
"""
#: Everyday words, each with the first words of the classes that it means.
ALONE = "mountain mountains coast castle palace"  # of OWN: WordNet counts volcanoes, cliffs and palaces among them
OWN = {
    "kitten": "tabby tiger_cat Persian_cat Siamese_cat Egyptian_cat", "horse": "sorrel", "pony": "sorrel",
    "zebra": "zebra", "cow": "ox", "bull": "ox", "cattle": "ox", "pig": "hog", "chicken": "cock hen",
    "rooster": "cock", "sheep": "ram bighorn", "lamb": "ram", "goat": "ibex", "duck": "drake red-breasted_merganser",
    "parrot": "African_grey macaw sulphur-crested_cockatoo lorikeet", "owl": "great_grey_owl",
    "penguin": "king_penguin", "eagle": "bald_eagle", "swan": "black_swan", "seal": "sea_lion",
    "panda": "giant_panda", "red fox": "red_fox", "camel": "Arabian_camel", "squirrel": "fox_squirrel",
    "kangaroo": "wallaby", "polar bear": "ice_bear", "crocodile": "African_crocodile American_alligator",
    "alligator": "American_alligator African_crocodile", "dinosaur": "triceratops",
    "motorcycle": "moped motor_scooter", "motorbike": "moped motor_scooter",
    "bike": "bicycle-built-for-two mountain_bike", "plane": "airliner warplane wing",
    "airplane": "airliner warplane wing", "aeroplane": "airliner warplane wing", "fighter jet": "warplane",
    "train": "bullet_train electric_locomotive steam_locomotive passenger_car freight_car", "taxi": "cab",
    "tram": "streetcar", "police car": "police_van",
    "lorry": "trailer_truck moving_van garbage_truck tow_truck pickup", "racing car": "racer",
    "lighthouse": "beacon", "palace": "palace", "cathedral": "church bell_cote dome monastery",
    "temple": "stupa mosque monastery", "church": "church bell_cote monastery",
    "monument": "obelisk pedestal triumphal_arch stupa megalith", "statue": "pedestal", "castle": "castle",
    "fortress": "castle", "fort": "castle", "bridge": "steel_arch_bridge suspension_bridge viaduct",
    "aqueduct": "viaduct", "mountains": "alp", "mountain": "alp", "beach": "seashore sandbar",
    "coast": "seashore sandbar promontory", "lake": "lakeside", "reef": "coral_reef", "apple": "Granny_Smith",
    "mushroom": "mushroom agaric bolete hen-of-the-woods gyromitra stinkhorn earthstar coral_fungus",
    "toadstool": "agaric mushroom", "coffee": "espresso", "wine": "red_wine", "burger": "cheeseburger",
    "hamburger": "cheeseburger", "pepper": "bell_pepper", "phone": "cellular_telephone dial_telephone pay-phone",
    "tv": "television", "armchair": "rocking_chair throne", "couch": "studio_couch", "sofa": "studio_couch",
    "bookshelf": "bookcase", "lamp": "table_lamp lampshade spotlight", "candle": "candle",
    "clock": "analog_clock digital_clock wall_clock stopwatch digital_watch",
    "watch": "digital_watch stopwatch analog_clock", "laptop": "laptop notebook", "drum": "drum",
    "hat": "cowboy_hat sombrero bonnet bearskin", "shoe": "running_shoe Loafer clog sandal", "boots": "cowboy_boot",
    "boot": "cowboy_boot", "handbag": "purse mailbag", "glasses": "sunglasses sunglass loupe",
    "tie": "Windsor_tie bow_tie bolo_tie", "jeans": "jean", "t-shirt": "jersey", "umbrella": "umbrella",
    "cup": "cup coffee_mug", "teacup": "cup", "pen": "ballpoint fountain_pen quill", "rocket": "missile",
    "soccer ball": "soccer_ball", "football": "soccer_ball football_helmet rugby_ball", "tent": "mountain_tent",
}  # fmt: skip


def read_wordnet(folder: Path) -> tuple[dict[str, tuple[list[str], list[str]]], dict[str, list[str]]]:
    """Words and the broader synsets of every noun synset by its offset, and the synsets of every word by frequency."""
    synsets, senses = {}, {}
    for line in (folder / "data.noun").read_text(encoding="utf-8").splitlines():
        if not line.startswith("  "):
            fields = line.split("|")[0].split()
            count = int(fields[3], 16)
            rest = fields[4 + 2 * count :]
            pointers = [rest[1 + 4 * k : 5 + 4 * k] for k in range(int(rest[0]))]
            broader = [offset for kind, offset, part, _ in pointers if kind in ("@", "@i") and part == "n"]
            synsets[fields[0]] = (fields[4 : 4 + 2 * count : 2], broader)
    for line in (folder / "index.noun").read_text(encoding="utf-8").splitlines():
        if not line.startswith("  "):
            fields = line.split()
            senses[fields[0]] = fields[-int(fields[2]) :]
    return synsets, senses


def nouns(folder: Path, classes: list[str]) -> dict[str, set[int]]:
    """Numbers of the classes that each noun means, for synset offsets of the classes in their order."""
    synsets, senses = read_wordnet(folder)

    def above(offset: str) -> set[str]:
        return {offset}.union(*(above(broader) for broader in synsets[offset][1]))

    under = defaultdict(set)
    for number, offset in enumerate(classes):
        for synset in above(offset):
            under[synset].add(number)

    def meaning(word: str) -> str:
        """The most frequent sense that is not a name."""
        common = [s for s in senses[word.lower()] if any(lemma.islower() for lemma in synsets[s][0])]
        return (common or senses[word.lower()])[0]

    table: dict[str, set[int]] = {}
    first_words = {}
    for number, offset in enumerate(classes):
        first_words.setdefault(synsets[offset][0][0], number)
        for word in synsets[offset][0]:
            if offset in above(meaning(word)) or meaning(word) == offset:
                table.setdefault(word.lower(), set()).update(under[meaning(word)])
        for word in synsets[offset][0]:
            if word.lower() in NAMES.split():
                table.setdefault(word.lower(), set()).add(number)
    for word in GROUPS.split():
        matches = [s for s in senses[word] if len(under.get(s, ())) > 0]
        if matches:
            for lemma in synsets[matches[0]][0]:
                if lemma.lower() == word or meaning(lemma) == matches[0]:
                    table[lemma.lower()] = under[matches[0]]
    table = {word.replace("_", " "): numbers for word, numbers in table.items()}
    for word, names in OWN.items():
        known = set() if word in ALONE.split() else table.get(word, set())
        table[word] = known | {first_words[name] for name in names.split() if name in first_words}
        if missing := [name for name in names.split() if name not in first_words]:
            print(f"no class is named {missing}")
    return {word: numbers for word, numbers in table.items() if word not in LEFT_OUT.split()}


def ranges(numbers: set[int]) -> str:
    """Numbers as in "3,7-9"."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][-1] == number - 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


def main() -> None:
    """Build the table and write it."""
    import timm

    arguments = command(__doc__, cache=True).parse_args()
    if not unpack("wordnet-base", arguments.cache):
        raise SystemExit("wordnet-base cannot be downloaded: try apt-get update.")
    listed = Path(timm.__file__).parent / "data" / "_info" / "imagenet_synsets.txt"
    classes = [line.strip()[1:] for line in listed.read_text(encoding="utf-8").split()]
    table = nouns(arguments.cache / "wordnet-base" / "usr" / "share" / "wordnet", classes)
    lines = [f"{noun}\t{ranges(numbers)}" for noun, numbers in sorted(table.items())]
    OUT.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    print(f"{len(lines)} nouns, {OUT.stat().st_size} bytes: {OUT}")


if __name__ == "__main__":
    main()
