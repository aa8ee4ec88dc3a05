"""The command ``soart taste distil``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...pipelines.models.limits import SEED_LIMIT
from .options import (
    Anyway,
    CollectionOption,
    Guidance,
    Json,
    Model,
    Negative,
    Size,
    Steps,
    finite,
    generator_options,
    load_generator,
    load_judges,
    output_file_anywhere,
    settings_of,
)
from .taste import Name
from .terminal import Progress, interruptible, print_notes, show

#: Pairs of pictures in the trust card.
PAIRS = 48


def distil(
    name: Name,
    lora: Annotated[
        Path,
        typer.Option("--lora", metavar="FILE", callback=output_file_anywhere, help="File of the LoRA, .safetensors."),
    ],
    prompt: Annotated[
        str | None,
        typer.Option(help="Prompt or template to draw pictures of; default: the prompts of the rated pictures."),
    ] = None,
    rated: Annotated[
        bool, typer.Option("--rated", help="Train on the rated pictures themselves, not on fresh ones.")
    ] = False,
    pictures: Annotated[int, typer.Option(min=2, help="Fresh pictures to draw and train on.")] = 160,
    training_steps: Annotated[int, typer.Option(min=1, help="Steps of training.")] = 40,
    rank: Annotated[int, typer.Option(min=1, max=256, help="Rank of the LoRA.")] = 8,
    rate: Annotated[
        float | None,
        typer.Option(
            min=1e-9,
            max=1.0,
            callback=finite,
            help="Learning rate; default: 0.001 for the embedded model, else 0.0001.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=SEED_LIMIT // 2, help="Seed of the first picture, of the prompts and of training.")
    ] = 0,
    anyway: Anyway = False,
    negative: Negative = None,
    steps: Steps = None,
    guidance: Guidance = None,
    size: Size = None,
    model: Model = None,
    collection: CollectionOption = "soart-pictures",
    as_json: Json = False,
) -> None:
    """Train a LoRA that makes a model draw more of what a taste likes, and examine it on pictures it was not trained on."""
    from ...pipelines.collection.collection import Collection
    from ...pipelines.distilling import distil as distilling
    from ...pipelines.distilling.training import Recipe
    from ...pipelines.optimizing.optimize import judge_for
    from ...pipelines.support.wording import counted

    settings = settings_of(negative, steps, guidance, size)
    judge = judge_for(load_judges([name], [collection])[0][0], anyway=anyway)
    distilling.check_taste(judge)
    distilling.checked_path(lora)
    Collection.check_place(collection)
    with (
        load_generator(generator_options(model)) as generator,
        Collection(collection) as store,
        interruptible(),
        Progress("distilling", 0) as shown,
    ):

        def tell(estimate: distilling.Estimate) -> None:
            memory = f"{estimate.memory / 1e9:.1f} GB beside the model"
            if estimate.checkpointed:
                memory = f"less than {memory}, because each block is computed twice"
            print_notes(
                [
                    f"About {max(1, round(estimate.seconds / 60))} min: {counted(estimate.pictures)} to draw, "
                    f"{counted(estimate.steps, 'step')} of training. Training needs {memory}."
                ]
            )

        def advance(progress: distilling.DistilProgress) -> None:
            shown.expect(progress.total)
            shown.reach(progress.done)

        recipe = Recipe(
            training_steps, rank=rank, rate=distilling.usual_rate(generator) if rate is None else rate, seed=seed
        )
        found = distilling.distil(
            store, generator, lora, by=judge, prompt=prompt, rated=rated, pictures=pictures, check=PAIRS, recipe=recipe,
            anyway=anyway, progress=advance, estimate=tell, **settings,
        )  # fmt: skip
    facts = {"path": str(found.path), "card": found.card.as_json(), "notes": list(found.sentences)}
    usage = f'Draw with it: soart generate "…, <lora:{lora.stem}:1>" --lora {lora}'
    show(as_json, facts, [str(found.path), *found.card.sentences(), usage])
    print_notes(found.sentences)
