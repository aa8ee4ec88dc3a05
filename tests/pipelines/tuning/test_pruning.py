import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler

from soart.pipelines.collection.tables import ImageRow
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.models.step_preview import prediction, preview_call
from soart.pipelines.tuning.findings import findings_of
from soart.pipelines.tuning.loop import tune
from soart.pipelines.tuning.panel import Judgements, Panel
from soart.pipelines.tuning.pruning import (
    MIN_CORRELATION,
    MIN_PAIRS,
    SHARES,
    PreviewAgreement,
    Pruning,
    account,
    add_previews,
    agreements,
    expected_scores,
    halve,
    preview_goal,
)
from soart.pipelines.tuning.study import Study, Trial, read_study
from soart.pipelines.tuning.tuner import Tuner
from soart.prompts.space.space import PromptSpace

KEY = f"{SHARES[0]:g}"


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("scheduler", [DDIMScheduler, DPMSolverMultistepScheduler])
def test_a_perfect_model_foresees_the_original(kind, scheduler):
    plan = scheduler(prediction_type=kind)
    rng = torch.Generator().manual_seed(0)
    original, noise = torch.randn(2, 1, 4, 8, 8, generator=rng)
    timestep = torch.tensor(400)
    alpha = plan.alphas_cumprod[400]
    sample = alpha.sqrt() * original + (1 - alpha).sqrt() * noise
    said = {"epsilon": noise, "sample": original, "v_prediction": alpha.sqrt() * noise - (1 - alpha).sqrt() * original}
    of_sample, of_output = prediction(plan, timestep)
    found = of_sample * sample + of_output * said[kind]
    torch.testing.assert_close(found, original, atol=1e-5, rtol=1e-5)


def test_flows_and_schedulers_that_do_not_tell():
    flow = FlowMatchEulerDiscreteScheduler()
    original, noise = torch.ones(1, 4), torch.full((1, 4), -1.0)
    flow.set_timesteps(4)
    sigma = flow.sigmas[2]
    of_sample, of_output = prediction(flow, flow.timesteps[2])
    sample = (1 - sigma) * original + sigma * noise
    torch.testing.assert_close(of_sample * sample + of_output * (noise - original), original)
    assert prediction(DDIMScheduler(), torch.tensor(10.5)) is None


@pytest.mark.parametrize("scheduler", [None, "DPMSolverMultistepScheduler", "EulerDiscreteScheduler"])
def test_the_later_the_look_the_nearer_the_picture(generator, scheduler):
    request = generator.request("a sharp boat in cool colors", 3, scheduler=scheduler, steps=8)
    final = next(generator.draw([request]))[0].pixels.astype(float)
    away = [np.abs(next(generator.preview([request], share))[0].pixels - final).mean() for share in (0.1, 0.35, 0.8)]
    assert away[0] > away[1] > away[2]
    assert away[2] < 12
    assert np.array_equal(next(generator.draw([request]))[0].pixels, final)
    assert "step" not in vars(generator.model.pipeline.scheduler)


def test_a_pipeline_that_was_never_called_foresees():
    assert ImageGenerator(load_model(device="cpu")).can_preview


def test_a_failing_look_leaves_the_scheduler_as_it_was(generator):
    scheduler = generator.model.pipeline.scheduler
    with pytest.raises(RuntimeError), preview_call(generator.model.pipeline, 0.5):
        raise RuntimeError
    assert "step" not in vars(scheduler)


def planted(early_scores, final_scores, dropped=()):
    seen = [{KEY: {"s": float(early)}} if np.isfinite(early) else {} for early in early_scores]
    rows = [ImageRow(id=i, sha256="", path="") for i in range(len(seen))]
    asked = [Trial(i, 0, (i,), "", i, f"k{i}", rows[i], early) for i, early in enumerate(seen)]
    left = [Trial(100 + i, 1, (0,), "", 0, f"d{i}", None, {KEY: {"s": float(e)}}, True) for i, e in enumerate(dropped)]
    final = np.asarray(final_scores, dtype=float)
    judged = Judgements(asked, [a.row for a in asked], final[:, None], {"s": final}, {"s": 1.0}, frozenset())
    return judged, Study(own=[*asked, *left])


def test_agreement_decides():
    rising = np.arange(MIN_PAIRS, dtype=float)
    judged, study = planted(rising, 10 * rising)
    assert agreements(judged)[0].correlation == pytest.approx(1)
    assert account(study, judged).share == SHARES[0]
    rng = np.random.default_rng(0)
    judged, study = planted(rng.normal(size=40), rng.normal(size=40))
    found = account(study, judged)
    assert found.agreements[0].correlation < MIN_CORRELATION
    assert found.share is None
    assert "nothing was dropped" in str(found)
    judged, study = planted(rising[:-1], rising[:-1])
    assert account(study, judged).share is None
    judged, study = planted(np.ones(9), np.arange(9))
    assert account(study, judged).agreements[0].correlation == 0
    judged, study = planted([np.nan] * 9, np.arange(9))
    assert account(study, judged).agreements == []


