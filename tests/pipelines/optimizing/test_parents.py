"""More like a picture: parents, their noise, families and records."""

import json
import os
import struct
import zlib
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.numpy import save_file
from safetensors.torch import save
from scipy.stats import zscore
from specimens.judging import Brightness

from soart.errors import ModelError
from soart.pipelines.collection.labels import children_of, parents_of
from soart.pipelines.generate import generate, plan
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.gradients import gradient_of
from soart.pipelines.models.noise import NoiseSampler
from soart.pipelines.optimizing.examining import Examiner
from soart.pipelines.optimizing.optimize import judge_for, optimize, optimize_again, state_file, store
from soart.pipelines.optimizing.parents import (
    beginning,
    keep_noise,
    noise_file,
    parent_of,
    parents_again,
    parents_named,
)
from soart.pipelines.optimizing.records import KEYWORD, parents_in, record_of, strength_of
from soart.pipelines.optimizing.ways import Noise, departure, mixed, normal
from soart.pipelines.scoring.pictures import PicturesInMemory
from soart.pipelines.tuning.loop import tune
from soart.pipelines.tuning.panel import Panel
from soart.pipelines.tuning.tuner import Tuner
from soart.prompts.space.space import PromptSpace

PROMPT = "a boat in cool colors"


class Bright(Brightness):
    """Mean brightness, with its derivative."""

    name = "bright"

    def gradient(self, pixels, prompt):
        return float(pixels.mean()), np.full(pixels.shape, 1 / pixels.size)


@pytest.fixture
def rows(generator, collection):
    """Two drawn pictures of one prompt."""
    return generate(collection, generator, plan(PROMPT, 2, generator, seed=5, steps=2), []).rows


def more(generator, parents, **options):
    settings = {"seconds": None, "pictures": 4, "adherence": 0.0, "ways": ["seeds"], **options}
    return optimize(generator, PROMPT, by=Bright(), parents=parents, **parents[0].settings | settings)


def test_mixtures_lie_between_on_the_sphere():
    a, b, c = (normal(torch.Size((4, 16, 16)), seed) for seed in (1, 2, 3))
    for noises, shares in (([a, b], [2, 1]), ([a, b, c], [1, 1, 1])):
        child = mixed(noises, shares)
        assert float(child.norm()) == pytest.approx(child.numel() ** 0.5, rel=1e-5)
        assert departure(child) < 4
        cosines = [float(torch.cosine_similarity(child.flatten(), one.flatten(), 0)) for one in noises]
        assert min(cosines) > 0.4
        assert cosines[0] == max(cosines) or shares[0] == 1
    assert torch.allclose(mixed([a, a], [1, 1]), a * (a.numel() ** 0.5 / a.norm()), atol=1e-5)


def test_more_like_a_picture_begins_with_its_noise(generator, collection, rows):
    parent = parent_of(collection, generator, rows[1])
    assert (parent.prompt, parent.noise.seed, parent.settings["steps"]) == (PROMPT, 6, 2)
    assert "scheduler" not in parent.settings
    found = more(generator, [parent])
    drawn = collection.pixels(rows[1]).astype(int)
    assert np.abs(found.start - drawn).max() <= 1
    # Neighbours show more of the parent than another seed does.
    other = collection.pixels(rows[0]).astype(int)
    assert np.abs(found.pixels - drawn).mean() < np.abs(other - drawn).mean()
    assert found.marks.value >= found.start_marks.value


def test_samplers_that_add_noise_draw_the_parent_again_too(generator, collection):
    settings = {"seed": 5, "steps": 3, "scheduler": "EulerAncestralDiscreteScheduler"}
    [row] = generate(collection, generator, plan(PROMPT, 1, generator, **settings), []).rows
    parent = parent_of(collection, generator, row)
    assert parent.settings["scheduler"] == "EulerAncestralDiscreteScheduler"
    found = store(collection, generator, more(generator, [parent], seed=77), guarded(Bright()))
    assert np.abs(found.start.astype(int) - collection.pixels(row)).max() <= 1
    again = more(generator, [parent_of(collection, generator, found.row)], pictures=1, seed=78)
    assert np.abs(again.start.astype(int) - found.pixels).max() <= 1


