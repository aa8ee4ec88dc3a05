"""Times the way from a folder that nobody has looked at to a ranking by one's own taste, and measures how good that is.

The folder holds pictures of 1,024 × 1,024 pixels: the embedded model draws them, and they are enlarged, with a little grain, so that
a file has 1.4 MB. The command is ``soart start`` in a separate process. A simulated person, whose taste is planted in what the
prompts ask for, rates sixteen pictures over HTTP, one every ``--pace`` seconds, as they are offered. Then others with other
tastes do the same, without pauses. The share of unseen pictures that each ranking puts in the right order is its AUC; the model draws
what it was asked for in about four of five pictures, so no ranking reaches 1.

CPU seconds are those of all processes of the server, which say more than the clock on a machine that is shared.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import httpx2 as httpx
import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import command, interval, progress
from soart.benchmarks.data.drawing import drawn_once
from soart.benchmarks.data.planted import Taste
from soart.benchmarks.hosts.gallery import Gallery, enter, family
from soart.pipelines.services.start import GOAL
from soart.training.captions import Scene
from soart.training.judge import balanced_scenes

SEED, SIDE = 51, 1024
#: Most different drawings; further pictures are other crops of these.
DRAWINGS = 600
#: Longest wait for anything, in seconds.
LONGEST = 3600
#: Each likes two options of one property, or one of two properties, and no other picture.
TASTES = tuple(
    Taste(f"{first} or {second}", ((factors[0], first), (factors[1], second)), (), either=True)
    for factors, pairs in (
        (("palette", "palette"), "warm earthy,cool neon,pastel monochrome,warm neon,cool monochrome,pastel earthy"),
        (("style", "style"), "flat pixel,watercolor sketch,pointillism woodcut,flat watercolor,pixel woodcut,sketch pointillism"),
        (("palette", "style"), "warm sketch,cool watercolor,pastel flat,neon pixel,earthy woodcut,monochrome pointillism,warm pixel,"
                               "cool flat,pastel woodcut,neon sketch,earthy watercolor,monochrome flat"),
    )
    for first, second in map(str.split, pairs.split(","))
)  # fmt: skip


def write_pictures(folder: Path, cache: Path, count: int) -> dict[str, Scene]:
    """Write the pictures of a folder, unless they are there; returns the scene of each by the name of its file."""
    scenes = balanced_scenes(min(count, DRAWINGS), SEED)
    pictures = drawn_once("first-ranking", scenes, SEED, cache)
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for number, (scene, pixels) in zip(range(count), cycle(zip(scenes, pictures, strict=True)), strict=False):
        path = folder / f"{number:05d}.png"
        found[path.name] = scene
        if not path.exists():
            rng = np.random.default_rng([SEED, number])
            margin = 0 if number < len(scenes) else int(rng.integers(1, 9))
            side = len(pixels) - margin + margin // 2
            crop = Image.fromarray(pixels).crop((margin // 2, margin // 2, side, side))
            large = np.asarray(crop.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.int16)
            grain = rng.integers(-2, 3, (SIDE, SIDE, 1), dtype=np.int16)
            Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8)).save(path, compress_level=4)
            progress(number + 1, count, "writing")
    return found


def cpu_seconds(server: Gallery) -> float:
    """Seconds of CPU that the server and its processes, also those that ended, have taken."""
    ticks = 0
    for process in family(server.process.pid):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # It has just ended.
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Watch:
    """Notes when the server reaches something: the clock and the CPU of its processes since the command."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.resting = 0.0

    def note(self, server: Gallery, what: str) -> None:
        """Print a line."""
        seconds = time.monotonic() - self.began
        print(
            f"{what:52} {seconds:8.1f} s, {seconds - self.resting:8.1f} s without the person {cpu_seconds(server):8.1f} s CPU",
            flush=True,
        )

    def rest(self, seconds: float) -> None:
        """Wait as a person does who looks at a picture."""
        time.sleep(seconds)
        self.resting += seconds


def waited(question: Iterator[object], pause: float = 0.1) -> object:
    """The first answer that is not empty, within ``LONGEST`` seconds; one question each ``pause`` seconds."""
    end = time.monotonic() + LONGEST
    for answer in question:
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError("waited in vain")
        time.sleep(pause)
    raise AssertionError("unreachable")


