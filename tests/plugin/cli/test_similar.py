"""The command line of ``soart similar``."""

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Four reddish gradients and four pictures of green noise."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 1, 64)[None, :, None] * np.ones((64, 1, 1))
    for k in range(4):
        red = ramp * [200, 40 + 5 * k, 30] + rng.normal(0, 2, (64, 64, 3))
        green = rng.normal(90, 60, (64, 64, 1)) * [0.2, 1 - k / 40, 0.3]
        for name, values in (("red", red), ("green", green)):
            Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(folder / f"{name}{k}.png")
    return folder


def test_the_command_copies_what_it_finds(soart, pictures, tmp_path):
    line = ("similar", pictures / "red3.png", pictures, "--network", "none", "--top", 3)
    document = json.loads(soart(*line, "--copy-to", tmp_path / "reds", "--json")[1])
    assert [one["place"] for one in document["similar"]] == [1, 2, 3]
    assert document["copied"] == len(list((tmp_path / "reds").iterdir())) == 3
    assert all("red" in path.name for path in (tmp_path / "reds").iterdir())
    assert "red" in soart(*line)[1].splitlines()[1]
    code, _, err = soart("similar", tmp_path / "none.png", pictures, "--network", "none")
    assert (code, "does not exist" in err) == (1, True)
    code, _, err = soart("similar", pictures / "red3.png", tmp_path / "nowhere", "--network", "none")
    assert (code, "no other picture" in err) == (1, True)
