"""One judge gives one order, the same values and the same percentiles in every place where it is used."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from PIL.PngImagePlugin import PngInfo
from specimens.scanning import Here

import soart
from soart.metrics.protocols import Reason
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.queries import Query
from soart.pipelines.collection.ratings import rate
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.judges.finding import judges_for
from soart.pipelines.judges.in_memory import best_first, score_batch
from soart.pipelines.keepers.finding import find_keepers
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.pictures import PicturesInMemory
from soart.pipelines.scoring.taste_store import TasteStore, tastes_of
from soart.pipelines.services.judge_choices import ordered, values_and_scale
from soart.pipelines.tastes.agreement import best_and_worst
from soart.pipelines.tuning.panel import Panel, collect_judgements
from soart.pipelines.tuning.study import Trial

PROMPT = "a red boat"
#: Pictures that no judge but a person can say anything about.
UNFIT = {"a_black", "b_tone", "c_tiny"}
STARS = {"p00": 5, "p01": 5, "p02": 5, "p03": 1, "p04": 1, "a_black": 5, "c_tiny": 1}


def ordinary(seed, size=96):
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)).resize(
        (size, size), Image.Resampling.BICUBIC
    )
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, w, h = rng.integers(0, size, 4).tolist()
        draw.ellipse([x, y, x + w // 4 + 3, y + h // 4 + 3], fill=tuple(rng.integers(0, 255, 3).tolist()))
    return image.filter(ImageFilter.GaussianBlur(1 + seed % 3)) if seed % 3 == 1 else image


class Channel:
    """The mean of a channel, in steps of 25, so that some pictures are level."""

    version, needs, scale = "1", ("pixels",), (0.0, 255.0, "")

    def __init__(self, name, channel):
        self.name, self.channel = name, channel

    def values(self, pictures):
        return [float(np.asarray(p)[..., self.channel].mean() // 25 * 25) for p in pictures.pixels()]


class OfBoats(Channel):
    needs = ("pixels", "prompt")


class Sometimes(Channel):
    """Gives dark pictures no value, and does not say why."""

    def values(self, pictures):
        return [value if value > 100 else float("nan") for value in super().values(pictures)]


JUDGES = {
    "overall": lambda: "overall",
    "technical": lambda: "technical",
    "blur": lambda: "blur",
    "taste": lambda: "mine",
    "pixels": lambda: Channel("red", 0),
    "sometimes": lambda: Sometimes("sometimes", 1),
    "person": lambda: "person:ann",
    "pixels and a fault": lambda: {Channel("red", 0): 1.0, "blur": 1.0},
    "two of pixels": lambda: {Channel("red", 0): 1.0, Channel("blue", 2): 0.9},
    "a fault and the score": lambda: {"blur": 2.0, "technical": 0.5},
    "a person and pixels": lambda: {"person:ann": 1.0, Channel("red", 0): 1.0},
    "of a prompt": lambda: OfBoats("boats", 0),
    "adherence": lambda: "adherence",
}


@dataclass
class Shown:
    """An order as a place shows it: names of pictures, best first, with their values and percentiles where it has them."""

    order: list[str]
    values: dict[str, float]
    percentiles: dict[str, float] = field(default_factory=dict)


class World:
    """A folder of pictures with its collection."""

    def __init__(self, base):
        self.folder, self.collection = base / "pictures", Collection(base / "collection")
        self.folder.mkdir()
        for number in range(7):
            self.add(f"p{number:02}", ordinary(number), caption=number != 6)
        self.add("a_black", Image.new("RGB", (96, 96)))
        self.add("b_tone", Image.new("RGB", (96, 96), (200, 200, 200)))
        self.add("c_tiny", ordinary(99, 12))
        self.add("z_twin", ordinary(0), compress_level=1)

    def add(self, name, image, caption=True, **options):
        image.save(self.folder / f"{name}.png", **options)
        if caption:
            (self.folder / f"{name}.txt").write_text(PROMPT)

    def synced(self, by="technical"):
        return sync_and_evaluate(self.collection, Scan([self.folder]), Here(), by)

    @property
    def named(self):
        """Names by picture id."""
        return {row.id: Path(row.path).stem for row in self.collection.images()}

    def rate(self):
        ids = {name: image for image, name in self.named.items()}
        rate(self.collection, "ann", {ids[name]: stars for name, stars in STARS.items() if name in ids})


def later(world):
    world.synced("blur")
    soart.rank(world.folder, by="technical")
    for number in (20, 21):
        world.add(f"n{number}", ordinary(number))
    world.synced()


def unreadable(world):
    (world.folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    world.synced()


def copied(world):
    (world.folder / "p00_copy.png").write_bytes((world.folder / "p00.png").read_bytes())
    world.synced()


def by_models(world):
    """Pictures of one prompt by two models, of which one draws soft ones."""
    for number in range(12):
        image, made = ordinary(50 + 3 * number), PngInfo()
        made.add_text("parameters", f"{PROMPT}\nSteps: 20, Seed: {number}, Model: {('fine', 'soft')[number % 2]}")
        image = image.filter(ImageFilter.GaussianBlur(2)) if number % 2 else image
        world.add(f"m{number:02}", image, caption=False, pnginfo=made)
    world.synced()


WORLDS = {"new": World.synced, "evaluated before": lambda world: world.synced("blur"), "added later": later,
          "one unreadable": unreadable, "exact copies": copied, "two models": by_models}  # fmt: skip


@pytest.fixture(scope="module")
def world(request, tmp_path_factory, small_taste):
    made = World(tmp_path_factory.mktemp("world"))
    made.kind = request.param
    WORLDS[request.param](made)
    made.rate()
    tastes_of(made.collection.folder).save(small_taste)
    yield made
    made.collection.close()


@pytest.fixture(scope="module")
def small_taste():
    bright = [np.asarray(ordinary(seed)) for seed in range(30, 36)]
    dark = [np.asarray(ordinary(seed).point(lambda v: v // 3)) for seed in range(40, 46)]
    return soart.learn_from_pictures("mine", bright, dark, network=None)


def tastes_in(world):
    return CollectionTastes(world.collection, TasteStore(world.folder / "no tastes"))


def by_collection(world, by):
    ranking = soart.rank(world.collection, by=by)
    return Shown([p.path.stem for p in ranking], {p.path.stem: p.score for p in ranking},
                 {p.path.stem: p.percentile for p in ranking})  # fmt: skip


def by_evaluate(world, by):
    world.evaluated = world.synced(by)
    e = world.evaluated.evaluation
    named, order = world.named, np.argsort(-world.evaluated.standing, kind="stable")
    rows = [int(row) for row in order if np.isfinite(e.standing[row])]
    names = {row: named[int(e.ids[row])] for row in rows}
    return Shown([names[row] for row in rows], {names[row]: float(e.scores[e.main][row]) for row in rows},
                 {names[row]: float(e.percentile[row]) for row in rows})  # fmt: skip


def by_keep(world, by):
    """Of each burst of a prompt all pictures, and in it those with a value first; after ``by_evaluate``."""
    keepers, named = find_keepers(world.evaluated, "burst", per_group=1), world.named
    world.bursts = [[named[image] for image in group.images] for group in keepers.groups]
    shown = [
        (named[image], score)
        for group in keepers.groups
        for image, score in zip(group.images, group.scores, strict=True)
    ]
    return Shown(
        [name for name, score in shown if np.isfinite(score)],
        {name: score for name, score in shown if np.isfinite(score)},
    )


def by_gallery(world, by):
    [(judge, _)] = judges_for(by, tastes_in(world))
    query = Query(judge=judge.stored_name, sort="score", scored=True, sound=True)
    ids, named = ordered(world.collection, query, "me"), world.named
    values, scale = values_and_scale(world.collection, judge.stored_name, ids)
    return Shown(
        [named[i] for i in ids],
        {named[i]: values[i] for i in ids},
        {named[i]: scale.percentile(values[i]) for i in ids},
    )


def by_start(world, by):
    [(judge, _)] = judges_for(by, tastes_in(world))
    best, worst = best_and_worst(world.collection, judge.stored_name, 3, alike=True)
    return [world.named[i] for i in best], [world.named[i] for i in worst[::-1]]


def in_memory(world, by):
    rows = sorted((row for row in world.collection.images() if not row.problem), key=lambda row: row.sha256)
    pixels = {n: world.collection.pixels(row) for n, row in enumerate(rows)}
    prompts = {n: PROMPT for n, row in enumerate(rows) if (world.folder / f"{Path(row.path).stem}.txt").exists()}
    tastes = tastes_in(world)
    scored, _ = score_batch(PicturesInMemory(pixels, prompts), judges_for(by, tastes))
    names = [Path(row.path).stem for row in rows]
    return Shown([names[p.number] for p in best_first(scored)], {names[p.number]: p.score for p in scored})


def by_tune(world, by):
    rows = sorted((row for row in world.collection.images() if not row.problem), key=lambda row: row.sha256)
    trials = [Trial(n, 0, (0,), "", n, str(n), row) for n, row in enumerate(rows)]
    tastes = tastes_in(world)
    found = collect_judgements(Panel(dict(judges_for(by, tastes))), world.collection, trials)
    goal, names = found.goal_values(), [Path(row.path).stem for row in found.rows]
    order = [n for n in np.argsort(-goal, kind="stable").tolist() if np.isfinite(goal[n])]
    return Shown([names[n] for n in order], {names[n]: float(goal[n]) for n in order})


@pytest.mark.parametrize("world", ["two models"], indirect=True)
def test_models_move_places_by_the_overall_score_and_nothing_else(world):
    ranking, plain = soart.rank(world.collection), soart.rank(world.collection, model_effect=False)
    moved = {p.path.stem: p.effect for p in ranking if p.effect}
    assert {name for name, effect in moved.items() if effect > 0} == {f"m{number:02}" for number in range(0, 12, 2)}
    assert {name for name, effect in moved.items() if effect < 0} == {f"m{number:02}" for number in range(1, 12, 2)}
    standing = [p.score + p.effect for p in ranking]
    assert standing == sorted(standing, reverse=True)
    assert not any(p.effect for p in plain)
    assert [p.path for p in plain] != [p.path for p in ranking]
    assert {p.path: (p.score, p.percentile) for p in plain} == {p.path: (p.score, p.percentile) for p in ranking}
    assert [p.score for p in plain] == sorted((p.score for p in plain), reverse=True)
    assert ranking[0].reasons[-1] == Reason("pictures by fine score higher than others here", ranking[0].effect)
    assert in_memory(world, "overall").order == [p.path.stem for p in plain]
    assert by_tune(world, "overall").order == [p.path.stem for p in plain]
    assert not any(
        p.effect for by in ("technical", {"overall": 1, "blur": 1}) for p in soart.rank(world.collection, by=by)
    )


#: Judges of each kind, for the worlds in which little can differ.
SOME = ("technical", "pixels", "person", "a fault and the score")


@pytest.mark.parametrize(
    ("world", "name"),
    [(kind, name) for kind in WORLDS for name in (JUDGES if kind == "new" else SOME)] + [("two models", "overall")],
    indirect=["world"],
)
def test_a_judge_gives_one_order_everywhere(world, name):
    by = JUDGES[name]
    expected = by_collection(world, by())
    assert expected.order
    assert UNFIT & {*expected.order} == (UNFIT & {*STARS} if name == "person" else set())
    places = {"evaluate": by_evaluate, "keep": by_keep, "rank again": by_collection}
    people, several = "person" in name, isinstance(by(), dict)
    if not several:
        places["gallery"] = by_gallery
        best, worst = by_start(world, by()) if not people else ([], [])
        assert expected.order[: len(best)] == best
        assert expected.order[len(expected.order) - len(worst) :] == worst
    if not people:
        places["memory"] = in_memory
    if not (people and several):
        places["tune"] = by_tune
    if world.kind == "two models" and name == "overall":
        # They know pictures, not a collection's models.
        del places["memory"], places["tune"]
    for place, show in places.items():
        shown = show(world, by())
        wanted = expected.order
        if place == "keep":
            wanted = [one for burst in world.bursts for one in expected.order if one in burst]
        if place == "memory":
            # A network's values differ in the last digits with the pictures beside them.
            assert [shown.values[one] for one in shown.order] == pytest.approx(
                [expected.values[one] for one in wanted], abs=1e-4
            )
            assert {*shown.order} == {*wanted}
        else:
            assert shown.order == wanted, place
        if not (several and place in ("keep", "tune")):
            assert shown.values == pytest.approx({one: expected.values[one] for one in wanted}, abs=1e-4), place
        if shown.percentiles:
            assert shown.percentiles == pytest.approx(expected.percentiles, abs=1e-6), place


@pytest.mark.parametrize("world", WORLDS, indirect=True)
@pytest.mark.parametrize("name", ["overall", "technical", "pixels", "pixels and a fault", "of a prompt"])
def test_a_folder_is_ranked_as_its_collection(world, name):
    expected, ranking = by_collection(world, JUDGES[name]()), soart.rank(world.folder, by=JUDGES[name]())
    names = [p.path.stem.removesuffix("_copy") for p in ranking]
    if name != "overall":
        assert names == expected.order
    assert {*names} == {*expected.order}
    assert [p.score for p in ranking] == pytest.approx([expected.values[one] for one in expected.order], abs=1e-4)
