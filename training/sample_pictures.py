"""Writes the pictures that come with soart from a clone of their repository.

    python -m training.sample_pictures CLONE

The clone is one of github.com/nicholasgriffintn/ai-image-generation-comparison (Apache-2.0): seven prompts, each drawn by
four models. Pictures keep their size, because scaling by nearly one looks like damage, and hold prompt and model in EXIF.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from PIL import Image

from soart.pipelines.demo import SAMPLES

QUALITY = 75
#: Parts of a file's name by words of the prompt, and by the model.
SUBJECTS = {
    "cityscape": "city",
    "portrait": "portrait",
    "butterfly": "butterfly",
    "headphones": "headphones",
    "neon sign": "sign",
    "fish and chips": "food",
    "luxury car": "car",
}
MODELS = {
    "dreamshaper-8-lcm": "dreamshaper",
    "flux-1-schnell": "flux",
    "stable-diffusion-xl-base-1.0": "sdxl",
    "stable-diffusion-xl-lightning": "lightning",
}
EXIF, USER_COMMENT = 0x8769, 0x9286


def write(clone: Path) -> None:
    """Write the pictures with a prompt in the clone's table."""
    SAMPLES.mkdir(exist_ok=True)
    folder = clone / "data" / "25-nov"
    with closing(sqlite3.connect(folder / "image_generation.db")) as table:
        rows = table.execute(
            "SELECT prompt, model, image_path FROM image_generations WHERE prompt IS NOT NULL"
        ).fetchall()
    for prompt, model, path in rows:
        subject = next(name for words, name in SUBJECTS.items() if words in prompt)
        model = model.rpartition("/")[2]
        exif = Image.Exif()
        # Arguments of a pipeline of diffusers; those of the guidance and of the steps are not known.
        text = json.dumps({"prompt": prompt, "Model": model, "guidance_scale": None})
        exif.get_ifd(EXIF)[USER_COMMENT] = b"ASCII\0\0\0" + text.encode()
        with Image.open(folder / path.removeprefix("/static/")) as picture:
            name = f"{subject}-{MODELS[model]}.webp"
            picture.convert("RGB").save(SAMPLES / name, quality=QUALITY, method=6, exif=exif)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
