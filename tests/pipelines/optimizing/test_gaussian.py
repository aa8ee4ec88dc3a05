"""Noise that stays Gaussian."""

import math

import pytest
import torch

from soart.pipelines.optimizing.ways import departure, flattened, normal, on_sphere, rotated

SHAPES = [(4, 16, 16), (16, 32, 32), (1, 5, 7), (64, 16), (60, 8), (3, 4, 16, 16)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_white_noise_is_left_as_it_is(shape):
    noise = normal(torch.Size(shape), 3)
    assert departure(noise) < 5
    kept = flattened(noise)
    assert kept.shape == noise.shape
    assert float((kept - on_sphere(noise)).norm() / noise.norm()) < 0.1


@pytest.mark.parametrize("shape", SHAPES[:2] + SHAPES[3:5], ids=str)
def test_coloured_noise_becomes_flat(shape):
    noise = normal(torch.Size(shape), 4)
    # A gradient of pixels favours low frequencies.
    coloured = noise + 1.5 * noise.mean(dim=tuple(range(1, noise.ndim)) if noise.ndim > 2 else 0, keepdim=True).sign()
    assert departure(coloured) > 8
    assert departure(flattened(coloured)) < 3
    assert float(flattened(coloured).norm()) == pytest.approx(math.sqrt(noise.numel()), rel=1e-5)


def test_departure_of_many_noises_is_that_of_chance():
    values = torch.tensor([departure(normal(torch.Size((4, 16, 16)), seed)) for seed in range(100)])
    assert 1 < float(values.mean()) < 2.5
    assert float((values > 4).float().mean()) < 0.05


def test_long_noise_is_told():
    noise = normal(torch.Size((4, 16, 16)), 5)
    assert departure(1.3 * noise) > 6


def test_turning_keeps_the_length_and_goes_by_the_angle():
    noise, towards = (normal(torch.Size((4, 8, 8)), seed) for seed in (1, 2))
    turned = rotated(noise, towards, 0.3)
    assert float(turned.norm()) == pytest.approx(float(noise.norm()), rel=1e-6)
    assert math.acos(float((turned * noise).sum() / noise.norm() ** 2)) == pytest.approx(0.3, rel=1e-3)
    assert float((turned * towards).sum()) > float((noise * towards).sum())


@pytest.mark.parametrize("direction", [torch.zeros(4, 8, 8), torch.full((4, 8, 8), float("nan")), None])
def test_a_direction_that_is_none_turns_nothing(direction):
    noise = normal(torch.Size((4, 8, 8)), 1)
    assert torch.equal(rotated(noise, 2 * noise if direction is None else direction, 0.3), noise)
