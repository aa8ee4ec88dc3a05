import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import partial

import numpy as np
import psutil
import pytest
from PIL import Image

from soart.errors import ModelError, SoartError
from soart.pipelines import generate as generation
from soart.pipelines.collection.collection import Collection
from soart.pipelines.evaluation.export import export
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.evaluation.records import columns, records
from soart.pipelines.ingest.engines import engine_named
from soart.pipelines.ingest.inspection import inspect_file
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.ray_engine import RayEngine
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.judges.finding import guarded
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.opening import open_generator
from soart.pipelines.models.options import GeneratorOptions
from soart.pipelines.models.ray_generator import ClusterGenerator
from soart.pipelines.models.request import EMBEDDED_STEPS
from soart.pipelines.support.ray_cluster import check_version, import_ray
from soart.pipelines.tuning.loop import tune
from soart.pipelines.tuning.panel import Panel
from soart.pipelines.tuning.tuner import Tuner
from soart.prompts.space.space import PromptSpace
from soart.prompts.steering.spaces import words_of

ray = import_ray()
# Workers cannot import this module.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
PROMPT = "a sharp picture of a boat in cool colors"
pytestmark = pytest.mark.usefixtures("no_cluster_of_others")


@pytest.fixture
def pictures(tmp_path):
    """Paths of 40 good pictures and four broken ones."""
    rng = np.random.default_rng(0)
    for number in range(40):
        Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(tmp_path / f"{number:02}.png")
    good = (tmp_path / "00.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(good[: len(good) // 2])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    return [*map(str, sorted(tmp_path.iterdir())), str(tmp_path / "gone.png")]


def by_path(inspections):
    found = [(inspection.path, inspection) for inspection in inspections]
    assert len(dict(found)) == len(found)
    return dict(found)


def requests(generator, number, **settings):
    return [generator.request(PROMPT, seed, **{"steps": 3, **settings}) for seed in range(number)]


def draw(generator, wanted):
    return [one for batch in generator.draw(wanted) for one in batch]


def equal(first, second):
    return [d.request for d in first] == [d.request for d in second] and all(
        np.array_equal(a.pixels, b.pixels) and a.problem == b.problem for a, b in zip(first, second, strict=True)
    )


def workers_of_this_process():
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "ray::DrawingWorker" in " ".join(process.cmdline()):
                found.append(process)
    return found


def gone_soon():
    end = time.monotonic() + 240
    while workers_of_this_process() and time.monotonic() < end:
        time.sleep(0.1)
    return not workers_of_this_process()


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    by_options = partial(open_generator, GeneratorOptions(engine="ray"))
    for make in (RayEngine, partial(engine_named, "ray"), ClusterGenerator, by_options):
        with pytest.raises(SoartError, match="pip install"):
            make()


def test_engines_by_name():
    assert engine_named("local", 3).workers == 3
    assert isinstance(engine_named("ray"), RayEngine)
    for make in (partial(engine_named, "spark"), partial(open_generator, GeneratorOptions(engine="spark"))):
        with pytest.raises(SoartError, match="local and ray, got 'spark'"):
            make()
    with pytest.raises(SoartError, match="one worker"):
        open_generator(GeneratorOptions(workers=2))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense"])
def test_no_cluster_at_the_address(monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(SoartError, match=f"at RAY_ADDRESS={address} cannot be reached"):
        list(RayEngine().inspect(["x.png"]))


def test_nodes_with_another_version():
    with pytest.raises(SoartError, match="not 99: install the same version"):
        check_version("99")


@pytest.mark.slow
def test_inspections_are_those_of_one_machine(pictures, capfd):
    # Starts a cluster of its own, ends it, and says nothing.
    assert by_path(RayEngine(2).inspect(pictures)) == by_path(LocalEngine(2).inspect(pictures))
    assert not ray.is_initialized()
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_several_nodes_of_which_one_is_lost(pictures, monkeypatch, embedded):
    from ray.cluster_utils import Cluster

    # Comes before the tests that share a connection.
    assert not ray.is_initialized()
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        lost = nodes.add_node(num_cpus=1)
        monkeypatch.setenv("RAY_ADDRESS", nodes.address)
        found = []
        for inspection in RayEngine().inspect(pictures):
            found.append(inspection)
            if len(found) == 1:
                nodes.remove_node(lost, allow_graceful=False)
        assert by_path(found) == by_path(LocalEngine(2).inspect(pictures))
        lost = nodes.add_node(num_cpus=1)
        local = ImageGenerator(embedded, 2)
        with ClusterGenerator(GeneratorOptions(batch_size=2)) as generator:
            drawn = []
            for batch in generator.draw(requests(local, 24)):
                drawn += batch
                if len(drawn) == 4:
                    nodes.remove_node(lost, allow_graceful=False)
        assert equal(drawn, draw(local, requests(local, 24)))
    finally:
        nodes.shutdown()


@pytest.mark.slow
def test_exports_are_byte_for_byte_those_of_one_machine(cluster, pictures, tmp_path):
    exports = []
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    for name in ("local", "ray"):
        with Collection(tmp_path / "kept" / name) as collection:
            found = sync_and_evaluate(collection, Scan([tmp_path], globs=["*.png", "*.jpg"]), engine_named(name, 2))
            rows = records(collection, found.update.scan_number, found.evaluation, found.update.unusable)
            export(rows, columns(found.evaluation), tmp_path / f"{name}.csv")
        exports.append((tmp_path / f"{name}.csv").read_bytes())
        assert found.update.looked == 43
    assert exports[0] == exports[1]
    assert exports[0].count(b"\n") == 45


def die_once(marker, path, kinds):
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return inspect_file(path, kinds)


@pytest.mark.slow
def test_worker_killed_in_the_middle_costs_no_picture(cluster, pictures, tmp_path):
    found = by_path(RayEngine(2, inspect=partial(die_once, tmp_path / "marker")).inspect(pictures))
    assert found == by_path(LocalEngine(2).inspect(pictures))


def fails(path, kinds):
    raise ModuleNotFoundError("No module named 'soart'")


@pytest.mark.slow
def test_nodes_that_cannot_run_soart(cluster, pictures):
    with pytest.raises(SoartError, match=r"No module named 'soart'.*install soart"):
        list(RayEngine(2, inspect=fails).inspect(pictures))


@pytest.mark.slow
def test_pictures_drawn_are_those_of_one_machine(cluster, embedded):
    local = ImageGenerator(embedded, 3, steps=EMBEDDED_STEPS)
    with ClusterGenerator(GeneratorOptions(batch_size=3, workers=2)) as generator:
        assert (generator.model.identity, generator.model.sampler) == (embedded.identity, embedded.sampler)
        assert generator.request("a fox", 1) == local.request("a fox", 1)
        with pytest.raises(ModelError, match="diffusers scheduler"):
            generator.request("a fox", 1, scheduler="Nonsense")
        mixed = [
            *requests(local, 7),
            *requests(local, 4, steps=2),
            *requests(local, 4, scheduler="EulerDiscreteScheduler"),
        ]
        drawn = draw(generator, mixed)
        assert equal(drawn, draw(local, mixed))
        assert generator.pipeline_seconds == pytest.approx(sum(one.seconds for one in drawn))
        assert generator.can_preview
        early, expected = ([d for b in g.preview(mixed, 0.4) for d in b] for g in (generator, local))
        assert equal(early, expected)
        assert draw(generator, []) == []
        # What was drawn before the failure comes first.
        batches = generator.draw([*requests(local, 3), local.request("a fox", 0, width=61, height=64)])
        assert len(next(batches)) == 3
        with pytest.raises(ModelError, match="failed"):
            next(batches)
        assert equal(draw(generator, mixed[:3]), drawn[:3])
    assert gone_soon()


@pytest.mark.slow
def test_model_that_nodes_cannot_load(cluster, tmp_path):
    with pytest.raises(ModelError, match=r"Node .*There is no model at"):
        ClusterGenerator(GeneratorOptions(str(tmp_path / "nowhere")))
    assert gone_soon()


@pytest.mark.slow
def test_drawing_worker_killed_in_the_middle(cluster, collection, embedded, judge):
    local = ImageGenerator(embedded, 2)
    plan = generation.plan("a {fox|owl|boat}", 24, local, steps=4)

    def kill_one(done):
        if done and len(collection.images()) == 4:
            workers_of_this_process()[0].kill()

    with ClusterGenerator(GeneratorOptions(batch_size=2, workers=2)) as generator:
        made = generation.generate(collection, generator, plan, [guarded(judge)], kill_one)
    assert (made.drawn, made.reused) == (24, 0)
    expected = draw(local, plan)
    from soart.metrics.image import read_image

    for row, one in zip(made.rows, expected, strict=True):
        assert np.array_equal(read_image(collection.locate(row)).pixels, one.pixels)


@pytest.mark.slow
def test_workers_that_always_die(cluster):
    over = threading.Event()

    def hunt():
        while not over.wait(0.2):
            for process in workers_of_this_process():
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        with pytest.raises(ModelError, match="3 workers in a row died"):
            ClusterGenerator()
    finally:
        over.set()
        hunter.join()


@pytest.mark.slow
def test_tuning_takes_the_same_steps(cluster, tmp_path, embedded, judge):
    space = PromptSpace.from_text("a {sharp|vivid|blurry} picture of a {boat|fox|owl|ship|lighthouse}")
    seen = []
    on_cluster = partial(ClusterGenerator, GeneratorOptions(workers=2))
    # The workers load the model with its usual steps.
    here = partial(ImageGenerator, embedded, steps=EMBEDDED_STEPS)
    for name, make in (("local", here), ("cluster", on_cluster)):
        with Collection(tmp_path / name) as collection, make() as generator:
            tuner = Tuner(collection, generator, space, Panel(judge), batch=8, budget=24)
            assert tuner.prune
            words = words_of(space)
            assert generator.meanings(words).keys() == set(words)
            tune(tuner)
            study = [(a.choice, a.seed, a.previews, a.dropped) for a in tuner.study.own]
            seen.append((study, sorted(row.sha256 for row in collection.images())))
    assert seen[0] == seen[1]
