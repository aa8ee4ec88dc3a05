import numpy as np

from soart.pipelines import demo
from soart.pipelines.models.request import DrawnPicture, Request


def test_prompts_hold_every_quality_word(generator):
    prompts = " ".join(request.prompt for request in demo.requests(generator))
    assert all(word in prompts for word in ("sharp", "vivid", "blurry", "noisy", "faded"))


def test_the_stand_in_looks_at_pictures_alone(collection):
    colours = {"blue": (0, 90, 255), "red": (255, 60, 0), "grey": (128, 128, 128)}
    drawn = [
        DrawnPicture(Request("the same prompt", seed), np.full((8, 8, 3), colour, dtype=np.uint8), None, 0.1)
        for seed, colour in enumerate(colours.values())
    ]
    rows = collection.add_drawn(drawn, "m", "DDIM")
    blue, red, grey = demo.opinion(collection, rows)
    assert blue > 4.5
    assert red == grey == 1.0
