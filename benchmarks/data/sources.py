"""Source pictures of benchmarks: photographs and drawings of distinct scenes.

Pictures come with scikit-image and scikit-learn, and in packages of Debian 13 which are downloaded and unpacked into
the cache (1.4 GB). On a machine without apt only the bundled pictures are used, and benchmarks that need others end with a
sentence. ``CHOSEN`` names every picture: of related ones (a shared area, night and day, sizes of one motif) one is named; logos,
text, maps and scenes that look damaged by nature are left out. Photographs measure at least 384 pixels on the shorter side;
drawings 334.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from soart.metrics.formats.decoders import SUFFIXES

PHOTOGRAPH, DRAWING = "photograph", "drawing"
#: Kinds of the pictures of published.py.
WEB, ART = "web photograph", "scanned art"
#: Libraries that bring pictures, with their modules.
LIBRARIES = {"scikit-image": "skimage", "scikit-learn": "sklearn"}
#: Crops of less contrast than this (standard deviation, 0…1) are drawn again, because damage does not show on plain
#: paper.
CONTRAST = 0.04
_WESNOTH, _CORE = "usr/share/games/wesnoth/1.18/data/campaigns", "usr/share/games/wesnoth/1.18/data/core/images"
_PORTRAITS = f"{_CORE}/portraits"

#: Package, kind, folder inside it, and the names of the pictures without their suffixes.
CHOSEN = (
    ("scikit-image", PHOTOGRAPH, "data",
     "astronaut brick camera coffee grass gravel hubble_deep_field ihc motorcycle_left retina rocket"),
    ("scikit-learn", PHOTOGRAPH, "datasets/images", "china flower"),
    ("budgie-backgrounds", PHOTOGRAPH, "usr/share/backgrounds/budgie",
     "abstract-spiral beacon-street-sunset blue-periwinkle canyon-wren casa-mila extreme-desert-hike "
     "high-trestle-trail lake-sherburne oakland-zoo-otters perched-osprey piazza-gae-aulenti roman-colosseum "
     "singaporean-cityscape tea-gardens"),
    ("budgie-backgrounds", DRAWING, "usr/share/backgrounds/budgie", "ocean-waves waves-midnight"),
    ("lomiri-wallpapers-16.04", PHOTOGRAPH, "usr/share/backgrounds",
     "Bridge_by_Sander_Klootwijk Dragonfly_by_Bolly Picture_0B_by_freespace Picture_1A_by_freespace "
     "Wine_by_Jakkub_Mede aitzgorri_by_Aitzol_Berasategi free_by_Peter_Nerlich friends_by_Aitzol_Berasategi "
     "greentock_by_Peter_Nerlich life_by_Aitzol_Berasategi picosdeeuropa_by_Aitzol_Berasategi "
     "seeding_by_Clements_Engelhardt sunset_by_Aitzol_Berasategi"),
    ("lomiri-wallpapers-20.04", PHOTOGRAPH, "usr/share/backgrounds", "Kleiber_by_Lukas_Baubkus"),
    ("lomiri-wallpapers-20.04", DRAWING, "usr/share/backgrounds", "Painting-Colors_by__herobrine7gamer"),
    ("lxqt-themes", PHOTOGRAPH, "usr/share/lxqt/wallpapers",
     "Butterfly-Kenneth-Wimer Valendas after-the-rain beam cloud flowers this-is-not-windows"),
    ("lxqt-themes", DRAWING, "usr/share/lxqt/wallpapers", "triangles"),
    ("mate-backgrounds", PHOTOGRAPH, "usr/share/backgrounds/mate/nature",
     "Aqua Blinds Dune FreshFlower Garden GreenMeadow LadyBird RainDrops Storm TwoWings YellowFlower"),
    ("mate-backgrounds", DRAWING, "usr/share/backgrounds/mate/abstract", "Elephants_3840x2160"),
    ("tuxpaint-data", PHOTOGRAPH, "usr/share/tuxpaint/templates",
     "burnt_bark cliff clouds_from_airplane corn_maze jellyfish lighthouse lough_leane mossy_bark mossy_log mudstone "
     "ocean_splash ocean_waves redwoods_above rocks sheep sun_behind_clouds sun_behind_leaves trees_above "
     "trees_at_dusk wool_mill_machine"),
    ("tuxpaint-data", DRAWING, "usr/share/tuxpaint/starters",
     "carcassone chicken frog nagasaki pansy rocket shipwreck street tux_farmer"),
    ("ukui-wallpapers", DRAWING, "usr/share/backgrounds",
     "2004default calla firstgeneration goldfish rhythm rollpaper string"),
    ("wesnoth-1.18-httt", DRAWING, f"{_WESNOTH}/Heir_To_The_Throne/images/story",
     "arrival_of_the_heir httt_story1 httt_story2 httt_story3 httt_story4 httt_story5 httt_story6 httt_story7 "
     "httt_story8"),
    ("wesnoth-1.18-httt", DRAWING, f"{_WESNOTH}/Heir_To_The_Throne/images/portraits",
     "asheviere delfador-elvish kalenz konrad-elvish lisar moremirmu"),
    ("wesnoth-1.18-l", DRAWING, f"{_WESNOTH}/Liberty/images/story",
     "Halstead frontier island return_to_Dallben_and_Delwyn"),
    ("wesnoth-1.18-trow", DRAWING, f"{_WESNOTH}/The_Rise_Of_Wesnoth/images/story",
     "trow_intro_01 trow_intro_03 trow_intro_04 trow_intro_05 trow_intro_06 trow_intro_07 trow_intro_08 "
     "trow_intro_09 trow_intro_10 trow_story_01-A_Summer_of_Storms trow_story_02-The_Fall "
     "trow_story_03-A_Harrowing_Escape trow_story_04-Fall_of_Eldaric trow_story_04a-The_Swamp_of_Esten "
     "trow_story_04b-The_Midlands trow_story_06-Temple_in_the_Deep trow_story_13-Peoples_in_Decline "
     "trow_story_15-A_New_Land"),
    ("wesnoth-1.18-trow", DRAWING, f"{_WESNOTH}/The_Rise_Of_Wesnoth/images/portraits",
     "addroran aryad dionli eldaric jevyan rithrandil"),
    ("wesnoth-1.18-tsg", DRAWING, f"{_WESNOTH}/The_South_Guard/images/story", "summer"),
    ("wesnoth-1.18-tsg", DRAWING, f"{_WESNOTH}/The_South_Guard/images/portraits", "deoran eltenmir ethiliel sir-gerrick"),
    ("gnome-backgrounds", DRAWING, "usr/share/backgrounds/gnome", "adwaita-l"),
    ("lomiri-wallpapers-20.04", DRAWING, "usr/share/backgrounds", "Fossa_by_Jasper_Roks Infinite-Sea_by_Aury88"),
    ("lxqt-themes", PHOTOGRAPH, "usr/share/lxqt/wallpapers", "appleflower butterfly drop"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/undead", "ancient-lich bone-shooter ghost nightgaunt walking-corpse"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/drakes", "clasher flameheart inferno"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/monsters",
     "bat-dread crocodile dragonfly giant-mudcrawler herald jumping-spider nibbler sea-serpent woodland_boar"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/humans",
     "bandit cavalryman fencer halberdier iron-mauler lieutenant marshal-2 outlaw pikeman sergeant thief woodsman"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/elves", "lady scout sylph"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/dwarves", "dragonguard runemaster ulfserker"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/orcs", "slayer"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/wolves", "wolf-chewing"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/nagas", "naga-mace_warrior1"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/goblins", "direwolver"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/merfolk", "brawler hunter triton"),
    ("wesnoth-1.18-data", DRAWING, f"{_PORTRAITS}/dunefolk", "rover"),
    ("wesnoth-1.18-did", DRAWING, f"{_WESNOTH}/Descent_Into_Darkness/images/portraits", "drogan"),
    ("wesnoth-1.18-dm", DRAWING, f"{_WESNOTH}/Delfadors_Memoirs/images/portraits", "garard methor"),
    ("wesnoth-1.18-dw", DRAWING, f"{_WESNOTH}/Dead_Water/images/portraits", "cylanna"),
    ("wesnoth-1.18-ei", DRAWING, f"{_WESNOTH}/Eastern_Invasion/images/portraits", "dacyn gweddry terraent"),
    ("wesnoth-1.18-l", DRAWING, f"{_WESNOTH}/Liberty/images/portraits", "harper-male relana"),
    ("wesnoth-1.18-low", DRAWING, f"{_WESNOTH}/Legend_of_Wesmere/images/portraits", "crelanu olurf"),
    ("wesnoth-1.18-sof", DRAWING, f"{_WESNOTH}/Sceptre_of_Fire/images/portraits", "alanin elvish_marshal thursagan"),
    ("wesnoth-1.18-sota", DRAWING, f"{_WESNOTH}/Secrets_of_the_Ancients/images/portraits", "shynal-outlaw"),
    ("wesnoth-1.18-sotbe", DRAWING, f"{_WESNOTH}/Son_Of_The_Black_Eye/images/portraits", "flartar inarix lanbech"),
    ("wesnoth-1.18-thot", DRAWING, f"{_WESNOTH}/The_Hammer_of_Thursagan/images/portraits", "angarthing hamel pelias"),
    ("wesnoth-1.18-trow", DRAWING, f"{_WESNOTH}/The_Rise_Of_Wesnoth/images/portraits", "edmond ladoc"),
    ("wesnoth-1.18-tsg", DRAWING, f"{_WESNOTH}/The_South_Guard/images/portraits", "hylas"),
    ("wesnoth-1.18-ttb", DRAWING, f"{_WESNOTH}/Two_Brothers/images/portraits", "arvith"),
    ("wesnoth-1.18-utbs", DRAWING, f"{_WESNOTH}/Under_the_Burning_Suns/images/portraits", "commander kaleh"),
    ("wesnoth-1.18-utbs", DRAWING, f"{_WESNOTH}/Under_the_Burning_Suns/images/portraits/quenoth", "champion shaman"),
    ("wesnoth-1.18-wof", DRAWING, f"{_WESNOTH}/Winds_of_Fate/images/portraits", "wyrm"),
    ("wesnoth-1.18-data", DRAWING, f"{_CORE}/story",
     "grim-altar landscape-battlefield_nohumans landscape-bridge_sun landscape-castle landscape-coast "
     "landscape-hills-01 landscape-hills-02 landscape-mountains-01 landscape-mountains-03 landscape-mountains-04 "
     "landscape-mountains-05 landscape-plain swamp-01 swamp-02 swamp-03"),
    ("wesnoth-1.18-did", DRAWING, f"{_WESNOTH}/Descent_Into_Darkness/images/story", "book end parthyn travel"),
    ("wesnoth-1.18-sota", DRAWING, f"{_WESNOTH}/Secrets_of_the_Ancients/images/story", "cemetery"),
    ("wesnoth-1.18-ttb", DRAWING, f"{_WESNOTH}/Two_Brothers/images/story",
     "Two_Brothers_M1P1 Two_Brothers_M1P2 Two_Brothers_M2P1 Two_Brothers_M4P1_the_end"),
    ("wesnoth-1.18-wof", DRAWING, f"{_WESNOTH}/Winds_of_Fate/images/story", "drakes-engage-fleet"),
    ("naev-data", DRAWING, "usr/share/naev/dat/gfx/planet/exterior",
     "aquatic aquatic2 aquatic3 desertic desertic2 desertic3 desertic4 forest forest2 gas lava mining mining4 "
     "mining5 mining6 oceanic oceanic2 rocky_small scrapped_station snow snowy_cliffs station03 traderoom"),
    ("plasma-workspace-wallpapers", PHOTOGRAPH, "usr/share/wallpapers",
     "BytheWater/contents/images/2560x1600 ColorfulCups/contents/images/2560x1600 "
     "EveningGlow/contents/images/2560x1600 FallenLeaf/contents/images/2560x1600 Grey/contents/images/2560x1600 "
     "Kite/contents/images/2560x1600 OneStandsOut/contents/images/2560x1600 Path/contents/images/2560x1600 "
     "summer_1am/contents/images/2560x1600 MilkyWay/contents/images/5120x2880 Volna/contents/images/5120x2880"),
    ("plasma-workspace-wallpapers", DRAWING, "usr/share/wallpapers",
     "Altai/contents/images/5120x2880 Autumn/contents/images/2560x1600 Canopee/contents/images/3840x2160 "
     "Cascade/contents/images/3840x2160 Flow/contents/images/5120x2880 FlyingKonqui/contents/images/2560x1600 "
     "Honeywave/contents/images/5120x2880 IceCold/contents/images/5120x2880 Kay/contents/images/5120x2880 "
     "Kokkini/contents/images/3840x2160 Mountain/contents/images/5120x2880 Nexus/contents/images/5120x2880 "
     "Patak/contents/images/5120x2880 SafeLanding/contents/images/5120x2880 ScarletTree/contents/images/5120x2880 "
     "Shell/contents/images/5120x2880"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A source picture: ``name`` is package/stem, unique and stable; ``kind`` is one of the four above."""

    name: str
    kind: str
    path: Path