def test_families_are_stored_and_walked_back(generator, collection, rows):
    parents = parents_named(collection, generator, [collection.locate(row) for row in rows])
    child = store(collection, generator, more(generator, parents), guarded(Bright()))
    assert {row.id for row in parents_of(collection, child.row)} == {row.id for row in rows}
    assert [row.id for row in children_of(collection, rows[0])] == [child.row.id]
    assert child.start_row.id == rows[0].id
    assert {one["sha256"] for one in record_of(child.path)["parents"]} == {row.sha256 for row in rows}
    # An optimized picture has children too, from the noise that was kept.
    own = parent_of(collection, generator, child.row)
    assert torch.equal(own.noise.noise, child.noise.noise)
    grandchild = store(collection, generator, more(generator, [own], seed=9), guarded(Bright()))
    assert np.abs(grandchild.start.astype(int) - child.pixels).max() <= 1
    assert [row.id for row in parents_of(collection, grandchild.row)] == [child.row.id]
    assert len(collection.images()) == 4


def test_the_record_of_a_child_makes_it_again(generator, collection, rows):
    child = store(
        collection, generator, more(generator, [parent_of(collection, generator, rows[0])]), guarded(Bright())
    )
    grandchild = more(generator, [parent_of(collection, generator, child.row)], pictures=8)
    for found in (child, grandchild):
        again = optimize_again(generator, found.record, by=Bright(), parents=parents_again(collection, found.record))
        assert np.array_equal(again.pixels, found.pixels)
    with pytest.raises(ModelError, match="bred from others"):
        optimize_again(generator, child.record, by=Bright())
    noise_file(collection, child.row.sha256).unlink()
    with pytest.raises(ModelError, match="is not kept here"):
        parents_again(collection, grandchild.record)
    with pytest.raises(ModelError, match="was optimized, and its noise"):
        parent_of(collection, generator, child.row)


def test_states_differ_by_parents(generator, collection, rows):
    judge, request = guarded(Bright()), generator.request(PROMPT, 0)
    parents = [parent_of(collection, generator, row) for row in rows]
    files = {state_file(collection, generator, judge, request, some) for some in ([], parents, parents[:1])}
    assert len(files) == 3


def test_noise_that_earlier_versions_kept_opens(generator, collection, rows):
    noise = parent_of(collection, generator, rows[0]).noise
    kept = NoiseSampler(generator, generator.request(PROMPT, 5, steps=2)).noise_of(noise.seed)
    facts = {"strength": 0.2, "seed": noise.seed, "way": 5, "judge": "overall"}
    path = noise_file(collection, rows[0].sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save({"noise": kept}, metadata={"facts": json.dumps(facts)}))
    parent = parent_of(collection, generator, rows[0])
    assert torch.equal(parent.noise.noise, kept)
    assert parent.way == 5


def test_pictures_of_unknown_making_are_refused(generator, collection, rows, tmp_path, monkeypatch):
    plain = tmp_path / "plain.png"
    Image.new("RGB", (64, 64), "red").save(plain)
    with pytest.raises(ModelError, match="Nothing says how 'plain"):
        parents_named(collection, generator, [plain])
    with pytest.raises(ModelError, match="does not exist"):
        parents_named(collection, generator, [tmp_path / "none.png"])
    with pytest.raises(ModelError, match="at most 3"):
        parents_named(collection, generator, [plain] * 4)
    noise_file(collection, rows[0].sha256).parent.mkdir(parents=True, exist_ok=True)
    noise_file(collection, rows[0].sha256).write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot be read"):
        parent_of(collection, generator, rows[0])
    keep_noise(collection, rows[0], Noise(torch.zeros(4, 2, 2), 0), 0)
    with pytest.raises(ModelError, match="another size"):
        more(generator, [parent_of(collection, generator, rows[0])])
    monkeypatch.setattr(type(generator.model), "identity", "other", raising=False)
    with pytest.raises(ModelError, match="load the same model"):
        parent_of(collection, generator, rows[1])


