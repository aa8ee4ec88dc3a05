import os
import select
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from PIL import Image
from tqdm.auto import tqdm

from soart.errors import PromptError
from soart.metrics.image import read_image
from soart.pipelines import generate as generation
from soart.pipelines.collection.claims import Claims
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.png import NOTE_AT, note_chunk
from soart.pipelines.collection.ratings import rate, ratings
from soart.pipelines.judges.finding import guarded, judges_for
from soart.pipelines.judges.ranking import rank
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.scoring.pictures import StoredPictures


def test_generate_measure_rank_and_again(collection, generator, judge):
    plan = generation.plan("a {sharp|blurry} {fox|owl}", 4, generator, seed=3, steps=2)
    assert [r.seed for r in plan] == [3, 4, 5, 6]
    counts = []
    first = generation.generate(collection, generator, plan, [guarded(judge)], counts.append)
    assert (first.drawn, first.reused, sum(counts)) == (4, 0, 4)
    assert [row.generation.prompt for row in first.rows] == [r.prompt for r in plan]
    assert len(collection.items(judge.extractor.version, [r.id for r in first.rows])) == 4
    spent = generator.pipeline_seconds
    second = generation.generate(collection, generator, plan, [guarded(judge)])
    assert (second.drawn, second.reused) == (0, 4)
    assert [r.id for r in second.rows] == [r.id for r in first.rows]
    assert generator.pipeline_seconds == spent
    assert len(rank(StoredPictures(collection, collection.images()), judges_for("technical"))[0]) == 4


def test_no_picture_is_no_plan(generator):
    for literal in (False, True):
        with pytest.raises(PromptError, match="Expected at least one picture, got 0"):
            generation.plan("a fox", 0, generator, literal=literal)


def test_items_measured_while_drawing_equal_those_of_the_file(collection, generator, judge):
    row = generation.generate(
        collection, generator, generation.plan("a fox", 1, generator, steps=2), [guarded(judge)]
    ).rows[0]
    stored = collection.items(judge.extractor.version, [row.id])[row.id]
    assert (stored == judge.extractor.extract(read_image(collection.locate(row)).pixels)[0].astype("f4")).all()


def test_interrupted_run_goes_on(collection, embedded, judge):
    generator = ImageGenerator(embedded, 2)
    plan = generation.plan("a {fox|owl|boat}", 6, generator, steps=2)

    def stop(done):
        if done and len(collection.images()) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generation.generate(collection, generator, plan, [guarded(judge)], stop)
    rest = generation.generate(collection, generator, plan, [guarded(judge)])
    assert (rest.drawn, rest.reused) == (2, 4)


def test_equal_requests_are_drawn_once(collection, generator):
    request = generator.request("a fox", 1, steps=2)
    made = generation.generate(collection, generator, [request, request])
    assert made.drawn == 1
    assert len(made.rows) == 2


def test_the_scheduler_that_drew_is_written_down(collection, generator):
    requests = [generator.request("a fox", seed=1, steps=2, scheduler=name) for name in (None, "DDIMScheduler")]
    rows = generation.generate(collection, generator, requests).rows
    assert [row.generation.sampler for row in rows] == [generator.model.sampler, "DDIM"]
    with Image.open(collection.file(rows[1].path)) as picture:
        assert "Sampler: DDIM," in picture.info["parameters"]


def damage_missing(path):
    path.unlink()


def damage_other(path):
    Image.new("RGB", (64, 64), "red").save(path)


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def damage_repainted(path):
    """The same size to the byte, and the same time of change."""
    content = bytearray(path.read_bytes())
    content[-30] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [damage_missing, damage_other, damage_cut, damage_repainted])