def unpack(package: str, cache: Path) -> bool:
    """Download a Debian package and unpack it into ``cache/package`` unless it is there; False if that fails."""
    folder = cache / package
    if folder.is_dir():
        return True
    cache.mkdir(parents=True, exist_ok=True)
    # A folder of its own, because another benchmark may fetch the same package at the same time.
    with tempfile.TemporaryDirectory(prefix=f"{package}.", suffix=".part", dir=cache) as place:
        fresh = Path(place) / package
        fresh.mkdir()
        try:
            subprocess.run(["apt-get", "download", "--quiet", package], cwd=fresh, check=True, capture_output=True)
            archive = next(fresh.glob("*.deb"))
            subprocess.run(["dpkg-deb", "-x", archive, fresh], check=True, capture_output=True)
            archive.unlink()
            fresh.rename(folder)
        except (OSError, subprocess.CalledProcessError, StopIteration):
            return folder.is_dir()
    return True


def sources(cache: Path, *, fetch: bool = True) -> list[Source]:
    """All available sources, sorted by name."""
    roots = {}
    for library, module in LIBRARIES.items():
        if spec := find_spec(module):
            roots[library] = Path(spec.origin).parent
        else:
            print(f"{library} is not installed: its pictures are left out.")
    packages = list(dict.fromkeys(package for package, *_ in CHOSEN if package not in LIBRARIES))
    if fetch and not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        print(
            "No apt here: only pictures bundled with scikit-image and scikit-learn, and what the cache holds, are used."
        )
        fetch = False
    for package in packages:
        if fetch and not unpack(package, cache):
            print(f"{package} cannot be downloaded (try apt-get update): its pictures are left out.")
        if (cache / package).is_dir():
            roots[package] = cache / package
    found = []
    for package, kind, folder, names in CHOSEN:
        if package in roots:
            for name in names.split():
                place = roots[package] / folder / name
                files = [
                    path for path in sorted(place.parent.glob(f"{place.name}.*")) if path.suffix.lower() in SUFFIXES
                ]
                if files:
                    # Of a wallpaper in many sizes the folder has the name.
                    found.append(Source(f"{package}/{name.split('/')[0]}", kind, files[0]))
                else:
                    print(f"{package} is of another version: without {name}.")
    return sorted(found, key=lambda source: source.name)


