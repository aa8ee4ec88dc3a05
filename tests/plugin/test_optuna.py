import builtins
import importlib
import pickle
import sys

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from soart.errors import PromptError
from soart.plugin.optuna import SoartSampler
from soart.prompts.steering.history import feasible_first

WORDS = tuple("abcdef")
INF = float("inf")


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def planted(seed, sign=1.0, noise=0.0):
    """An objective with main effects and pairs over five slots."""
    rng = np.random.default_rng(seed)
    main, pair = rng.standard_normal((5, 6)), 0.5 * rng.standard_normal((5, 5, 6, 6))

    def objective(trial):
        k = [WORDS.index(trial.suggest_categorical(f"slot{s}", WORDS)) for s in range(5)]
        value = sum(main[s, k[s]] for s in range(5)) + sum(
            pair[s, t, k[s], k[t]] for s in range(5) for t in range(s + 1, 5)
        )
        return sign * (value + noise * rng.normal())

    return objective


def params(study, *states):
    return [tuple(sorted(t.params.items())) for t in study.trials if not states or t.state in states]


def test_finds_planted_structure_faster_than_random():
    ahead = []
    for seed in range(2):
        best = []
        for sampler, count in ((SoartSampler(seed=seed), 40), (RandomSampler(seed=seed), 120)):
            study = optuna.create_study(direction="maximize", sampler=sampler)
            study.optimize(planted(seed), n_trials=count)
            best.append(study.best_value)
        ahead.append(best[0] - best[1])
    assert np.mean(ahead) > 0.5
    assert min(ahead) > -0.2


def test_the_same_seed_is_the_same_study():
    def run(seed):
        study = optuna.create_study(sampler=SoartSampler(seed=seed))
        study.optimize(planted(0), n_trials=12)
        return params(study)

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_a_resumed_study_goes_on(tmp_path):
    storage, objective = f"sqlite:///{tmp_path / 'study.db'}", planted(1)
    first = optuna.create_study(study_name="s", storage=storage, direction="maximize", sampler=SoartSampler(seed=1))
    first.optimize(objective, n_trials=20)
    second = optuna.load_study(study_name="s", storage=storage, sampler=SoartSampler(seed=1))
    second.optimize(objective, n_trials=10)
    tried = params(second)
    assert len(set(tried)) == len(tried) == 30
    values = [trial.value for trial in second.trials]
    assert np.mean(values[20:]) > np.mean(values[:8]) + 1


def test_failed_pruned_and_nan_trials_teach_nothing_and_are_not_repeated():
    calls = iter(range(10_000))
    plain = planted(2)

    def objective(trial):
        value, number = plain(trial), next(calls)
        if number % 5 == 2:
            raise ArithmeticError("the model failed")
        if number % 5 == 3:
            raise optuna.TrialPruned
        return float("nan") if number % 5 == 4 else value

    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    study.optimize(objective, n_trials=40, catch=ArithmeticError)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    assert len(set(params(study))) == 40
    assert len(study.sampler._steered.steering._learnt) <= len(study.get_trials(states=[TrialState.COMPLETE]))


def test_a_number_at_which_trials_fail_early_is_not_chosen_again_and_again():
    """Twelve of 45 trials had the number that always failed, because the next parameter was still missing in them."""

    def objective(trial):
        if trial.suggest_categorical("kind", ["plain", "stepped"]) == "plain":
            return -3.0
        steps = trial.suggest_int("steps", 1, 30)
        if steps == 21:
            raise ArithmeticError("the model failed")
        return -((steps - 21) ** 2) / 40 + (trial.suggest_categorical("other", "abcd") == "c")

    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    study.optimize(objective, n_trials=45, catch=ArithmeticError)
    assert 0 < [trial.params.get("steps") for trial in study.trials].count(21) <= len("abcd")


def test_infinite_values_and_equal_values():
    values = iter([float("-inf"), 1.0, float("inf"), 1.0, 1e300] + [1.0] * 20)

    def objective(trial):
        trial.suggest_categorical("x", WORDS)
        trial.suggest_categorical("y", WORDS)
        return next(values)

    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    study.optimize(objective, n_trials=20)
    assert len(set(params(study))) == 20


def test_the_scale_and_the_direction_of_values_do_not_matter():
    def tried(scale, direction="maximize"):
        study = optuna.create_study(direction=direction, sampler=SoartSampler(seed=3))
        study.optimize(lambda trial: scale * planted(3)(trial), n_trials=24)
        return params(study)

    assert tried(1.0) == tried(2.0**-60) == tried(-1.0, "minimize")