def test_halving_keeps_the_best_and_what_cannot_be_seen_goes_first():
    judged, _ = planted(np.arange(8.0), np.arange(8.0))
    candidates = [
        Trial(i, 1, (i,), "", i, f"c{i}", None, {KEY: {"s": v}} if v is not None else {})
        for i, v in enumerate([3.0, None, 9.0, 1.0])
    ]
    kept = halve(judged, candidates, SHARES[0], 2)
    assert [one.dropped for one in kept] == [False, True, False, True]
    assert not any(one.dropped for one in halve(judged, candidates[:2], SHARES[0], 2))
    assert np.isnan(preview_goal(judged, {}))


def test_dropped_candidates_are_told_by_regression():
    rng = np.random.default_rng(1)
    early_scores = rng.normal(size=30)
    judged, study = planted(early_scores, 5 + 2 * early_scores, dropped=[-1.0, 0.5])
    told = expected_scores(study, judged, "s")
    assert [asked.request_key for asked, _ in told] == ["d0", "d1"]
    np.testing.assert_allclose([value for _, value in told], [3.0, 6.0])
    # A picture that the judge gives no value says nothing.
    judged, study = planted(early_scores, np.r_[np.nan, (5 + 2 * early_scores)[1:]], dropped=[-1.0, 0.5])
    np.testing.assert_allclose([value for _, value in expected_scores(study, judged, "s")], [3.0, 6.0])
    # Looks that say nothing are told as the mean.
    judged, study = planted(np.ones(8), np.arange(8.0), dropped=[4.0])
    assert expected_scores(study, judged, "s")[0][1] == pytest.approx(3.5)
    assert account(study, judged).dropped == 1


def test_an_account_says_what_looks_saved_or_cost():
    agreements = [PreviewAgreement(0.2, 0.9, 8)]
    assert "3 candidates were dropped after 9 previews, 15 % of the drawing time saved" in str(
        Pruning(agreements, 0.2, 9, 3, 0.15)
    )
    assert "1 candidate was dropped after 9 previews, 29 % of the drawing time added so far" in str(
        Pruning(agreements, 0.2, 9, 1, -0.29)
    )
    assert "nothing was dropped" in str(Pruning(agreements, None, 9, 0, -0.3))
    assert str(Pruning([], None, 2, 0, 0.0)).startswith("Previews: too few pictures so far to compare them")


def test_tuning_with_and_without(collection, generator, judge, tmp_path):
    space = PromptSpace.from_text(
        "a {boat|tree|house} in {warm|cool|monochrome|neon} colors, {flat design|woodcut|pixel art}"
    )
    tuner = Tuner(collection, generator, space, Panel(judge), budget=14, batch=6)
    assert tuner.prune
    tuner.step()
    assert all(set(asked.previews) == {f"{share:g}" for share in SHARES} for asked in tuner.study.own)
    found = account(tuner.study, tuner.judged())
    assert [a.pictures for a in found.agreements] == [6, 6]
    assert found.saving < 0
    tune(tuner)
    found = account(tuner.study, tuner.judged())
    assert tuner.done <= 14
    if found.share is not None:
        assert found.dropped > 0
        assert len(tuner.study.own) == tuner.done + found.dropped
    assert any("Previews:" in text for text in findings_of(tuner).notes)
    assert not tuner.waiting


def test_dropped_candidates_stay_dropped(collection, generator, judge, monkeypatch):
    """A study in which looks always agree: candidates are halved, looked at once, and never drawn later."""
    monkeypatch.setattr("soart.pipelines.tuning.pruning.MIN_CORRELATION", -1.0)
    space = PromptSpace.from_text(
        "a {boat|tree|house} in {warm|cool|monochrome|neon} colors, {flat design|woodcut|pixel art}"
    )
    tuner = Tuner(collection, generator, space, Panel(judge), budget=18, batch=6)
    tuner.step()
    tuner.step()
    dropped = tuner.study.dropped
    assert len(dropped) == 6
    assert tuner.done == 12
    scores = {a.request_key: a.previews[KEY][judge.stored_name] for a in tuner.study.own[6:]}
    assert max(scores[a.request_key] for a in dropped) <= min(
        scores[a.request_key] for a in tuner.study.own[6:] if not a.dropped
    )
    assert "6 candidates were dropped" in str(account(tuner.study, tuner.judged()))
    again = Tuner(collection, generator, space, Panel(judge), budget=18, batch=6, prune=False)
    tune(again)
    assert [a.request_key for a in again.study.dropped] == [a.request_key for a in dropped]
    assert all(a.row is None for a in read_study(collection, space, generator.model.identity).dropped)


def test_looks_are_not_taken_twice(generator, judge):
    asked = Trial(0, 0, (0,), "", 1, "k", None, {KEY: {"technical-9": 5.0}})
    same = add_previews(generator, Panel(judge), [asked], SHARES[0], lambda one: pytest.fail("looked again"))
    assert same == [asked]
