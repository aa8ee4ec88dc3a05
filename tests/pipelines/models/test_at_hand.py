"""Models in a cache of the hub, and the families that can be run."""

import json

from soart.pipelines.models.at_hand import families, models_at_hand
from soart.pipelines.models.calls import listed_classes


def cached(cache, name, files):
    """A model in a cache of the hub."""
    home = cache / f"models--{name.replace('/', '--')}"
    snapshot = home / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("abc")
    for path, content in files.items():
        (snapshot / path).write_text(content if isinstance(content, str) else json.dumps(content))


def test_models_in_the_cache_are_told_apart(tmp_path):
    cached(tmp_path, "a/pictures", {"model_index.json": {"_class_name": "FluxPipeline"}, "weights": "12345"})
    cached(tmp_path, "b/network", {"config.json": {"model_type": "clip"}})
    cached(tmp_path, "c/odd", {"config.json": "no JSON"})
    embedded, *others = models_at_hand(tmp_path)
    assert (embedded.name, embedded.draws, embedded.size > 10e6) == ("embedded", True, True)
    assert [(one.name, one.kind, one.draws) for one in others] == [
        ("a/pictures", "FluxPipeline", True), ("b/network", "clip", False), ("c/odd", "", False),
    ]  # fmt: skip
    assert others[0].size >= 5
    assert [one.name for one in models_at_hand(tmp_path / "none")] == ["embedded"]


def test_families_say_what_they_need():
    by_name = {family.name: family for family in families()}
    assert set(by_name) == {kind.__name__ for kind in listed_classes()}
    assert by_name["StableDiffusionPipeline"].inputs == by_name["StableDiffusionPipeline"].packages == ()
    assert by_name["StableDiffusionControlNetPipeline"].inputs == ("image",)
    assert by_name["PixArtAlphaPipeline"].packages == ("sentencepiece",)