def test_enqueued_trials_are_kept_and_completed():
    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    objective = planted(3)
    study.optimize(objective, n_trials=10)
    whole = {f"slot{s}": "f" for s in range(5)}
    study.enqueue_trial(whole)
    study.enqueue_trial({"slot0": "e", "slot1": "e"})
    study.enqueue_trial({"slot0": "e", "slot1": "e"})
    study.optimize(objective, n_trials=3)
    assert study.trials[10].params == whole
    for trial in study.trials[11:]:
        assert trial.params["slot0"] == trial.params["slot1"] == "e"
    assert len(set(params(study))) == 13


@pytest.mark.filterwarnings("ignore:Fixed parameter")
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("wrong", ["dragon", None, float("nan"), 3])
def test_an_enqueued_trial_of_a_value_that_is_no_option_fails_alone(known, wrong):
    space = {"x": CategoricalDistribution(WORDS), "n": IntDistribution(1, 5)}
    sampler = SoartSampler(seed=0, search_space=space if known else None)
    study = optuna.create_study(direction="maximize", sampler=sampler)

    def objective(trial):
        return WORDS.index(trial.suggest_categorical("x", WORDS)) + trial.suggest_int("n", 1, 5)

    study.optimize(objective, n_trials=3)
    study.enqueue_trial({"x": wrong, "n": 2})
    # Still waiting while the next one is sampled.
    study.enqueue_trial({"x": wrong})
    study.optimize(objective, n_trials=12, catch=ValueError)
    states = [trial.state for trial in study.trials]
    assert states[3:5] == [TrialState.FAIL] * 2
    assert states[:3] + states[5:] == [TrialState.COMPLETE] * 13
    assert sampler.recommend(study).keys() == space.keys()


@pytest.mark.filterwarnings("ignore:Fixed parameter")
@pytest.mark.parametrize("wrong", [99, float("inf"), "two", None])
def test_enqueued_numbers_out_of_range_teach_nothing(wrong):
    def objective(trial):
        return trial.suggest_int("n", 1, 5) + WORDS.index(trial.suggest_categorical("x", WORDS))

    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    study.optimize(objective, n_trials=3)
    study.enqueue_trial({"n": wrong})
    study.optimize(objective, n_trials=5, catch=(ValueError, TypeError, OverflowError))
    assert [trial.state for trial in study.trials].count(TrialState.COMPLETE) >= 7
    finished, others = study.sampler._history(study, *_slots_and_ranges(study), None)
    assert 3 not in finished
    assert len(finished) + len(others) == 7


def _slots_and_ranges(study):
    slots = study.sampler._slots(study)
    return slots, study.sampler._steering(study, slots)[1]


def test_trials_running_side_by_side_are_not_repeated():
    space = {"x": CategoricalDistribution(WORDS), "y": IntDistribution(0, 3)}
    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0, search_space=space))
    running = [study.ask(space) for _ in range(16)]
    assert len({tuple(t.params.values()) for t in running}) == 16
    for trial in running[:12]:
        study.tell(trial, float(trial.params["y"]))
    # Another worker, with a sampler of its own, sees what runs.
    other = optuna.load_study(study_name=study.study_name, storage=study._storage, sampler=SoartSampler(seed=0))
    more = [other.ask(space) for _ in range(8)]
    assert len({tuple(t.params.values()) for t in running + more}) == 24
    last = other.ask(space)
    assert last.params["y"] == 3


def test_threads():
    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    study.optimize(planted(4), n_trials=24, n_jobs=4)
    assert len(study.trials) == 24


def test_a_known_space_starts_balanced():
    space = {f"slot{s}": CategoricalDistribution(WORDS) for s in range(5)}
    study = optuna.create_study(sampler=SoartSampler(seed=0, search_space=space, startup=6))
    study.optimize(planted(0), n_trials=6)
    assert all(len({trial.params[name] for trial in study.trials}) == 6 for name in space)


def test_conditional_parameters_and_changing_ranges():
    def objective(trial):
        kind = trial.suggest_categorical("kind", ["a", "b"])
        size = trial.suggest_int("size", 1, 4)
        moving = trial.suggest_int("moving", 0, 1 + trial.number % 3)
        extra = trial.suggest_float("extra", 0, 1) if kind == "b" else 0.0
        return size + (kind == "b") + extra + moving

    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    study.optimize(objective, n_trials=20)
    assert study.best_trial.params["kind"] == "b"
    assert study.best_trial.params["size"] == 4
    space = study.sampler.infer_relative_search_space(study, study.trials[-1])
    assert set(space) == {"kind", "size", "extra"}
    assert study.sampler.recommend(study)["extra"] > 0.5