def test_several_judges_count_in_deviations_of_the_first_pictures(generator):
    judge = judge_for({Bright(): 2.0, "technical": 1.0})
    assert judge.name == "2 × bright + technical"
    request = generator.request(PROMPT, 3, steps=2)
    drawn = [one for batch in generator.draw([replace(request, seed=seed) for seed in range(4)]) for one in batch]
    examiner = Examiner(judge, PROMPT)
    values = [one.value for one in examiner.examine(drawn)]
    pictures = PicturesInMemory({number: one.pixels for number, one in enumerate(drawn)})
    light, sound = (guarded(one).values(pictures) for one in (Bright(), "technical"))
    assert values == pytest.approx((2 * zscore(light) + zscore(sound)) / 3, abs=1e-6)
    # Later pictures are measured in the same units.
    assert examiner.examine(drawn[:1])[0].value == pytest.approx(values[0])
    # The gradient is the weighted sum of all, where all have one.
    pixels = drawn[0].pixels / 255
    value, slope = examiner.gradient(pixels, PROMPT)
    assert value == pytest.approx(values[0], abs=1e-3)
    _, own = gradient_of(guarded("technical").inner)(pixels, PROMPT)
    assert slope == pytest.approx(2 / 3 / light.std() / pixels.size + own / 3 / sound.std(), rel=1e-3, abs=1e-7)
    assert Examiner(judge_for([Brightness(), "technical"]), PROMPT).gradient is None


def test_runs_with_several_judges_go_on_in_the_same_units(generator, tmp_path):
    state = tmp_path / "state.safetensors"
    options = {"seconds": None, "pictures": 12, "steps": 2, "ways": ["seeds"], "adherence": 0.0, "state": state}
    judges = {Bright(): 1.0, "technical": 1.0}
    whole = optimize(generator, PROMPT, by=judges, **options)

    def interrupt(progress):
        if progress.pictures > 4:
            raise KeyboardInterrupt

    optimize(generator, PROMPT, by=judges, progress=interrupt, **options)
    again = optimize(generator, PROMPT, by=judges, **options)
    assert again.marks.value == pytest.approx(whole.marks.value, abs=1e-9)
    assert optimize_again(generator, again.record, by=judges).marks.value == pytest.approx(whole.marks.value, abs=1e-9)


def test_tuned_parents_cross_their_options(generator, collection):
    space = PromptSpace.from_text("a {boat|fox|owl} in {warm|cool|neon} colors")
    generator.set_defaults(steps=2)
    tuner = Tuner(collection, generator, space, Panel("technical"), batch=6, budget=6, prune=False, seed=1)
    tune(tuner)
    rows = [trial.row for trial in tuner.study.own if trial.row]
    first, second = (
        rows[0],
        next(row for row in rows[1:] if row.generation.prompt.split()[1] != rows[0].generation.prompt.split()[1]),
    )
    files = [collection.locate(row) for row in (first, second)]
    words = {(row.generation.prompt.split()[1], row.generation.prompt.split()[3]) for row in (first, second)}
    found = {beginning(collection, generator, files, None, seed, {})[0] for seed in range(12)}
    pairs = {(prompt.split()[1], prompt.split()[3]) for prompt in found}
    assert pairs == set(product({a for a, _ in words}, {b for _, b in words}))
    assert beginning(collection, generator, files, "an owl", 0, {"steps": 3})[:2][0] == "an owl"
    assert beginning(collection, generator, files, None, 0, {"steps": 3})[1]["steps"] == 3


