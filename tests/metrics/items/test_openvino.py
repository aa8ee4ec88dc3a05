import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from PIL import Image

from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.items.efficientnet import fused, load_efficientnet, prepare_whole
from soart.metrics.items.mobilenet import prepare_sides
from soart.metrics.items.nima import NimaExtractor
from soart.metrics.items.openvino import CompiledMarks, CompiledStages, installed, worth_starting
from soart.pipelines.ingest.inspection import inspect_file
from soart.pipelines.ingest.local_engine import LocalEngine

pytestmark = pytest.mark.skipif(
    not installed() or default_network() is None, reason="needs OpenVINO and the packaged network"
)
SIZES = [(448, 448), (32, 32), (64, 200), (1300, 500), (161, 160)]


@pytest.fixture(scope="module")
def network():
    module = load_efficientnet()
    fused(module)
    return module


def prepared(size):
    rng = np.random.default_rng(sum(size))
    return prepare_whole(Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)))


@pytest.mark.parametrize("size", SIZES)
@torch.inference_mode()
def test_openvino_gives_the_same_items(network, size):
    inputs = prepared(size)
    assert torch.allclose(CompiledStages(network)(inputs), torch.cat(network.stages(inputs), 1), atol=1e-4)


@torch.inference_mode()
def test_openvino_takes_batches_and_goes_to_other_processes(network):
    stages = CompiledStages(network)
    batch = torch.cat([prepared((448, 448)), prepared((500, 500))])
    items = stages(batch)
    again = pickle.loads(pickle.dumps(stages))  # noqa: S301
    assert torch.allclose(again(batch[1:]), items[1:], atol=1e-5)


@torch.inference_mode()
def test_openvino_gives_the_same_marks():
    network = NimaExtractor().loaded.network.module
    sides = prepare_sides(Image.fromarray(np.random.default_rng(5).integers(0, 256, (300, 400, 3), dtype=np.uint8)))[0]
    marks = pickle.loads(pickle.dumps(CompiledMarks(network)))  # noqa: S301
    assert torch.allclose(marks(sides), network(sides), atol=1e-4)


def test_workers_measure_by_openvino_and_the_main_process_does_not(tmp_path):
    pixels = np.random.default_rng(3).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    kind = taste_extractor(default_network()).kind
    (theirs,) = LocalEngine(1).inspect([str(tmp_path / "a.png")], (kind,))
    ours = inspect_file(str(tmp_path / "a.png"), (kind,))
    by_worker, here = (np.frombuffer(dict(one.items)[kind.version], "<f4") for one in (theirs, ours))
    assert np.allclose(by_worker, here, atol=1e-4)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(worth_starting).result()
    assert not worth_starting()
