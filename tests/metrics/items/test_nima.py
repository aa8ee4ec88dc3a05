"""NIMA on its real weights, against values of the published file that were computed without PyTorch."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from soart.errors import ModelError
from soart.metrics.gradients.items import items_of
from soart.metrics.gradients.views import SmoothViews
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.mobilenet import load_weights, prepare_sides
from soart.metrics.items.nima import UNTOLD, NimaExtractor, nima_values
from soart.metrics.items.packaged import EFFICIENTNET

#: Mean marks of the two photographs of scikit-learn, squeezed by Pillow's nearest neighbours, by the published weights as
#: they are, in NumPy and double precision; and the means of both sides of their canonical sizes.
SQUEEZED, BOTH_SIDES = (5.421574, 5.724575), (5.484710, 5.786870)


@pytest.fixture(scope="module")
def nima():
    return NimaExtractor()


@pytest.fixture(scope="module")
def photos():
    return [Image.fromarray(photo) for photo in load_sample_images().images]


@torch.inference_mode()
def test_values_are_those_of_the_published_weights(nima, photos):
    squeezed = [np.array(photo.resize((224, 224), Image.Resampling.NEAREST), np.float32) for photo in photos]
    pixels = torch.from_numpy(np.stack(squeezed) / 127.5 - 1).permute(0, 3, 1, 2)
    network = nima.loaded.network.module
    assert network(pixels).tolist() == pytest.approx(SQUEEZED, abs=1e-4)
    assert nima.extract([np.asarray(photo) for photo in photos])[:, 0] == pytest.approx(BOTH_SIDES, abs=1e-4)


def test_what_is_seen_is_what_pillow_takes(photos):
    square = photos[0].resize((448, 448))
    sides = (prepare_sides(square)[0].permute(0, 2, 3, 1).numpy() + 1) * 127.5
    for side, picture in zip(sides, (square, square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)), strict=True):
        assert np.allclose(side, picture.resize((224, 224), Image.Resampling.NEAREST), atol=1e-3)


def test_mirrored_pictures_are_alike(nima, photos):
    pixels = [np.asarray(photo) for photo in photos]
    values = nima.extract(pixels)[:, 0]
    assert nima.extract([photo[:, ::-1] for photo in pixels])[:, 0] == pytest.approx(values, abs=1e-5)


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ((64, 64), ""),
        ((63, 400), "too small"),
        ((300, 100), ""),
        ((100, 301), "too long"),
        ((2000, 100), "too long"),
        ((1, 1), "too small"),
    ],
)
def test_small_and_long_pictures_have_a_reason_and_no_value(nima, size, why):
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    items = nima.extract(pixels)
    assert np.isfinite(items).all()
    said = nima_values(items)
    assert np.isnan(said.values).tolist() == [bool(why)]
    assert said.why[0].startswith(why)
    if not why:
        assert (said.why, 1 <= said.values[0] <= 10) == ([""], True)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 90)])
def test_pictures_of_one_tone_have_a_reason_and_no_value(nima, colour):
    pixels = np.tile(np.array(colour, dtype=np.uint8), (100, 120, 1))
    # A stray pixel changes nothing.
    pixels[5, 5] = 128
    said = nima_values(nima.extract(pixels))
    assert (np.isnan(said.values).tolist(), said.why) == ([True], [UNTOLD[3]])


@pytest.mark.parametrize("content", [None, b"", b"no weights", "cut"])
def test_missing_and_damaged_weights_are_one_sentence(tmp_path, nima, content):
    path = tmp_path / "nima.safetensors"
    if content == "cut":
        from safetensors.torch import save_file

        save_file({"rating.bias": torch.zeros(10)}, path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"cannot be read as NIMA .*: reinstall soart") as caught:
        load_weights(path)
    assert "\n" not in str(caught.value)


def smooth(nima, pixels, *, rounded, dtype=torch.float64):
    picture = torch.tensor(pixels, dtype=dtype).permute(2, 0, 1)[None].requires_grad_()
    score = items_of(nima, SmoothViews(picture, rounded=rounded))[0]
    (derivative,) = torch.autograd.grad(score, picture)
    return float(score.detach()), derivative[0].permute(1, 2, 0).numpy()


def test_the_derivative_is_that_of_differences(nima, photos):
    pixels = np.asarray(photos[1].resize((90, 70)), dtype=np.float64) / 255 * 0.9 + 0.05
    _, derivative = smooth(nima, pixels, rounded=False)
    direction = np.random.default_rng(0).normal(size=pixels.shape)
    # So small that hardly any of the many kinks lies between.
    up, down = (smooth(nima, pixels + step * direction, rounded=False)[0] for step in (1e-8, -1e-8))
    assert (up - down) / 2e-8 == pytest.approx(float((derivative * direction).sum()), rel=1e-2)


def test_the_derivative_has_the_exact_value_and_no_pattern(nima, photos):
    picture = np.asarray(photos[0].resize((448, 448)))
    value, derivative = smooth(nima, picture / 255, rounded=True, dtype=torch.float32)
    assert value == pytest.approx(nima.extract(picture)[0, 0], abs=1e-6)
    power = (derivative**2).reshape(224, 2, 224, 2, 3).mean(axis=(0, 2, 4))
    # Of the pixels that the network takes alone it would be 0 in half of the places.
    assert power.min() > 0.5 * power.max()


def test_the_default_network_has_its_items_and_version_without_it(nima):
    extractor = taste_extractor(EFFICIENTNET)
    # Tastes that were learnt before NIMA came keep this version.
    assert extractor.version.split("+")[-1] == "deep-2:efficientnet-lite0:stages:2324f5e0ec07d28f"
    assert (len(extractor.parts), len(extractor.names)) == (4, 1486)
    assert not {*nima.names} & {*extractor.names}
    assert nima.version not in extractor.version