def test_a_picture_is_drawn_on_stored_and_drawn_again(generator, collection, rows, tmp_path):
    favourite = collection.locate(rows[1])
    prompt, settings, parents = beginning(collection, generator, [favourite], None, 3, {"steps": 4}, 0.5)
    assert (prompt, settings["steps"], parents[0].strength) == (PROMPT, 4, 0.5)
    options = {"pictures": 6, "ways": ["seeds"], "seed": 3, "steps": 4}
    found = more(generator, parents, **options)
    before = collection.pixels(rows[1])
    # It begins with the favourite itself.
    assert np.array_equal(found.start, before)
    child = store(collection, generator, found, guarded(Bright()))
    assert [row.id for row in parents_of(collection, child.row)] == [rows[1].id]
    assert child.start_row.id == rows[1].id
    assert strength_of(child.path) == 0.5
    assert strength_of(favourite) is None
    record = record_of(child.path)
    again = optimize_again(generator, record, by=Bright(), parents=parents_again(collection, record))
    assert np.array_equal(again.pixels, found.pixels)
    # No noise alone draws it again, but it can be drawn on.
    with pytest.raises(ModelError, match="give a strength"):
        parent_of(collection, generator, child.row)
    [own] = beginning(collection, generator, [child.path], None, 0, {}, 0.3)[2]
    assert np.array_equal(more(generator, [own], pictures=4).start, child.pixels)
    states = {
        state_file(collection, generator, guarded(Bright()), generator.request(PROMPT, 0), some)
        for some in ([own], [replace(own, strength=0.4)], [replace(own, size=(48, 48))], [])
    }
    assert len(states) == 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_records_of_strangers_are_refused_in_one_sentence(tmp_path):
    header = Image.new("RGB", (1, 1))
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    files = [pipe, tmp_path / "none.png"]
    for name, text in (("deep", "[" * 100_000), ("text", "no JSON"), ("number", "5"), ("bare", None)):
        info = PngInfo()
        if text is not None:
            info.add_text(KEYWORD, text)
        header.save(tmp_path / f"{name}.png", pnginfo=info)
        files.append(tmp_path / f"{name}.png")
    for file in files:
        assert strength_of(file) is None
        if file.stem != "number":
            with pytest.raises(ModelError, match="holds no record of an optimized picture"):
                record_of(file)
    # Only the pixels that it names are many, and none is decoded.
    content = bytearray((tmp_path / "number.png").read_bytes())
    content[16:24] = struct.pack(">II", 20_000, 20_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (tmp_path / "large.png").write_bytes(content)
    assert record_of(tmp_path / "large.png") == 5
    for strength in (10**400, float("nan"), "x", 7):
        with pytest.raises(ModelError, match="is damaged"):
            parents_in({"parents": [{"sha256": "0" * 64, "way": 0, "strength": strength}]})
    for size in ([10**9, 8], [0, 8], [8]):
        with pytest.raises(ModelError, match="is damaged"):
            parents_in({"parents": [{"sha256": "0" * 64, "way": 0, "strength": 0.5, "size": size}]})


@pytest.mark.parametrize(
    ("facts", "noise"),
    [
        ("[" * 100_000, np.zeros((4, 8, 8), np.float32)),
        ('{"strength": 0, "seed": 0, "way": 0, "judge": ""}', np.zeros((4, 8, 8), np.int8)),
        ('{"strength": 0, "seed": 0, "way": 0, "judge": ""}', np.full((4, 8, 8), np.nan, np.float32)),
        ('{"strength": 1e999, "seed": 1e999, "way": 0, "judge": ""}', np.zeros((4, 8, 8), np.float32)),
    ],
)
def test_noise_of_strangers_is_refused_in_one_sentence(generator, collection, rows, facts, noise):
    path = noise_file(collection, rows[0].sha256)
    path.parent.mkdir(parents=True)
    save_file({"noise": noise}, path, metadata={"facts": facts})
    with pytest.raises(ModelError, match=r"The noise '.*' cannot be read \(.*\): remove it"):
        parent_of(collection, generator, rows[0])


def test_any_picture_can_be_drawn_on(generator, collection, tmp_path):
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)).save(photo)
    with pytest.raises(ModelError, match=r"Nothing says what 'photo\.png' shows"):
        beginning(collection, generator, [photo], None, 0, {}, 0.5)
    prompt, settings, parents = beginning(collection, generator, [photo], PROMPT, 0, {"width": 48, "height": 64}, 0.5)
    assert (prompt, settings, parents[0].size) == (PROMPT, {}, (48, 64))
    found = more(generator, parents, steps=4)
    assert found.pixels.shape == found.start.shape == (64, 48, 3)
    assert found.record["parents"][0]["size"] == [48, 64]
    with pytest.raises(ModelError, match="one picture to draw on, got 2"):
        more(generator, [*parents, *parents], steps=4)
    with pytest.raises(ModelError, match="for a picture to draw on"):
        beginning(collection, generator, [], PROMPT, 0, {}, 0.5)
    with pytest.raises(ModelError, match=r"strength of 0\.05 to 1"):
        beginning(collection, generator, [photo], PROMPT, 0, {}, 2.0)
    damaged = found.record | {"parents": [found.record["parents"][0] | {"size": "large"}]}
    with pytest.raises(ModelError, match="is damaged"):
        optimize_again(generator, damaged, by=Bright())
    for parents in (5, [None], [found.record["parents"][0] | {"sha256": "../../secret"}]):
        with pytest.raises(ModelError, match="is damaged"):
            parents_again(collection, found.record | {"parents": parents})
    with pytest.raises(ModelError, match="is damaged"):
        parents_again(collection, [])
    with pytest.raises(ModelError, match="is not in this collection"):
        parents_again(collection, {"parents": [found.record["parents"][0] | {"sha256": "0" * 64}]})
