"""An Optuna study steered by soart, with pictures as artifacts of trials.

    pip install 'soart[optuna]'
    python examples/optuna_study.py --trials 40 --folder optuna-study

The study and its pictures are in one folder, so a second call continues the study. ``optuna-dashboard`` shows both.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.artifacts import FileSystemArtifactStore, get_all_artifact_meta, upload_artifact
from PIL import Image

import soart
from soart.pipelines.models.loading import load_model
from soart.plugin.optuna import SoartSampler

CHOICES = {
    "quality": ["sharp", "vivid", "blurry", "noisy", "faded"],
    "subject": ["boat", "castle", "owl", "fox"],
    "palette": ["warm", "cool", "monochrome"],
}


def run(trials: int, folder: Path, seed: int = 0, steps: int = 16) -> optuna.Study:
    """Run ``trials`` more trials of the study in ``folder``.

    Args:
        trials: number of trials, with one picture each.
        folder: for ``study.log`` and the pictures.
        seed: of the sampler.
        steps: sampling steps of a picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    store = FileSystemArtifactStore(str(pictures))
    backend = optuna.storages.journal.JournalFileBackend(str(folder / "study.log"))
    study = optuna.create_study(
        study_name="soart",
        storage=optuna.storages.JournalStorage(backend),
        direction="maximize",
        sampler=SoartSampler(seed=seed),
        load_if_exists=True,
    )
    generator, judge = soart.ImageGenerator(load_model()), soart.TechnicalJudge.load()

    def objective(trial: optuna.Trial) -> float:
        words = {name: trial.suggest_categorical(name, options) for name, options in CHOICES.items()}
        guidance = trial.suggest_float("guidance", 1, 5, step=1)
        prompt = "a {quality} picture of a {subject} in {palette} colors".format(**words)
        [[picture]] = generator.draw([generator.request(prompt, seed=trial.number, guidance=guidance, steps=steps)])
        if picture.problem:
            raise optuna.TrialPruned(picture.problem)
        file = folder / f"trial-{trial.number}.png"
        Image.fromarray(picture.pixels).save(file)
        upload_artifact(artifact_store=store, file_path=str(file), study_or_trial=trial)
        file.unlink()
        pictures = soart.PicturesInMemory({trial.number: picture.pixels})
        judged = judge.values(pictures)
        if judged.why[0]:
            raise optuna.TrialPruned(judged.why[0])
        trial.set_user_attr("reasons", [reason.text for reason in judge.reasons(pictures)[0]])
        return float(judged.values[0])

    study.optimize(objective, n_trials=trials)
    return study


def pictures_of(study: optuna.Study, folder: Path) -> dict[int, Path]:
    """Number of the trial → its picture, for all trials with a picture."""
    paths = {}
    for trial in study.get_trials(deepcopy=False):
        for artifact in get_all_artifact_meta(trial, storage=study._storage):
            paths[trial.number] = folder / "pictures" / artifact.artifact_id
    return paths


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study and print the best picture and the recommended words."""
    parser = argparse.ArgumentParser(description="Tune a prompt of the embedded model with Optuna and soart.")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--folder", type=Path, default=Path("optuna-study"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = run(options.trials, options.folder, options.seed)
    recommended = ", ".join(f"{name} {value}" for name, value in study.sampler.recommend(study).items())
    print(f"{len(study.trials)} trials; best picture: {pictures_of(study, options.folder)[study.best_trial.number]}")
    print(f"Score {study.best_value:.1f}; recommended (lucky single pictures averaged out): {recommended}")


if __name__ == "__main__":
    main()