def depending(trial):
    """Weights that exist only with their LoRA, and layers that exist only from a number of layers on."""
    lora = trial.suggest_categorical("lora", ["none", "ink", "snow"])
    layers = trial.suggest_int("layers", 1, 3)
    value = 0.1 * layers
    if lora != "none":
        best = {"ink": 0.8, "snow": 0.3}[lora]
        value += best - 3 * (trial.suggest_float(f"weight_{lora}", 0, 1.2) - best) ** 2
    if layers >= 2:
        value += 0.3 * (trial.suggest_categorical("second", ["soft", "hard"]) == "hard")
    return value


def test_parameters_that_depend_on_another_are_sampled_with_it():
    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    study.optimize(depending, n_trials=32)
    slots = {slot.name: slot for slot in study.sampler._slots(study)}
    assert [slot.parent for slot in slots.values()][:2] == [None, None]
    assert slots["weight_ink"].parent.options == {1}
    assert slots["weight_snow"].parent.options == {2}
    assert slots["second"].parent.options == {1, 2}
    late = [trial.params.get("weight_ink", 0.0) for trial in study.trials[-12:]]
    assert np.mean(np.abs(np.array(late) - 0.8) < 0.25) > 0.5
    recommended = study.sampler.recommend(study)
    assert recommended.keys() == {"lora", "layers", "weight_ink", "second"}
    assert (recommended["lora"], recommended["layers"], recommended["second"]) == ("ink", 3, "hard")
    assert recommended["weight_ink"] == pytest.approx(0.8, abs=0.15)


def test_parameters_that_are_named_beforehand_may_depend_on_others():
    space = {
        "lora": CategoricalDistribution(["none", "ink", "snow"]),
        "layers": IntDistribution(1, 3),
        "weight_ink": FloatDistribution(0, 1.2),
    }
    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0, search_space=space, startup=6))
    study.optimize(depending, n_trials=16)
    slots = {slot.name: slot for slot in study.sampler._slots(study)}
    assert slots["weight_ink"].parent.options == {1}
    assert {"weight_snow", "second"} <= slots.keys()


@pytest.mark.slow
def test_numbers_of_every_kind():
    def objective(trial):
        x = trial.suggest_float("x", -1, 1)
        rate = trial.suggest_float("rate", 1e-5, 1.0, log=True)
        steps = trial.suggest_int("steps", 1, 1000, log=True)
        size = trial.suggest_int("size", 64, 1024, step=64)
        guidance = trial.suggest_float("guidance", 1.0, 3.0, step=0.25)
        assert guidance in np.arange(1.0, 3.01, 0.25)
        return (
            (x - 0.5) ** 2 + (np.log10(rate) + 2) ** 2 + (np.log10(steps) - 1) ** 2 + size / 1024 + (guidance - 2) ** 2
        )

    best = []
    for sampler in (SoartSampler(seed=2), RandomSampler(seed=2)):
        study = optuna.create_study(sampler=sampler)
        study.optimize(objective, n_trials=30)
        best.append(study.best_value)
    assert best[0] < best[1]


def test_degenerate_spaces():
    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    study.optimize(lambda trial: float(len(trial.suggest_categorical("only", ["one"]))), n_trials=4)
    study.optimize(lambda trial: 1.0, n_trials=3)
    assert len(study.trials) == 7
    small = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0, startup=0))
    small.optimize(lambda trial: float(trial.suggest_int("x", 0, 7)), n_trials=30)
    tried = [trial.params["x"] for trial in small.trials]
    assert set(tried[:9]) == set(range(8))
    # Then the best ones again.
    assert min(tried[9:]) >= 3


def test_too_many_categories_are_left_to_the_independent_sampler():
    def objective(trial):
        many = trial.suggest_categorical("many", tuple(range(150)))
        return many * 0.001 + trial.suggest_int("x", 0, 3)

    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    study.optimize(objective, n_trials=8)
    assert set(study.sampler.infer_relative_search_space(study, study.trials[-1])) == {"x"}


@pytest.mark.slow
def test_recommends_what_is_best_behind_the_noise():
    ahead = []
    for seed in range(2):
        study = optuna.create_study(direction="minimize", sampler=SoartSampler(seed=seed))
        study.optimize(planted(seed, -1.0, noise=3.0), n_trials=60)
        recommended = study.sampler.recommend(study)
        values = [planted(seed)(optuna.trial.FixedTrial(found)) for found in (recommended, study.best_params)]
        ahead.append(values[0] - values[1])
    assert np.mean(ahead) > 0
    mixed = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    with pytest.raises(PromptError, match="nothing to recommend"):
        mixed.sampler.recommend(mixed)
    mixed.optimize(
        lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 1, 1000, log=True) / 1000, n_trials=30
    )
    found = mixed.sampler.recommend(mixed)
    assert found["x"] > 0.95
    assert isinstance(found["n"], int)
    assert found["n"] > 500


