import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from soart.errors import TasteError
from soart.metrics.tastes import taste_files
from soart.metrics.tastes.agreement import compare_tastes
from soart.metrics.tastes.array_files import FORMAT
from soart.metrics.tastes.blend import Blend, blend, only_taste
from soart.metrics.tastes.examples import from_ratings
from soart.metrics.tastes.taste import learn_taste
from soart.metrics.tastes.taste_files import check_version, load_taste, same_taste, save_taste
from soart.metrics.tastes.within_groups import WithinGroups


def make(world, seed=1, name="mine", **options):
    rng = np.random.default_rng(seed)
    examples = world.planted(8, rng)
    examples = replace(examples, priors=np.column_stack([examples.liking + rng.normal(size=16), np.full(16, np.nan)]))
    return learn_taste(
        examples, world.names, "v1", name=name, prior_names=("a", "others"), rng=rng, repeats=1, **options
    )


@pytest.fixture(scope="module")
def taste(taste_world):
    return make(taste_world)


def parts_of(path):
    with safe_open(path, framework="numpy") as file:
        return file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def test_round_trip(taste, taste_world, tmp_path):
    path = save_taste(taste, tmp_path / "deep" / "mine.safetensors")
    again = load_taste(path)
    assert again.trust.advice == taste.trust.advice
    items, _ = taste_world.draw(30, np.random.default_rng(2))
    np.testing.assert_allclose(again.liking(items), taste.liking(items), atol=1e-9)
    np.testing.assert_allclose(again.score(items, useless_ok=True), taste.score(items, useless_ok=True), atol=1e-6)
    np.testing.assert_array_equal(again.percentile(taste.liking(items)), taste.percentile(taste.liking(items)))
    assert (again.name, again.version, again.method, again.names) == ("mine", "v1", "mixture", taste_world.names)
    assert again.trust.word == taste.trust.word
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_files_of_pictures_are_kept_and_their_folders_not_shared(taste_world, tmp_path):
    rng = np.random.default_rng(3)
    bare = taste_world.planted(8, rng)
    places = np.array([f"/home/ann/pictures/{n}.png" for n in range(16)])
    options = {"repeats": 1}
    without = learn_taste(bare, taste_world.names, "v1", **options)
    taste = replace(without, examples=replace(without.examples, files=places))
    assert taste_files.content_hash(taste) == taste_files.content_hash(without)
    assert load_taste(save_taste(taste, tmp_path / "own")).examples.files.tolist() == places.tolist()
    other = learn_taste(taste_world.planted(8, rng), taste_world.names, "v1", name="other", **options)
    for name, one in (("shared", taste), ("blend", blend("both", [taste, other]))):
        path = save_taste(one, tmp_path / name, to_share=True)
        assert "/home/ann" not in path.read_bytes().decode("latin-1")
        parts = [load_taste(path)] if name == "shared" else load_taste(path).parts
        assert parts[0].examples.files[3] == "3.png"
    assert not load_taste(save_taste(without, tmp_path / "bare")).examples.files.any()


def test_named_modes_survive(taste_world, tmp_path):
    from soart.metrics.tastes.examples import from_modes

    items, _ = taste_world.draw(30, np.random.default_rng(3))
    examples = from_modes({"good": items[:10], "grey": items[10:20], "soft": items[20:]})
    taste = learn_taste(examples, taste_world.names, "v1", repeats=1)
    again = load_taste(save_taste(taste, tmp_path / "p"))
    z = taste.fitted.scaling.frame.deviations(items)
    np.testing.assert_allclose(again.modes.probabilities(z), taste.modes.probabilities(z), atol=1e-8)


@pytest.mark.parametrize(
    ("prior", "constant", "other"),
    [
        ("technical", "FAULTS_VERSION", 99),
        ("appeal", "APPEAL_VERSION", "appeal-99"),
        ("nima", "NIMA_VERSION", "nima-99"),
    ],
)
def test_tastes_learnt_from_other_scores_are_to_be_learnt_again(
    prior, constant, other, taste_world, tmp_path, monkeypatch
):
    names = ("quality/side", *taste_world.names)
    rng = np.random.default_rng(4)
    examples = taste_world.planted(8, rng)
    examples = replace(
        examples,
        items=np.column_stack([np.full(16, 256.0), examples.items]),
        priors=examples.liking[:, None] + rng.normal(size=(16, 1)),
    )
    taste = learn_taste(examples, names, "v1", prior_names=(prior,), repeats=1)
    path = save_taste(taste, tmp_path / "t")
    assert same_taste(load_taste(path), taste)
    monkeypatch.setattr(taste_files, constant, other)
    with pytest.raises(
        TasteError, match=rf"was learnt with {prior}-\d+, this version of soart has .*{prior}-99: learn"
    ):
        load_taste(path)
    # Earlier files do not say which technical score it was.
    monkeypatch.setattr(taste_files, "_versions_of_priors", lambda *_: {})
    path = save_taste(taste, tmp_path / "earlier")
    monkeypatch.undo()
    with pytest.raises(TasteError, match=f"learnt with an earlier version of {prior}, this version"):
        load_taste(path)


