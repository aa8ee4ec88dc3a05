import hashlib
import io

import numpy as np
from PIL import Image
from sd_parsers import ParserManager

from soart.pipelines.collection.png import (
    NOTE_AT,
    digest_of_file,
    encode_png,
    holds_picture,
    note_chunk,
    parameters_text,
    picture_digest,
)
from soart.pipelines.models.request import Request

PIXELS = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


def encoded(request, model="tiny@1"):
    return encode_png(PIXELS, {"parameters": parameters_text(request, PIXELS.shape, model, "DPMSolverMultistep")})


def test_other_tools_read_the_parameters(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Request("a fox, (snow:1.2)", 77, "blurry, noisy", 20, 6.5)))
    info = ParserManager().parse(path)
    assert info.prompts[0].value == "a fox, (snow:1.2)"
    assert info.negative_prompts[0].value == "blurry, noisy"
    sampler = info.samplers[0]
    assert sampler.name == "DPM++ 2M"
    assert {key: str(sampler.parameters[key]) for key in ("cfg_scale", "seed", "steps")} == {
        "cfg_scale": "6.5",
        "seed": "77",
        "steps": "20",
    }
    assert {model.name for model in info.models} == {"tiny@1"}


def test_pixels_and_text_survive():
    for prompt in ("a fox", "ein Füchslein 🦊\nzwei Zeilen", 'quote " and, comma'):
        image = Image.open(io.BytesIO(encoded(Request(prompt, 1))))
        assert np.array_equal(np.asarray(image), PIXELS)
        assert image.text["parameters"].startswith(prompt)
        assert "Size: 96x64" in image.text["parameters"]


def test_same_input_same_bytes():
    assert encoded(Request("a", 1)) == encoded(Request("a", 1)) != encoded(Request("a", 2))


def test_model_names_with_separators_are_quoted():
    text = parameters_text(Request("a", 1), (8, 8, 3), 'odd, "name": x', "DDIM")
    assert r'Model: "odd, \"name\": x"' in text


def test_an_annotated_picture_is_known_by_its_content_without_the_annotation(tmp_path):
    """Or by its whole content, if an earlier version added it so."""
    plain = encode_png(np.full((8, 8, 3), 9, np.uint8), {})
    content = plain[:NOTE_AT] + note_chunk("{}") + plain[NOTE_AT:]
    assert holds_picture(content, hashlib.sha256(content).hexdigest())
    assert holds_picture(content, hashlib.sha256(plain).hexdigest())
    assert not holds_picture(plain, hashlib.sha256(content).hexdigest())
    digest = hashlib.sha256(plain).hexdigest()
    assert picture_digest(content) == picture_digest(plain) == digest
    big = content + b"x" * 3 * 2**20
    for other in (content, plain, b"", plain[:20], b"text" * 100, big):
        (tmp_path / "file").write_bytes(other)
        assert digest_of_file(tmp_path / "file") == picture_digest(other)
    assert picture_digest(b"text" * 100) == hashlib.sha256(b"text" * 100).hexdigest()
    assert digest_of_file(tmp_path / "nowhere") is None