def test_several_objectives_are_refused_in_one_sentence():
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=SoartSampler(seed=0))
    with pytest.raises(PromptError, match="one objective, but this study has 2"):
        study.optimize(lambda trial: (trial.suggest_int("x", 0, 3), 1.0), n_trials=2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"startup": -1}, "at least 0 as the startup, got -1"),
        ({"startup": 2.5}, "whole number"),
        ({"startup": True}, "whole number"),
        ({"seed": "one"}, "as the seed, or None, got 'one'"),
        ({"seed": -1}, "at least 0"),
        ({"search_space": ["x"]}, "name → distribution"),
        ({"search_space": {"x": [0, 1]}}, "name → distribution"),
        ({"independent_sampler": "random"}, "a sampler of Optuna"),
    ],
)
def test_wrong_settings_are_refused_in_one_sentence(settings, message):
    with pytest.raises(PromptError, match=message):
        SoartSampler(**settings)


@pytest.mark.slow
def test_numbers_are_found_between_the_values_of_any_grid():
    """The best values lie beside the even grid, and products matter."""

    def objective(trial):
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 1e-4, 1, log=True)
        u, v = x - 0.337, (np.log10(y) + 1.234) / 4
        return u**2 + v**2 + u * v

    study = optuna.create_study(sampler=SoartSampler(seed=0))
    study.optimize(objective, n_trials=30)
    assert study.best_value < 0.001
    found = study.sampler.recommend(study)
    assert found["x"] == pytest.approx(0.337, abs=0.06)


def test_pickled_samplers_and_reseeding():
    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=5))
    study.optimize(planted(5), n_trials=10)
    study.sampler = pickle.loads(pickle.dumps(study.sampler))  # noqa: S301
    study.optimize(planted(5), n_trials=5)
    assert len(set(params(study))) == 15
    before = study.sampler._rng.bit_generator.state
    study.sampler.reseed_rng()
    assert study.sampler._rng.bit_generator.state != before
    assert str(study.sampler) == "SoartSampler"


def test_without_optuna_one_sentence(monkeypatch):
    genuine = builtins.__import__

    def missing(name, *rest, **named):
        if name.startswith("optuna."):
            raise ImportError("No module named 'optuna'")
        return genuine(name, *rest, **named)

    monkeypatch.delitem(sys.modules, "soart.plugin.optuna")
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"needs Optuna.*pip install 'soart\[optuna\]'"):
        importlib.import_module("soart.plugin.optuna")


def test_constraints_are_learnt_and_kept():
    def objective(trial):
        style = trial.suggest_categorical("style", ["wash", "ink", "flat", "neon"])
        light = trial.suggest_categorical("light", ["dim", "soft", "hard"])
        steps = trial.suggest_int("steps", 1, 12)
        return {"wash": 0, "ink": 1, "flat": 2, "neon": 3}[style] + (light == "hard") + steps / 12

    def constraints(trial):
        # The best of all values are forbidden.
        return trial.params["steps"] - 6, (trial.params["style"] == "neon") - 0.5

    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0, constraints_func=constraints))
    study.optimize(objective, n_trials=40)
    kept = [max(trial.system_attrs["constraints"]) <= 0 for trial in study.trials]
    # Of all choices 54 of 144 keep them.
    assert sum(kept[-16:]) >= 9
    best = study.sampler.recommend(study)
    assert (best["style"], best["light"]) == ("flat", "hard")
    assert 4 <= best["steps"] <= 6
    # A sampler that ignores them is drawn to what is forbidden.
    blind = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=0))
    blind.optimize(objective, n_trials=24)
    assert blind.sampler.recommend(blind)["style"] == "neon"
    # Stored constraints count whoever stored them.
    later = SoartSampler(seed=1)
    assert later.recommend(study)["style"] != "neon"


@pytest.mark.parametrize("constraints", [None, 1.0, ["x"], [float("nan")]])
def test_constraints_that_are_no_numbers(constraints):
    study = optuna.create_study(sampler=SoartSampler(seed=0, constraints_func=lambda trial: constraints))
    with pytest.raises(PromptError, match="Expected numbers from constraints_func"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)


def test_infeasible_values_stand_below_all_others_in_the_order_of_their_violations():
    values = {0: 1.0, 1: -INF, 2: 3.0, 3: 9.0, 4: 8.0, 5: INF}
    ordered = feasible_first(values, {3: 2.0, 4: 0.5, 5: INF, 2: 0.0})
    assert [ordered[number] for number in (0, 1, 2)] == [1.0, -INF, 3.0]
    assert ordered[5] < ordered[3] < ordered[4] < 1.0
    # Nothing is feasible: the order remains.
    assert feasible_first({0: 1.0, 1: 5.0}, {0: 1.0, 1: 2.0}) == {
        0: pytest.approx(-1.4),
        1: pytest.approx(-1.571, abs=1e-3),
    }
