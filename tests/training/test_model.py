from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import EMBEDDED_FOLDER, load_model
from soart.pipelines.models.request import EMBEDDED_STEPS
from soart.training import decoder, fitting, stored, train
from soart.training import judge as judging
from soart.training.captions import corpus
from soart.training.parts import build_tokenizer

JUDGE = Path(__file__).parents[1] / "assets" / "judge.safetensors"


@pytest.fixture(scope="module")
def judge():
    return judging.load_judge(JUDGE)


def drawn(generator, prompts, **settings):
    requests = [generator.request(p, 500 + i, **{"steps": EMBEDDED_STEPS, **settings}) for i, p in enumerate(prompts)]
    return np.stack([d.pixels for batch in generator.draw(requests) for d in batch])


def test_model_is_small_and_complete(embedded):
    assert type(embedded.pipeline).__name__ == "StableDiffusionPipeline"
    files = [f for f in EMBEDDED_FOLDER.rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) <= 16 * 2**20
    assert all(f.suffix in {".json", ".safetensors"} for f in files)
    assert {f.parent.name for f in files} >= {"unet", "vae", "text_encoder", "tokenizer", "scheduler"}


def test_words_are_one_token_each_and_unknown_words_fall_apart(tmp_path, embedded):
    tokenizer = build_tokenizer(tmp_path)
    assert tokenizer.get_vocab() == embedded.pipeline.tokenizer.get_vocab()
    assert [w for w in corpus() if len(embedded.pipeline.tokenizer.tokenize(w)) > 1] == ["8k"]
    assert len(tokenizer.tokenize("zxqv")) > 1


def test_unknown_words_are_tolerated(judge, generator):
    prompts = [
        f"a sharp picture of a zorbly {s} in neon colors, pixel art, wibble" for s in ("house", "boat", "castle")
    ] * 4
    seen = judge.recognise(drawn(generator, prompts))
    assert sum(s["palette"] == "neon" for s in seen) >= 10
    assert sum(s["style"] == "pixel" for s in seen) >= 9


@pytest.mark.slow
def test_negative_prompt_takes_away(judge, generator):
    prompts = ["a house, flat design"] * 24

    def warm(negative):
        seen = judge.recognise(drawn(generator, prompts, negative=negative))
        return sum(s["palette"] == "warm" for s in seen)

    assert warm("warm colors") < warm("cool colors, neon colors, monochrome")


def test_without_guidance_there_is_no_negative_prompt(generator):
    def pair(guidance):
        return [drawn(generator, ["a house"], guidance=guidance, negative=n) for n in ("warm colors", "neon colors")]

    assert np.array_equal(*pair(1.0))
    assert not np.array_equal(*pair(4.0))
    pictures = [[drawn(generator, [f"a {s}"] * 4, guidance=g) for s in ("castle", "fish")] for g in (1.0, 4.0)]
    weak, strong = (np.abs(one.astype(float) - other).mean() for one, other in pictures)
    assert strong > 1.2 * weak


@pytest.mark.slow
def test_recognition_reaches_its_bars(judge, generator):
    scenes = judging.balanced_scenes(240, seed=6)
    pictures = drawn(generator, [judging.plain_prompt(s, i % 3) for i, s in enumerate(scenes)])
    rates = judging.rates(scenes, judge.recognise(pictures))
    assert all(rates[name] >= bar for name, bar in judging.BARS.items()), rates


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_training_resumes_where_it_was(tmp_path, monkeypatch):
    """Two steps and two more equal four in one go, bit for bit; then all stages follow."""
    pictures = train.render_pictures(tmp_path, 64)
    whole = train.train_vae(tmp_path / "a", pictures, 4).state_dict()
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "CHECKPOINT", 2)
        patch.setattr(fitting, "save_whole", lambda *state: (train.save_whole(*state), pytest.fail("stopped")))
        with pytest.raises(pytest.fail.Exception, match="stopped"):
            train.train_vae(tmp_path / "b", pictures, 4)
    assert torch.load(tmp_path / "b" / "vae.pt", weights_only=True)["step"] == 2
    resumed = train.train_vae(tmp_path / "b", pictures, 4).state_dict()
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)
    vae = train.build_vae().eval()
    latents, scale = train.encode_pictures(tmp_path, vae, pictures)
    assert latents.std() == pytest.approx(1, abs=0.01)
    parts = train.train_unet(tmp_path / "c", latents, 2)
    monkeypatch.setattr(decoder, "PAINTED", 14)
    monkeypatch.setattr(decoder, "DRAWN", 8)
    drawing = decoder.Drawing(parts["unet"], parts["text_encoder"], parts["tokenizer"], train.build_scheduler())
    train.export(tmp_path / "model", decoder.build_painted_vae(tmp_path, drawing, vae, scale, 4, 2), scale, parts)
    picture = ImageGenerator(load_model(tmp_path / "model", device="cpu"), steps=2)
    assert drawn(picture, ["a fox"]).shape == (1, 128, 128, 3)
    weights = parts["unet"].state_dict(), parts["text_encoder"].state_dict(), vae.state_dict()
    tokens = {token: n for token, n in parts["tokenizer"].get_vocab().items() if token != "fox</w>"}
    stored.store(tmp_path / "state", stored.Stored(*weights, tokens, scale))
    start = stored.stored(tmp_path / "state")
    after = train.train_unet(tmp_path / "d", latents, 1, start)["unet"].conv_in.weight
    assert 0 < (after - parts["unet"].conv_in.weight).abs().max() < 0.01
    blank = replace(start, text={name: 0 * weight for name, weight in start.text.items()})
    table = stored.learnt_text_encoder(parts["tokenizer"], blank).get_input_embeddings().weight
    assert table.abs().amax(1).nonzero().tolist() == [[parts["tokenizer"].get_vocab()["fox</w>"]]]