def test_a_picture_whose_file_is_gone_or_changed_is_drawn_again(collection, embedded, judge, damage):
    generator = ImageGenerator(embedded, batch_size=1)  # so that it is drawn again bit for bit
    plan = generation.plan("a {fox|owl}", 2, generator, steps=2)
    first = generation.generate(collection, generator, plan, [guarded(judge)])
    path = collection.locate(row := first.rows[1])
    pixels = read_image(path).pixels
    rate(collection, "ann", {row.id: 5})
    collection.set_scores("taste:x", {row.id: 1.5})
    damage(path)
    changed = path.read_bytes() if path.exists() else None
    again = generation.generate(collection, generator, plan, [guarded(judge)])
    assert (again.drawn, again.redrawn, again.reused) == (1, 1, 1)
    assert [r.id for r in again.rows] == [r.id for r in first.rows]
    assert (read_image(collection.locate(again.rows[1])).pixels == pixels).all()
    assert ratings(collection, "ann") == {row.id: 5}
    assert collection.scores("taste:x") == {row.id: 1.5}
    assert len(collection.items(judge.extractor.version, [row.id])) == 1
    # Nothing of the user's is overwritten.
    others = [file.read_bytes() for file in path.parent.iterdir() if file.name.startswith(f"{path.stem}-")]
    assert others == ([] if changed is None else [changed])
    third = generation.generate(collection, generator, plan, [guarded(judge)])
    assert (third.drawn, third.redrawn, third.reused) == (0, 0, 2)


def test_an_annotated_picture_is_not_drawn_again(collection, generator):
    plan = generation.plan("a fox", 1, generator, steps=2)
    (row,) = generation.generate(collection, generator, plan).rows
    path = collection.locate(row)
    content = path.read_bytes()
    path.write_bytes(content[:NOTE_AT] + note_chunk('{"rating": 4}') + content[NOTE_AT:])
    again = generation.generate(collection, generator, plan)
    assert (again.drawn, again.reused) == (0, 1)


def test_two_calls_at_once_draw_every_picture_once(where, embedded, monkeypatch):
    """Both find nothing before either draws."""
    monkeypatch.setattr(generation, "_WAITING", 0.05)
    start = threading.Barrier(2, timeout=240)

    def draw(first):
        generator = ImageGenerator(embedded, 2)
        plan = generation.plan("a fox", 4, generator, seed=first, steps=2)
        reports = []

        def progress(done):
            if not reports:
                start.wait()
            reports.append(done)

        with Collection(where) as collection:
            result = generation.generate(collection, generator, plan, (), progress)
        assert [row.generation.seed for row in result.rows] == [request.seed for request in plan]
        assert sum(reports) == 4
        return result

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(draw, (0, 2)))
    assert sum(result.drawn for result in results) == 6
    assert sum(result.reused for result in results) == 2
    with Collection(where) as collection:
        assert len(collection.images()) == 6


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not name its processes")
# The child draws in one thread, as the tests do.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_the_requests_of_a_killed_call_are_drawn_by_the_next_one(where, embedded):
    reader, writer = os.pipe()

    def report(done):
        if done:
            os.write(writer, f"drawn {done}".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    generator = ImageGenerator(embedded, 2)
    plan = generation.plan("a fox", 4, generator, steps=2)
    child = os.fork()
    if child == 0:
        try:
            torch.set_num_threads(1)
            # Progress bars of all processes share a lock, which a killed one would keep for ever.
            tqdm.set_lock(threading.RLock())
            with Collection(where) as collection:
                generation.generate(collection, generator, plan, (), report)
        finally:
            os._exit(0)
    os.close(writer)
    assert select.select([reader], [], [], 240)[0]
    with os.fdopen(reader) as stream:
        assert stream.read() == "drawn 2"
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    with Collection(where) as collection:
        rest = generation.generate(collection, generator, plan)
    assert (rest.drawn, rest.reused) == (2, 2)


def test_a_call_that_fails_leaves_its_requests_to_others(collection, generator, monkeypatch):
    plan = generation.plan("a fox", 2, generator, steps=2)

    def fail(requests):
        raise KeyboardInterrupt

    monkeypatch.setattr(generator, "draw", fail)
    with pytest.raises(KeyboardInterrupt):
        generation.generate(collection, generator, plan)
    with Claims(collection) as claims:
        assert len(claims.take([request.key(generator.model.identity) for request in plan])) == 2