def test_damaged_and_foreign_files_are_refused(taste, tmp_path):
    path = save_taste(taste, tmp_path / "p.safetensors")
    whole = path.read_bytes()
    broken = tmp_path / "b.safetensors"
    flipped = bytearray(whole)
    flipped[-9] ^= 1
    for content, words in (
        (whole[: len(whole) // 2], "not a taste, or is damaged"),
        (b"", "not a taste, or is damaged"),
        (b"not safetensors at all", "not a taste, or is damaged"),
        (bytes(flipped), "changed or damaged"),
    ):
        broken.write_bytes(content)
        with pytest.raises(TasteError, match=words) as caught:
            load_taste(broken)
        assert "\n" not in str(caught.value)
    save_file({"x": np.zeros(3)}, broken)
    with pytest.raises(TasteError, match="is not a taste: choose"):
        load_taste(broken)
    with pytest.raises(TasteError, match="cannot be read"):
        load_taste(tmp_path / "nothing")


def rewrite(path, change, rehash):
    from soart.metrics.tastes.array_files import digest_of

    metadata, arrays = parts_of(path)
    header = json.loads(metadata["soart_taste"])
    change(header, arrays)
    text = json.dumps(header)
    save_file(
        arrays,
        path,
        metadata={"soart_taste": text, "sha256": digest_of(text, arrays) if rehash else metadata["sha256"]},
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h, a: h.update(format=FORMAT + 1), f"format {FORMAT + 1}"),
        (lambda h, a: h["parts"][0].update(method="magic"), "'magic'"),
        (lambda h, a: h["parts"][0].pop("names"), "incomplete"),
        (lambda h, a: h["parts"][0]["trust"].update(word="divine"), "learn it again"),
        (lambda h, a: a.pop("0/items"), "incomplete"),
        (lambda h, a: a.update({"0/fitted": a["0/fitted"] + 1}), "other likings here"),
        (lambda h, a: a.update({"0/items": a["0/items"] * np.nan}), "incomplete"),
        (lambda h, a: h["parts"][0].update(calibration=[10**400, 0]), "incomplete"),
        (lambda h, a: h["parts"][0]["trust"].update(within=[1]), "incomplete"),
        (lambda h, a: h.update(parts=[]), "incomplete: expected a weight of each"),
        (
            lambda h, a: h["parts"][0].update(names=[]) or a.update({"0/items": a["0/items"][:, :0]}),
            "incomplete: expected the items",
        ),
        (lambda h, a: h["parts"][0].update(names=["x"]), "incomplete: expected the items"),
        (lambda h, a: h["parts"][0].update(modes=list(map(str, range(200)))), "too many words or kinds"),
        (
            lambda h, a: h["parts"][0].update(prior_names=["a", "b"]),
            "incomplete: expected a taste without one of its prior",
        ),
        (
            lambda h, a: h["parts"].append(h["parts"][0]) or a.update({f"1{k[1:]}": v for k, v in a.items()}),
            "a weight of",
        ),
    ],
)
def test_contents_are_checked_even_under_a_right_hash(change, words, taste, tmp_path):
    path = save_taste(taste, tmp_path / "p.safetensors")
    rewrite(path, change, rehash=True)
    with pytest.raises(TasteError, match=words):
        load_taste(path)


@pytest.mark.parametrize("place", ["part", "parts", "alone", "tastes"])
def test_a_taste_of_too_many_pictures_is_refused_before_anything_is_fitted(place, taste, tmp_path, monkeypatch):
    path = save_taste(taste, tmp_path / "p.safetensors")

    def change(header, arrays):
        [own] = header["parts"]
        many = own | {"pictures": ["a picture"] * (taste_files.MOST_PICTURES + 1)}
        few = own | {"pictures": ["a picture"] * taste_files.MOST_PICTURES}
        if place in ("part", "parts"):
            header["parts"] = [many] if place == "part" else [few] * 5
        else:
            own[place] = many if place == "alone" else [{"name": "t", "weights": [1], "parts": [own | {"alone": many}]}]

    rewrite(path, change, rehash=True)
    monkeypatch.setattr(taste_files, "fit", None)
    with pytest.raises(TasteError, match="more than 3000 pictures, or too many tastes"):
        load_taste(path)