def learning_sources(cache: Path, *, fetch: bool = True) -> list[Source]:
    """Two of three sources that do not come with a library; the technical score is learnt from them."""
    return [s for number, s in enumerate(_without_libraries(cache, fetch=fetch)) if number % 3 != 2]


def unseen_sources(cache: Path, *, fetch: bool = True) -> list[Source]:
    """The other third of the sources that do not come with a library."""
    return _without_libraries(cache, fetch=fetch)[2::3]


def _without_libraries(cache: Path, *, fetch: bool) -> list[Source]:
    found = [source for source in sources(cache, fetch=fetch) if not source.name.startswith("scikit-")]
    if not found:
        raise SystemExit(
            f"{cache} holds no pictures of Debian packages, which this benchmark needs: run it on Debian 13 after "
            "apt-get update, or copy that folder from such a machine."
        )
    return found


def crop(source_pixels: np.ndarray, rng: np.random.Generator, side: int = 256) -> np.ndarray:
    """A random square of a source, reduced so that noise and JPEG of the source are averaged away."""
    shorter = min(source_pixels.shape[:2])
    side = min(side, int(shorter / 1.3))
    for _ in range(20):
        size = min(shorter, int(np.ceil(rng.uniform(max(1.3 * side, shorter / 2), shorter))))
        y, x = (int(rng.integers(0, n - size + 1)) for n in source_pixels.shape[:2])
        patch = Image.fromarray(source_pixels[y : y + size, x : x + size])
        # Not BOX: at 1.3 it averages two pixels in some places and copies one in others.
        patch = patch.resize((side, side), Image.Resampling.HAMMING)
        reduced = np.asarray(patch, dtype=np.float32) / 255
        if reduced.mean(axis=2).std() >= CONTRAST:
            break
    return reduced
