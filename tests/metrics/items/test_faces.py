"""Faces on real weights, against values of the published files by their own interpreter; and their judge and words."""

import numpy as np
import pytest
import torch
from matplotlib import cbook
from PIL import Image, ImageFilter

from soart.errors import ModelError
from soart.metrics.items.blazeface import _WEIGHTS, SIDES, full_range, networks, short_range
from soart.metrics.items.faces import MOST, FaceExtractor, faces_of
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.judges.face_source import NO_FACE, FacesJudge, FaceSource, described
from soart.pipelines.judges.phrase_sources import Brief
from soart.pipelines.scoring.pictures import PicturesInMemory
from soart.prompts.phrases.cutting import Phrase

#: Of the photograph below, squeezed into each network's square, by the published files in LiteRT: the number of the most
#: probable place, its log-odds, their mean, and its middle and size.
PUBLISHED = {
    "short": (209, 2.2178, -22.8656, [-1.079, 0.229, 43.647, 43.647]),
    "full": (889, 1.86, -10.718, [-1.986, -1.547, 65.391, 65.389]),
}


@pytest.fixture(scope="module")
def photo():
    """A photograph of one face that comes with Matplotlib, in the public domain."""
    with cbook.get_sample_data("grace_hopper.jpg") as stream, Image.open(stream) as opened:
        return opened.convert("RGB")


@pytest.fixture(scope="module")
def extractor():
    return FaceExtractor()


def laid(*faces, size=(900, 500)):
    """Pictures on plain grey, each with its left edge and height."""
    ground = Image.new("RGB", size, (120, 125, 130))
    for face, left, height in faces:
        ground.paste(face.resize((round(face.width * height / face.height), height)), (left, 20))
    return np.asarray(ground)


@pytest.mark.parametrize("network", PUBLISHED)
@torch.inference_mode()
def test_values_are_those_of_the_published_weights(photo, network):
    side = SIDES[network]
    squeezed = np.asarray(photo.resize((side, side), Image.Resampling.BILINEAR), np.float32)
    run = short_range if network == "short" else full_range
    odds, places = run(torch.from_numpy(squeezed / 127.5 - 1).permute(2, 0, 1)[None], iter(networks(_WEIGHTS)[network]))
    best, most, mean, place = PUBLISHED[network]
    assert int(odds[0].argmax()) == best
    assert (float(odds.max()), float(odds.mean())) == pytest.approx((most, mean), abs=2e-3)
    assert places[0, best, :4].tolist() == pytest.approx(place, abs=5e-3)


def test_a_face_is_found_where_it_is_and_mirrored(photo, extractor):
    pixels = np.asarray(photo)
    [face] = faces_of(extractor.extract(pixels)[0])
    assert face.left < 0.5 < face.right
    assert (face.top < 0.3 < face.bottom, face.bottom < 0.6) == (True, True)
    assert face.probability > 0.9
    [other] = faces_of(extractor.extract(pixels[:, ::-1])[0])
    assert (1 - other.right, other.top) == pytest.approx((face.left, face.top), abs=0.03)
    assert extractor.extract(pixels / 255) == pytest.approx(extractor.extract(pixels), abs=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (2000, 16), (300, 300)])
def test_pictures_without_a_face_have_none(extractor, size):
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    items = extractor.extract(np.stack([noise, np.full_like(noise, 200)]))
    assert not items.any()
    assert extractor.extract(np.zeros((0, 8, 8, 3), np.uint8)).shape == (0, 1 + 7 * MOST)


def test_several_faces_are_counted_and_the_largest_comes_first(photo, extractor):
    blurred = photo.filter(ImageFilter.GaussianBlur(12))
    small, large = (photo, 40, 260), (photo, 420, 460)
    two = faces_of(extractor.extract(laid(small, large))[0])
    assert len(two) == 2
    assert two[0].share > 2 * two[1].share
    soft = faces_of(extractor.extract(laid((blurred, 420, 460)))[0])[0]
    assert soft.sharpness < two[0].sharpness / 2
    assert described(soft).startswith("blurred face over")


def test_more_and_larger_and_sharper_faces_are_worth_more(photo):
    blurred = photo.filter(ImageFilter.GaussianBlur(12))
    pictures = [
        laid(*faces)
        for faces in (
            ((photo, 40, 260), (photo, 420, 460)),
            ((photo, 420, 460),),
            ((photo, 420, 260),),
            ((blurred, 420, 260),),
            (),
        )
    ]
    judge = Catalogue().judge("faces")
    assert isinstance(judge, FacesJudge)
    seen = PicturesInMemory(dict(enumerate(pictures)))
    said = judge.values(seen)
    assert np.isnan(said.values).tolist() == [False] * 4 + [True]
    assert np.all(np.diff(said.values[:4]) < 0)
    assert list(said.why) == [""] * 4 + [NO_FACE]
    reasons = judge.reasons(seen)
    assert [sum(one.contribution for one in told) for told in reasons[:4]] == pytest.approx(said.values[:4])


def test_words_mean_as_many_faces_as_people_mean_by_them(photo, extractor):
    source, brief = FaceSource(), Brief("", (900, 500))
    one, two = (
        extractor.extract(laid(*faces))[0] for faces in (((photo, 420, 460),), ((photo, 40, 360), (photo, 460, 460)))
    )
    shown = {
        word: [source.judge(item, Phrase(word, "subject")).shown > 0.5 for item in (one, two)]
        for word in ("woman", "people", "crowd")
    }
    assert shown == {"woman": [True, True], "people": [False, True], "crowd": [False, False]}
    assert not source.knows(Phrase("sea", "subject"), brief)


@pytest.mark.parametrize("content", [None, b"no weights"])
def test_missing_and_damaged_weights_are_one_sentence(tmp_path, content):
    path = tmp_path / "faces.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"cannot be read as BlazeFace .*: reinstall soart"):
        networks(path)