def test_a_list_reads_the_header_alone(taste, tmp_path, monkeypatch):
    other = replace(taste, name="other")
    both = blend("both", [taste, other], [1, 3])
    monkeypatch.setattr(taste_files, "read_arrays", None)
    monkeypatch.setattr(taste_files, "fit", None)
    for one in (taste, both):
        assert taste_files.read_trust(save_taste(one, tmp_path / one.name)) == (one.trust.word, one.method)
    path = save_taste(taste, tmp_path / "p.safetensors")
    rewrite(path, lambda header, arrays: header["parts"][0].pop("trust"), rehash=True)
    with pytest.raises(TasteError, match="is incomplete"):
        taste_files.read_trust(path)


def test_a_taste_is_learnt_from_no_more_pictures_than_it_can_be_read_with(taste_world, monkeypatch, tmp_path):
    monkeypatch.setattr("soart.metrics.tastes.taste.MOST_PICTURES", 20)
    examples = taste_world.planted(20, np.random.default_rng(2))
    prompts = np.arange(len(examples)) // 2
    learnt = learn_taste(examples, taste_world.names, "v1", repeats=1, prompts=prompts)
    assert len(examples) == 40
    assert len(learnt.examples) == 20
    assert set(learnt.examples.modes) == {"good", "bad"}


def test_header_is_under_the_hash(taste, tmp_path):
    path = save_taste(taste, tmp_path / "p.safetensors")
    rewrite(path, lambda h, a: h["parts"][0].update(calibration=[9.0, 0.0]), rehash=False)
    with pytest.raises(TasteError, match="changed or damaged"):
        load_taste(path)