class Person:
    """A simulated person with a login of its own."""

    def __init__(self, server: Gallery, name: str, taste: Taste, scenes: dict[str, Scene]) -> None:
        self.client = httpx.Client(base_url=server.address, timeout=120)
        self.name, self.taste, self.scenes = name, taste, scenes
        self.headers = enter(self.client, server, name)
        self.rated: set[int] = set()

    def get(self, path: str) -> httpx.Response:
        """A page or an answer of the collection."""
        return self.client.get(f"/c/0{path}").raise_for_status()

    def post(self, path: str, **body: object) -> None:
        """Ask for a change."""
        self.client.post(f"/c/0{path}", json={"rater": self.name, **body}, headers=self.headers).raise_for_status()

    def file_of(self, image: int) -> str:
        """The name of the file of a picture."""
        return self.get(f"/download/{image}").headers["content-disposition"].rpartition("'")[2]

    def next_picture(self) -> int:
        """The next picture to rate, once its pixels have arrived."""
        cells = waited(self.get("/api/queue?count=1").json()["cells"] for _ in iter(int, 1))
        assert isinstance(cells, list)
        self.get(f"/pictures/{cells[0]['id']}/large?v={cells[0]['v']}")
        return int(cells[0]["id"])

    def rate(self, image: int) -> None:
        """Rate a picture by the taste."""
        liked = self.taste.label(self.scenes[self.file_of(image)]) > 0
        self.post("/api/rate", image=image, stars=5 if liked else 1)
        self.rated.add(image)

    def state(self) -> dict[str, dict[str, object]]:
        """The state of the view Quick start."""
        found: dict[str, dict[str, object]] = self.get("/api/start").json()
        return found

    def learn(self) -> None:
        """Wait until the taste is learnt from all ratings, and the pictures are ranked by it."""
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            made = self.state()["progress"]
            if not made["learning"] and made["learnt"] == len(self.rated):
                return
            if not made["learning"]:
                self.post("/api/learn")
            time.sleep(0.2)
        raise TimeoutError("waited in vain")

    def ranked(self) -> dict[int, float]:
        """Scores of the taste by picture."""
        ids = self.get("/api/ids").json()["ids"]
        scores = {}
        for start in range(0, len(ids), 200):
            part = ",".join(map(str, ids[start : start + 200]))
            cells = self.get(f"/api/cells?ids={part}&by={self.name}").json()["cells"]
            scores |= {cell["id"]: cell["score"] for cell in cells if cell["score"] is not None}
        return scores

    def auc(self, files: dict[int, str]) -> float:
        """AUC on the pictures that were not rated."""
        scores = {image: score for image, score in self.ranked().items() if image not in self.rated}
        labels = [self.taste.label(self.scenes[files[image]]) > 0 for image in scores]
        return float(roc_auc_score(labels, list(scores.values())))


def main() -> None:
    """Write, run and print."""
    chosen = command(__doc__, cache=True, count=300, pace=2.5, tastes=len(TASTES), folder=None).parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        folder = chosen.folder or home / "pictures"
        scenes = write_pictures(folder, chosen.cache, chosen.count)
        watch = Watch()
        with Gallery(folder, home, ("start",)) as server:
            watch.note(server, "the address is printed")
            with httpx.Client(base_url=server.address, timeout=120, follow_redirects=True) as client:
                client.get(server.entrance, headers={"accept": "text/html"}).raise_for_status()
            watch.note(server, "the page has arrived")
            first = Person(server, "me", TASTES[0], scenes)
            image = first.next_picture()
            watch.note(server, "the first picture has arrived")
            for number in range(GOAL):
                watch.rest(chosen.pace)
                first.rate(image)
                if number < GOAL - 1:
                    image = first.next_picture()
            watch.note(server, f"{GOAL} ratings")
            first.learn()
            watch.note(server, f"first ranking, of {len(first.ranked())} pictures")

            def whole() -> Iterator[bool]:
                while True:
                    reading = first.state()["reading"]
                    yield not reading["live"] and len(first.ranked()) >= reading["pictures"]

            # As often as the page asks: every question costs the server time.
            waited(whole(), 1)
            watch.note(server, f"ranking of all {len(first.ranked())} pictures")
            files = {image: first.file_of(image) for image in first.get("/api/ids").json()["ids"]}
            reached = [first.auc(files)]
            for number, taste in enumerate(TASTES[1 : chosen.tastes], 2):
                person = Person(server, f"person {number}", taste, scenes)
                for _ in range(GOAL):
                    person.rate(person.next_picture())
                person.learn()
                reached.append(person.auc(files))
                progress(number, chosen.tastes, "tastes")
    for taste, value in zip(TASTES, reached, strict=False):
        print(f"{taste.name:30} {value:.3f}")
    if len(reached) > 1:
        mean, low, high = interval(np.array(reached))
        print(
            f"AUC on unseen pictures after {GOAL} ratings, {len(reached)} tastes: mean {mean:.3f} ({low:.3f} … {high:.3f}), "
            f"median {np.median(reached):.3f}, worst {min(reached):.3f}"
        )


if __name__ == "__main__":
    main()
