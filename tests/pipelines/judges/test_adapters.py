"""Judges by others on tiny, randomly initialised real models of their classes."""

import importlib.util
import sys
import types

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from specimens.judging import values_for
from torch.nn import functional

from soart.errors import JudgeError, ModelError
from soart.pipelines.judges.aesthetic import read_head
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.judges.finding import judges_for
from soart.pipelines.judges.guarded import GuardedJudge
from soart.pipelines.judges.in_memory import score_batch
from soart.pipelines.judges.storing import judge_pictures
from soart.pipelines.scoring.pictures import PicturesInMemory, StoredPictures
from soart.training.parts import build_tokenizer
from soart.training.towers import build_processor, build_towers

PROMPTS = ["a (red:1.3) boat, warm colors", "an owl <lora:x:1>"]


def pictures(count=2, side=40):
    return [np.random.default_rng(i).integers(0, 256, (side + i, side, 3), dtype=np.uint8) for i in range(count)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    tokenizer = build_tokenizer(folder)
    build_towers(tokenizer).save_pretrained(folder)
    build_processor(tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def siglip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("siglip")
    torch.manual_seed(0)
    tokenizer = build_tokenizer(folder)
    layers = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    text = {**layers, "vocab_size": len(tokenizer), "max_position_embeddings": 32, "projection_size": 16}
    config = transformers.SiglipConfig(text_config=text, vision_config={**layers, "image_size": 32, "patch_size": 16})
    model = transformers.SiglipModel(config)
    torch.nn.init.constant_(model.logit_bias, -0.7)
    model.save_pretrained(folder)
    transformers.SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def by_transformers(folder, texts):
    """Cosines by transformers itself, each pair alone."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    padding = "max_length" if hasattr(model, "logit_bias") else False
    cosines = []
    for pixels, text in zip(pictures(), texts, strict=True):
        tokens = tokenizer([text], padding=padding, max_length=32, return_tensors="pt")
        with torch.inference_mode():
            out = model(**tokens, pixel_values=processor(Image.fromarray(pixels), return_tensors="pt")["pixel_values"])
        cosines.append(functional.cosine_similarity(out.image_embeds, out.text_embeds).item())
    return model, np.array(cosines)


PLAIN = ["a red boat, warm colors", "an owl"]


def test_clip_score(clip):
    judge = Catalogue().judge(f"clip:{clip}")
    _, cosines = by_transformers(clip, PLAIN)
    assert values_for(judge, pictures(), PROMPTS) == pytest.approx(100 * cosines, abs=1e-3)
    assert judge.name.startswith("clip:")
    assert "prompt" in judge.needs
    assert Catalogue().judge(f"clip:{clip}").version == judge.version


def test_pickscore_is_the_logit(clip):
    model, cosines = by_transformers(clip, PLAIN)
    values = values_for(Catalogue().judge(f"pickscore:{clip}"), pictures(), PROMPTS)
    assert values == pytest.approx(model.logit_scale.exp().item() * cosines, abs=1e-3)


def test_siglip_is_a_probability(siglip):
    model, cosines = by_transformers(siglip, PLAIN)
    values = values_for(Catalogue().judge(f"siglip:{siglip}"), pictures(), PROMPTS)
    logits = model.logit_scale.exp().item() * cosines + model.logit_bias.item()
    assert values == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-6)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_prompts_are_cut_to_what_the_tower_takes(kind, request):
    towers = Catalogue().judge(f"{kind}:{request.getfixturevalue(kind)}").towers
    # Many tokenizers know no limit.
    towers.tokenizer.model_max_length = 10**30
    long, longer = towers.texts(["boat " * 40, "boat " * 80])
    assert long == pytest.approx(longer)


def test_embeddings_are_stored_so_that_nothing_is_decoded_twice(clip, collection, make_drawn):
    rows = collection.add_drawn([make_drawn(i, "a boat", size=32) for i in range(3)], "m", "s")
    first, problems = judge_pictures(StoredPictures(collection, rows), GuardedJudge(Catalogue().judge(f"clip:{clip}")))
    assert problems == []
    for row in rows:
        collection.locate(row).unlink()
    second, problems = judge_pictures(
        StoredPictures(collection, rows), GuardedJudge(Catalogue().judge(f"pickscore:{clip}"))
    )
    assert problems == []
    ratio = np.array([second[i] / first[i] for i in first])
    assert np.ptp(ratio) < 1e-6


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_aesthetic_head(clip, tmp_path, suffix):
    torch.manual_seed(1)
    head = torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 1)).eval()
    path, weights = tmp_path / f"head{suffix}", {f"layers.{k}": v for k, v in head.state_dict().items()}
    if suffix == ".pth":
        torch.save(weights, path)
    else:
        from safetensors.torch import save_file

        save_file(weights, path)
    judge = Catalogue().judge(f"aesthetic:{path},{clip}")
    with torch.inference_mode():
        expected = head(torch.from_numpy(judge.extractor.extract(pictures())).float())[:, 0].numpy()
    assert values_for(judge, pictures(), ["", ""]) == pytest.approx(expected, abs=1e-5)
    with pytest.raises(JudgeError, match="embeddings of 64 numbers: name their model"):
        Catalogue().judge(f"aesthetic:{path}")


def test_heads_that_do_not_fit(clip, tmp_path):
    torch.save({"a.weight": torch.zeros(1, 9), "a.bias": torch.zeros(1)}, tmp_path / "wide.pth")
    with pytest.raises(JudgeError, match=r"9 numbers, but .* gives 64"):
        Catalogue().judge(f"aesthetic:{tmp_path / 'wide.pth'},{clip}")
    torch.save({"a.weight": torch.zeros(2, 9), "a.bias": torch.zeros(2)}, tmp_path / "two.pth")
    with pytest.raises(JudgeError, match="linear layers that end in one number"):
        read_head(tmp_path / "two.pth")
    (tmp_path / "damaged.pth").write_bytes(b"abc")
    with pytest.raises(JudgeError, match="cannot be read"):
        read_head(tmp_path / "damaged.pth")
    with (tmp_path / "huge.pth").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(JudgeError, match="more than 256 MiB"):
        read_head(tmp_path / "huge.pth")
    with pytest.raises(JudgeError, match="There is no file"):
        Catalogue().judge("aesthetic:nowhere.pth")
    with pytest.raises(JudgeError, match="needs an argument"):
        Catalogue().judge("aesthetic")


def test_models_that_cannot_judge(tmp_path, clip):
    with pytest.raises(ModelError, match=r"not a model folder|cannot be loaded"):
        Catalogue().judge(f"clip:{tmp_path / 'nothing'}")
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24, image_size=32, patch_size=8
    )
    transformers.ViTModel(config).save_pretrained(tmp_path)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    with pytest.raises(JudgeError, match="reads no text"):
        Catalogue().judge(f"clip:{tmp_path}")
    with pytest.raises(JudgeError, match="cannot be loaded for questions"):
        Catalogue().judge(f"vqascore:{clip}")


def save_vilt(folder):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "does", "this", "figure", "show", "boat", "owl", "a", "?"]
    (folder / "vocab.txt").write_text("\n".join(words))
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"), model_max_length=40)
    config = transformers.ViltConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        image_size=32, patch_size=16, max_position_embeddings=40, id2label={0: "yes", 1: "no", 2: "red"},
    )  # fmt: skip
    processor = transformers.ViltImageProcessor(size={"shortest_edge": 32}, size_divisor=16)
    transformers.ViltProcessor(processor, tokenizer).save_pretrained(folder)
    return transformers.ViltForQuestionAnswering(config)


def test_vqa_by_classes(tmp_path):
    torch.manual_seed(0)
    model = save_vilt(tmp_path)
    model.save_pretrained(tmp_path)
    judge = Catalogue().judge(f"vqascore:{tmp_path}")
    values = values_for(judge, pictures(), ["a boat", "an owl"])
    assert len(values) == 2
    assert all(0 < value < 1 for value in values)
    [long] = values_for(judge, pictures(1), ["boat " * 300])
    assert 0 < long < 1
    with torch.no_grad():
        model.classifier[-1].weight.zero_()
        model.classifier[-1].bias.copy_(torch.tensor([2.0, 0.5, 9.0]))
    model.save_pretrained(tmp_path)
    assert values_for(Catalogue().judge(f"vqascore:{tmp_path}"), pictures(1), ["a boat"]) == pytest.approx(
        [1 / (1 + np.exp(-1.5))]
    )


def test_vqa_by_words(tmp_path):
    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "yes", "no", "does", "show", "boat", "a", "?"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    tokenizer = transformers.BertTokenizer(str(tmp_path / "vocab.txt"), model_max_length=40)
    layers = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    text = {**layers, "vocab_size": len(words), "encoder_hidden_size": 16, "max_position_embeddings": 40,
            "bos_token_id": 2, "pad_token_id": 0, "sep_token_id": 3, "eos_token_id": 3}  # fmt: skip
    config = transformers.BlipConfig(
        text_config=text, vision_config={**layers, "image_size": 32, "patch_size": 16}, projection_dim=16
    )
    transformers.BlipForQuestionAnswering(config).save_pretrained(tmp_path)
    image = transformers.BlipImageProcessor(size={"height": 32, "width": 32})
    transformers.BlipProcessor(image, tokenizer).save_pretrained(tmp_path)
    judge = Catalogue().judge(f"vqascore:{tmp_path}")
    first, second = values_for(judge, pictures(1) * 2, ["a boat", "show"])
    assert 0 < first < 1
    assert first != second


@pytest.mark.parametrize(
    ("name", "package"),
    [("pyiqa:niqe", "pyiqa"), ("image-reward", "ImageReward"), ("hpsv2", "hpsv2"), ("hpsv3", "hpsv3")],
)
def test_missing_packages(monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(JudgeError, match=r"needs the package of that name: pip install"):
        Catalogue().judge(name)


def test_a_package_that_does_not_fit_the_others(monkeypatch, tmp_path):
    """As ImageReward's release beside a transformers that lacks what it imports."""
    (tmp_path / "ImageReward.py").write_text("from transformers.modeling_utils import no_such_function\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(JudgeError, match=r"image-reward cannot be imported \(cannot import name 'no_such_function'"):
        Catalogue().judge("image-reward")


@pytest.mark.skipif(importlib.util.find_spec("pyiqa") is None, reason="pyiqa is not installed")
def test_a_metric_of_pyiqa():
    judge = Catalogue().judge("pyiqa:entropy")
    flat, busy = np.full((64, 64, 3), 90, np.uint8), pictures(1, 64)[0]
    low, high = values_for(judge, [flat, busy], ["", ""])
    assert low < high
    with pytest.raises(JudgeError, match="no metric"):
        Catalogue().judge("pyiqa:nothing")
    with pytest.raises(JudgeError, match="reference picture"):
        Catalogue().judge("pyiqa:psnr")


def test_in_memory(clip):
    judges = judges_for([f"clip:{clip}", types.SimpleNamespace(
        name="first", version="1", scale=(-255, 0), needs=("pixels",),
        values=lambda pictures: [-float(p[0, 0, 0]) for p in pictures.pixels()],
    )])  # fmt: skip
    batch = dict(enumerate(pictures(3)))
    judged, problems = score_batch(PicturesInMemory(batch, dict.fromkeys(batch, "a boat")), judges)
    assert problems == []
    assert [picture.number for picture in judged] == [0, 1, 2]
    assert sum(picture.score for picture in judged) == pytest.approx(0, abs=1e-9)
    floats = {number: pixels / 255 for number, pixels in batch.items()}
    again, _ = score_batch(PicturesInMemory(floats, dict.fromkeys(batch, "a boat")), judges)
    assert [p.score for p in again] == pytest.approx([p.score for p in judged])
    judged, problems = score_batch(PicturesInMemory(batch, {0: "a boat", 1: " "}), judges[:1])
    assert [picture.number for picture in judged] == [0]
    assert "needs a prompt, which 2 of 3 pictures do not have" in problems[0]
    judged, problems = score_batch(PicturesInMemory(batch, {}), judges[:1])
    assert judged == []
    assert "needs a prompt, which 3 of 3 pictures do not have" in problems[0]