def test_nothing_is_half_saved(taste, tmp_path, monkeypatch):
    path = save_taste(taste, tmp_path / "p.safetensors")
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("soart.files.os.fsync", full)
    with pytest.raises(TasteError, match="No space left"):
        save_taste(replace(taste, name="other"), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["p.safetensors"]
    with pytest.raises(TasteError, match="cannot be written"):
        save_taste(taste, path / "below" / "a file")


def test_same_taste_but_for_its_date(taste, taste_world, tmp_path):
    later = replace(taste, created="2030-01-01T00:00:00+00:00")
    assert same_taste(taste, load_taste(save_taste(later, tmp_path / "p")))
    assert same_taste(blend("b", [taste, later]), blend("b", [later, taste]))
    others = (
        replace(taste, name="other"),
        make(taste_world, seed=2),
        blend("mine", [taste, replace(taste, name="yours")], [1, 2]),
    )
    assert not any(same_taste(taste, other) for other in others)
    # Whatever was learnt counts, such as judgements of other weights.
    heavier = replace(taste, examples=replace(taste.examples, weights=taste.examples.weights * 2))
    assert not same_taste(taste, heavier)
    assert taste_files.content_hash(taste) != taste_files.content_hash(heavier)
    # Only pictures that are known from choices alone have levels.
    chosen = replace(taste, examples=replace(taste.examples, levels=np.zeros(16, dtype=np.int64)))
    assert same_taste(chosen, chosen)
    assert not same_taste(taste, chosen)
    assert not same_taste(chosen, taste)


def test_versions_must_match(taste, taste_world):
    check_version(taste, taste_world.names, "v1")
    with pytest.raises(TasteError, match="learnt on items v1, this version of soart measures v2"):
        check_version(taste, taste_world.names, "v2")


def test_percentiles_of_a_blend_are_those_of_its_likings():
    """The best twentieth by two unlike tastes had percentiles of 84 and more, and one picture in 500 had 95."""
    rng = np.random.default_rng(0)
    names, background = tuple(f"colour/luma/{k}" for k in range(4)), rng.normal(size=(2000, 4))
    tastes = []
    for k in (0, 1):
        items = rng.normal(size=(60, 4))
        examples = from_ratings(items, np.clip(np.round(3 + 1.5 * items[:, k]), 1, 5))
        tastes.append(
            learn_taste(
                examples, names, "colour-1", name=f"taste {k}", repeats=1,
                background=(background, np.zeros((2000, 0))),
            )
        )  # fmt: skip
    unlike = blend("unlike", tastes)
    shown = np.quantile(unlike.percentile(unlike.liking(background)), [0.05, 0.25, 0.5, 0.75, 0.95])
    assert shown == pytest.approx([5, 25, 50, 75, 95], abs=3)
    # Where both are one, the quantiles are those of either.
    alike = blend("alike", [tastes[0], replace(tastes[0], name="again")])
    one = tastes[0].reference
    assert alike.reference == pytest.approx((one - one.mean()) / one.std())


def test_blend(taste, taste_world, tmp_path):
    other = make(taste_world, seed=5, name="yours")
    both = blend("ours", [taste, other], [3, 1])
    assert both.weights == (0.75, 0.25)
    items, _ = taste_world.draw(40, np.random.default_rng(6))
    mixed = 0.75 * taste.score(items, useless_ok=True) + 0.25 * other.score(items, useless_ok=True)
    np.testing.assert_allclose(both.score(items, useless_ok=True), mixed)
    again = load_taste(save_taste(both, tmp_path / "b"))
    assert isinstance(again, Blend)
    np.testing.assert_allclose(again.liking(items), both.liking(items), atol=1e-9)
    nested = blend("all", [both, taste])
    # A taste that comes twice counts once, by both weights.
    assert [p.name for p in nested.parts] == ["mine", "yours"]
    assert nested.weights == pytest.approx((0.875, 0.125))
    percentile = both.percentile(both.liking(items))
    assert (percentile >= 0).all()
    assert (percentile <= 100).all()
    assert both.trust in (taste.trust, other.trust)
    assert "0.75 mine" in both.method


def test_notebooks_show_how_reliable_a_taste_is(taste):
    for shown in (replace(taste, name="<b>mine"), blend("<b>mine", [taste, replace(taste, name="yours")])):
        page = shown._repr_html_()
        assert "&lt;b&gt;mine" in page
        assert "pictures" in page
        assert shown.trust.word in page
        assert "of one prompt" not in page
    told = replace(taste, trust=replace(taste.trust, within=WithinGroups(0.75, 0.6, 0.9, 40, 8)))
    assert "Of two pictures of one prompt it picks yours in 75 % (60 … 90)" in told._repr_html_()


def test_wrong_blends_are_refused(taste, taste_world):
    for parts, weights, words in (
        ([taste], None, "at least two"),
        ([taste, taste], None, "two different tastes"),
        ([taste, taste], [1, 0], "above 0"),
        ([taste, taste], [1, float("nan")], "above 0"),
        ([taste, replace(taste, version="v2")], None, "same items"),
    ):
        with pytest.raises(TasteError, match=words):
            blend("x", parts, weights)


def test_comparison_finds_where_tastes_disagree():
    a = np.arange(10.0)
    b = a.copy()
    b[[0, 9]] = b[[9, 0]]
    agreement = compare_tastes(["a", "b"], np.stack([a, b]))
    assert set(agreement.disagreements(2)) == {0, 9}
    # The others are judged alike.
    assert set(agreement.disagreements(8)) == {0, 9}
    assert compare_tastes(["a", "b"], np.stack([a, a])).disagreements() == []
    assert set(compare_tastes(["a", "b"], np.stack([a, a[[1, 0, *range(2, 10)]]])).disagreements()) == {0, 1}
    assert agreement.correlation[0, 0] == pytest.approx(1)
    assert agreement.correlation[0, 1] == agreement.correlation[1, 0] < 1
    assert np.isnan(compare_tastes(["a", "b"], np.stack([a, a * 0])).correlation[0, 1])
    with pytest.raises(TasteError, match="at least two tastes and two pictures, got 1 and 10"):
        compare_tastes(["a"], a[None])


def test_a_taste_keeps_those_that_it_starts_from(taste, taste_world, tmp_path):
    """The other taste itself lacks other raters' means, and so does the one that starts from it."""
    rng = np.random.default_rng(7)
    examples = taste_world.planted(8, rng)
    both = blend("both", [taste, make(taste_world, seed=5, name="yours")])
    names = ("taste:mine", "others", "taste:both")
    priors = np.column_stack([taste.liking(examples.items), examples.liking, both.liking(examples.items)])
    learnt = learn_taste(
        replace(examples, priors=priors), taste_world.names, "v1", prior_names=names, tastes=(taste, both), repeats=1
    )
    again = load_taste(save_taste(learnt, tmp_path / "t"))
    items, _ = taste_world.draw(9, rng)
    assert [one.name for one in again.tastes] == ["mine", "both"]
    assert [one.name for one in again.alone.tastes] == ["mine", "both"]
    np.testing.assert_allclose(again.liking(items), learnt.liking(items), atol=1e-9)
    assert same_taste(again, learnt)
    path = save_taste(learnt, tmp_path / "t")
    rewrite(path, lambda h, a: h["parts"][0]["tastes"].pop(), rehash=True)
    with pytest.raises(TasteError, match="incomplete: expected each taste among its prior scores"):
        load_taste(path)


def test_one_taste_of_a_blend_is_asked_for_where_a_blend_does_not_do(taste):
    both = blend("ours", [taste, replace(taste, name="yours")])
    assert both.names == taste.names
    assert only_taste(taste) is taste
    with pytest.raises(TasteError, match=r"'ours' is a blend: use one of its tastes instead \(mine, yours\)"):
        only_taste(both)
