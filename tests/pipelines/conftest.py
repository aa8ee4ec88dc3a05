"""A collection with planted structure, for every test of evaluations."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from soart.pipelines.collection.collection import Collection
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.scan import Scan

WORDS = ("sharp", "soft")


@pytest.fixture(scope="session")
def scene():
    """Makes pictures of edges and colours at many scales, so that blur shows."""
    return _scene


def _scene(seed):
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (288, 288), tuple(rng.integers(0, 256, 3)))
    pen = ImageDraw.Draw(image)
    for size in (150, 90, 60, 40, 30, 20, 20, 14, 14, 10, 10) * 4:
        corners = rng.integers(0, 288, 2) + rng.normal(0, size / 2, (5, 2))
        pen.polygon([tuple(corner) for corner in corners], fill=tuple(rng.integers(0, 256, 3)))
    return image.resize((96, 96), Image.Resampling.BOX)


@pytest.fixture(scope="session")
def art(tmp_path_factory):
    """Forty pictures: half sharp, half soft, as their prompts say; a reduced copy, an exact one, a strange one, and broken ones."""
    folder = tmp_path_factory.mktemp("art")
    for k in range(40):
        image = _scene(k)
        if k % 2:
            image = image.filter(ImageFilter.GaussianBlur(2.5))
        image.save(folder / f"{k:02}.png")
        (folder / f"{k:02}.txt").write_text(f"{WORDS[k % 2]}, thing number {k // 4}")
    _scene(4).resize((48, 48)).save(folder / "small.png")
    (folder / "copy.png").write_bytes((folder / "06.png").read_bytes())
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)).save(folder / "strange.png")
    (folder / "broken <b>.png").write_bytes(b"nothing")
    return folder


@pytest.fixture(scope="session")
def evaluated_art(art, tmp_path_factory):
    """The folder of a collection that has measured ``art``: to be copied, because measuring takes long."""
    folder = tmp_path_factory.mktemp("evaluated")
    with Collection(folder) as collection:
        sync_and_evaluate(collection, Scan([art]), LocalEngine(2), "technical")
    return folder


@pytest.fixture(scope="module")
def found(art, evaluated_art, tmp_path_factory):
    place = shutil.copytree(evaluated_art, tmp_path_factory.mktemp("found") / "collection")
    with Collection(place) as collection:
        yield sync_and_evaluate(collection, Scan([art]), LocalEngine(2), "technical")


@pytest.fixture
def no_cluster_of_others(monkeypatch):
    """Keep tests away from a cluster that is named outside."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.fixture(scope="module")
def cluster(acme_site):
    """A Ray cluster of two workers on this machine."""
    from soart.pipelines.support.ray_cluster import ray_connection

    with pytest.MonkeyPatch.context() as patch:
        # Workers have the package of somebody else's too.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(acme_site), os.environ.get("PYTHONPATH", "")]))
        with ray_connection(2) as connection:
            yield connection
