"""Distils a taste into a LoRA: draws or takes pictures, trains on pairs of them, writes the file, and examines it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import JudgeError, LoraError, ModelError, PromptError, SoartError, expect
from ...files import from_home
from ...prompts.space.templates import expand, wildcard_values
from ..collection.collection import Collection
from ..collection.ratings import ratings
from ..collection.tables import ImageRow
from ..generate import generate
from ..judges.finding import By, judges_for
from ..judges.guarded import GuardedJudge
from ..models.drawing_on import fitted
from ..models.generator import ImageGenerator
from ..models.loading import EMBEDDED
from ..models.loras import LoraFiles, layers_of
from ..models.noise import core_of, free_memory, kept_for_derivatives
from ..models.prompt_syntax import parse_prompt
from ..models.request import Request
from ..optimizing.optimize import judge_for, learnt_from
from ..scoring.makings import prompts_of
from ..scoring.pictures import StoredPictures
from ..scoring.rated_tastes import tastes_at_hand
from ..scoring.taste_judge import TasteJudge
from .card import STRENGTHS, Examination, TrustCard
from .denoiser import Denoiser, refusal_of_training
from .lora_file import described, diffusers_weights, is_unet, kohya_weights, write_lora
from .training import Lessons, Recipe, Training, lora_layers, lora_on

#: Highest learning rate of the embedded model, which was tried, and of large ones, as LoRAs of these are usually trained.
RATE, RATE_OF_LARGE = 1e-3, 1e-4
#: Ratings with which distilling was tried; with fewer the LoRA may hold more of a taste's mistakes.
ENOUGH = 60
#: Folder of unfinished runs in a collection.
UNFINISHED = "distilling"
#: Pictures of each prompt, and the share of prompts that are kept for the trust card if there are as many as ``FEWEST``.
SEEDS, KEPT, FEWEST = 8, 0.25, 4
#: Prompts of other subjects, and pictures of each.
OTHERS, OF_OTHER = 4, 4
#: Steps between two states that are written.
SAVED = 10
#: Longest side in latents of the picture that memory is measured on.
MEASURED_SIDE = 32
#: Characters that a LoRA's name cannot have in a prompt.
_SYNTAX = frozenset("<>:")


@dataclass(frozen=True)
class Estimate:
    """Time and memory of a run, measured on its first pictures and one pair."""

    pictures: int  # still to draw, those of the trust card included
    steps: int  # of training still to make
    seconds: float
    memory: int  # bytes that training needs beside the model
    checkpointed: bool  # True if each block of the denoiser is computed twice, because memory would not suffice else


@dataclass(frozen=True)
class DistilProgress:
    """A run so far: pictures and steps, counted together, and the stage (``drawing``, ``training`` or ``examining``)."""

    done: int
    total: int
    stage: str
    loss: float  # of the latest step of training, 0.69 for a model that learnt nothing; NaN in other stages


@dataclass(frozen=True)
class Distilled:
    """A LoRA that was trained: its file, the trust card that the file holds too, and sentences on the run."""

    path: Path
    card: TrustCard
    sentences: tuple[str, ...]


def distil(
    collection: Collection,
    generator: ImageGenerator,
    path: Path | str,
    *,
    by: By,
    prompt: str | None = None,
    rated: bool = False,
    pictures: int = 160,
    check: int = 48,
    recipe: Recipe | None = None,
    anyway: bool = False,
    progress: Callable[[DistilProgress], None] = lambda progress: None,
    estimate: Callable[[Estimate], None] = lambda estimate: None,
    **settings: Any,  # noqa: ANN401
) -> Distilled:
    """Train a LoRA with which a model draws more of what a taste likes, and examine it; see ``soart.distil``.

    Pictures of the prompts are drawn into the collection and judged by the taste, or those that were rated are taken.
    An interrupted call, made again, goes on: pictures are not drawn again, and training has a state in the collection's
    folder. ``estimate`` is called once with what the run will take, before most of it.
    """
    path = checked_path(path)
    expect("a generator such as ImageGenerator(load_model())", generator, ImageGenerator)
    recipe = recipe or Recipe(rate=usual_rate(generator))
    _check(prompt, pictures, check, recipe)
    judge = judge_for(dict(judges_for(by, tastes_at_hand(places=[collection]))), anyway=anyway)
    taste = check_taste(judge)
    if why := refusal_of_training(generator):
        raise ModelError(why)
    if any(
        layer.active_adapters and not layer.disable_adapters for layer in layers_of(core_of(generator.model.pipeline))
    ):
        raise ModelError("The model has a LoRA on already: unload it first.")
    run = _Run(collection, generator, path, judge, recipe, check, progress, settings)
    run.choose(prompt, rated, pictures, taste.taste.rater if hasattr(taste.taste, "rater") else "")
    run.train(estimate)
    card = run.examine()
    few = ["This taste was learnt from few ratings, so that the LoRA holds its mistakes too: look at the pictures."]
    return Distilled(path, card, (*(few if 0 < learnt_from(taste) < ENOUGH else []), *run.notes))


def check_taste(judge: GuardedJudge) -> TasteJudge:
    """The taste of a judge; any other judge is refused."""
    if not isinstance(judge.inner, TasteJudge):
        raise JudgeError(f"{judge.name!r} is not a taste: learn one with soart taste learn, and name that.")
    return judge.inner


def checked_path(path: Path | str) -> Path:
    """The file of a LoRA that prompts can name: another suffix, or syntax of prompts in its name, is refused."""
    expect("the file of the LoRA as a path", path, str, Path, error=LoraError)
    found = from_home(path)
    if found.suffix != ".safetensors" or _SYNTAX & {*found.stem} or not found.stem.strip():
        raise LoraError(
            f"Expected a file such as mine.safetensors, without any of < > : in its name, got {str(path)!r}."
        )
    return found


def usual_rate(generator: ImageGenerator) -> float:
    """The learning rate for a model."""
    return RATE if generator.model.identity.startswith(f"{EMBEDDED}@") else RATE_OF_LARGE


def _check(prompt: object, pictures: object, check: object, recipe: Recipe) -> None:
    expect("the prompt as text", prompt, str, type(None), error=PromptError)
    for name, number, least in (("pictures", pictures, 2), ("pictures of the trust card", check, 2)):
        expect(f"the number of {name} as a whole number", number, int)
        if number < least:  # type: ignore[operator]
            raise SoartError(f"Expected at least {least} {name}, got {number}.")
    if min(recipe.steps, recipe.pairs, recipe.rank, recipe.together) < 1 or not min(recipe.rate, recipe.beta) > 0:
        raise SoartError("Expected steps, pairs, rank, rate and beta above 0.")


@dataclass
class _Run:
    """One run of ``distil``."""

    collection: Collection
    generator: ImageGenerator
    path: Path
    judge: GuardedJudge
    recipe: Recipe
    check: int
    progress: Callable[[DistilProgress], None]
    settings: dict[str, Any]

    def __post_init__(self) -> None:
        self.notes: list[str] = []
        self._fresh: list[Request] = []
        self._rated: list[tuple[ImageRow, str, float]] = []
        self._kept: list[Request] = []
        self._others: list[Request] = []
        self._new_prompts = False
        self._learnt_from = 0
        self._done = self._total = 0

    def choose(self, template: str | None, rated: bool, pictures: int, rater: str) -> None:
        """Choose what to train on, and what to examine with."""
        if rated or template is None:
            self._rated = self._ratings(rater or "me")
        if rated and len(self._rated) < 2:
            raise SoartError(
                f"{rater or 'me'} has rated {len(self._rated)} pictures with a prompt in this collection: rate more, or leave --rated out."
            )
        if template is not None:
            prompts = [*dict.fromkeys(expand(template, max(1, pictures // SEEDS), self.recipe.seed))]
        else:
            prompts = [*dict.fromkeys(words for _, words, _ in self._rated)]
        # LoRAs and word weights of a prompt are not what is learnt.
        prompts = [*dict.fromkeys(text for one in prompts if (text := _words(one)))]
        if not prompts:
            raise PromptError("No rated picture of this collection has a prompt: give one with --prompt.")
        kept = prompts
        if len(prompts) >= FEWEST:
            count = max(1, round(KEPT * len(prompts)))
            order = np.random.default_rng([self.recipe.seed, 1]).permutation(len(prompts))
            kept, prompts = [prompts[k] for k in order[:count]], [prompts[k] for k in order[count:]]
            self._new_prompts = True
        seed = self.recipe.seed
        if rated:
            self._rated = [one for one in self._rated if one[1] not in kept or not self._new_prompts]
        else:
            self._rated = []
            self._fresh = [self._request(prompts[k % len(prompts)], seed + k) for k in range(pictures)]
        kept = kept[: max(1, self.check // SEEDS)]
        # Far from the seeds that were trained on.
        self._kept = [self._request(kept[k % len(kept)], seed + 1_000_000 + k) for k in range(self.check)]
        said = " ".join([*prompts, *kept]).casefold()
        others = [one for one in wildcard_values("subject") if one.casefold() not in said][:OTHERS]
        self._others = [
            self._request(f"a picture of a {one}", seed + 2_000_000 + k) for one in others for k in range(OF_OTHER)
        ]

    def _request(self, prompt: str, seed: int) -> Request:
        return self.generator.request(prompt, seed, **self.settings)

    def _ratings(self, rater: str) -> list[tuple[ImageRow, str, float]]:
        stars = ratings(self.collection, rater)
        rows = [row for row in self.collection.images() if row.id in stars]
        prompts = prompts_of(self.collection, rows)
        return [(row, words, stars[row.id]) for row in rows if (words := _words(prompts.get(row.id, "")))]

    def train(self, estimate: Callable[[Estimate], None]) -> None:
        """Draw, encode, train, and write the file, whose card is still to come."""
        kept, others = len(self._kept), len(self._others)
        half = max(1, kept // 2)
        examined = 2 * kept + (len(STRENGTHS) - 1) * half + 2 * others
        self._total = len(self._fresh) + self.recipe.steps + examined
        # The first batch tells how long the others take.
        first = self._drawn(self._fresh[: self.generator.batch_size])
        seconds = [row.generation.seconds for row in first if row.generation and row.generation.seconds]
        if not seconds:
            seconds = [one.seconds for batch in self.generator.draw(self._kept[:1]) for one in batch]
        state = self.collection.file(f"{UNFINISHED}/{self._key()}.pt")
        state.parent.mkdir(parents=True, exist_ok=True)
        with self.generator.ready(self._kept[0]):
            denoiser = Denoiser(self.generator, self.settings)
            recipe, memory, checkpointed, pace = self._measured(denoiser)
        keys = [request.key(self.generator.model.identity) for request in self._fresh[len(first) :]]
        missing = len(keys) - len(self.collection.known_requests(keys))
        estimate(
            Estimate(
                missing + examined, self.recipe.steps,
                float(np.median(seconds)) * (missing + examined) + pace * self.recipe.steps, memory, checkpointed,
            )
        )  # fmt: skip
        rows = [*first, *self._drawn(self._fresh[len(first) :])]
        lessons = self._lessons(denoiser, rows)
        self._learnt_from = len(lessons.prompts)
        try:
            self._fit(denoiser, lessons, recipe, checkpointed, state)
        except torch.OutOfMemoryError as error:
            raise ModelError(
                "Not enough memory to train: use fewer pairs at once, a smaller size or another dtype."
            ) from error
        self._state = state

    def _drawn(self, requests: Sequence[Request]) -> list[ImageRow]:
        """Pictures of requests in the collection, drawn as far as they are missing."""
        if not requests:
            return []

        def advance(done: int) -> None:
            self._advance(done, "drawing")

        return generate(self.collection, self.generator, requests, [self.judge], advance).rows

    def _advance(self, done: int, stage: str, loss: float = float("nan")) -> None:
        self._done += done
        self.progress(DistilProgress(self._done, self._total, stage, loss))

    def _lessons(self, denoiser: Denoiser, rows: Sequence[ImageRow]) -> Lessons:
        """The pictures to train on, encoded, with the taste's values, or those of the ratings."""
        if self._rated:
            words, values = [words for _, words, _ in self._rated], np.array([stars for *_, stars in self._rated])
            chosen = [row for row, *_ in self._rated]
        else:
            sound = [k for k, row in enumerate(rows) if not row.problem]
            chosen = [rows[k] for k in sound]
            words = [self._fresh[k].prompt for k in sound]
            values = self.judge.values(StoredPictures(self.collection, chosen)) if chosen else np.zeros(0)
        known = np.flatnonzero(np.isfinite(values))
        if not len(known):
            raise ModelError(f"The taste {self.judge.name!r} gave none of the pictures a value: look at them.")
        request = self._kept[0]
        size = (request.width, request.height) if request.width and request.height else None
        with self.generator.ready(request):
            parts = [denoiser.latents(fitted(self.collection.pixels(chosen[k]), size)[None]) for k in known]
        return Lessons(torch.cat(parts), [words[k] for k in known], values[known])

    def _measured(self, denoiser: Denoiser) -> tuple[Recipe, int, bool, float]:
        """The recipe with as many pairs at once as memory holds, bytes, blocks twice or not, and seconds a step."""
        pipeline, request = denoiser.pipeline, self._kept[0]
        factor = pipeline.vae_scale_factor
        sides = [side // factor for side in (request.height or 0, request.width or 0)]
        if not all(sides):
            sides = [denoiser.core.config.sample_size] * 2
        small = [max(8, round(side * min(1.0, MEASURED_SIDE / max(sides)) / 8) * 8) for side in sides]
        share = sides[0] * sides[1] / (small[0] * small[1])
        channels = denoiser.channels
        noise = torch.randn((2, channels, *small), generator=torch.Generator().manual_seed(0))
        pair = Lessons(noise, [request.prompt] * 2, np.array([0.0, 1.0]))
        one = replace(self.recipe, steps=1, pairs=1, together=1)
        with lora_on(denoiser.core, one.rank, one.seed) as own:
            trial = Training(denoiser, pair, one, own)
            # The first call of all is slower than the others.
            for _ in range(2):
                begun = time.perf_counter()
                with kept_for_derivatives(denoiser.core.parameters()) as sizes:
                    trial.gradient(np.random.default_rng(0))
                seconds = time.perf_counter() - begun
            # Weights, their derivatives, and the two means of Adam.
            fixed = 4 * sum(parameter.nbytes for parameter in own)
        each, free = round(sum(sizes.values()) * share), free_memory(self.generator.model.device)
        pace = seconds * share * self.recipe.pairs
        if free is None or fixed + each <= free:
            together = min(self.recipe.together, self.recipe.pairs)
            if free is not None:
                together = max(1, min(together, (free - fixed) // max(each, 1)))
            return replace(self.recipe, together=together), fixed + together * each, False, pace
        if not hasattr(denoiser.core, "enable_gradient_checkpointing"):
            raise ModelError(
                f"Training needs about {(fixed + each) / 1e9:.1f} GB beside the model, and {free / 1e9:.1f} GB are free: draw "
                "smaller pictures."
            )
        return replace(self.recipe, together=1), fixed + each, True, 1.3 * pace

    def _fit(self, denoiser: Denoiser, lessons: Lessons, recipe: Recipe, checkpointed: bool, state: Path) -> None:
        core = denoiser.core
        with self.generator.ready(self._kept[0]), lora_on(core, recipe.rank, recipe.seed) as weights:
            training = Training(denoiser, lessons, recipe, weights)
            if training.resume(state):
                self.notes.append(f"Training went on from step {training.step}, where an interrupted run had been.")
                self._done += training.step
            if checkpointed:
                core.enable_gradient_checkpointing()
                core.train()
            try:
                while training.advance():
                    if training.step in (recipe.steps, SAVED * (training.step // SAVED)):
                        training.save(state)
                    self._advance(1, "training", training.loss)
            finally:
                if checkpointed:
                    core.disable_gradient_checkpointing()
                    core.eval()
            layers = lora_layers(core)
        self._facts = described(core, denoiser.predicts, self.path.stem, recipe.rank)
        self._weights = kohya_weights(layers) if is_unet(core) else diffusers_weights(layers)
        write_lora(self.path, self._weights, self._facts)

    def _key(self) -> str:
        """Names the state by all that decides what is learnt."""
        facts = [
            self.generator.model.identity, self.judge.stored_name, self.judge.version,
            [request.key("") for request in self._fresh], [(row.sha256, words, stars) for row, words, stars in self._rated],
            asdict(replace(self.recipe, together=1)),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def examine(self) -> TrustCard:
        """Draw with the file and without it, and write the file again with its card."""
        model = replace(self.generator.model, loras=LoraFiles({self.path.stem: self.path}))
        examination = Examination(
            self.generator, ImageGenerator(model, self.generator.batch_size), self.path.stem, self.judge,
            lambda count: self._advance(count, "examining"),
        )  # fmt: skip
        card = examination.card(
            self._kept, self._others, self.settings, taste=f"{self.judge.name}@{self.judge.version}", model=model.identity,
            new_prompts=self._new_prompts, learnt_from=self._learnt_from, steps=self.recipe.steps,
        )  # fmt: skip
        write_lora(self.path, self._weights, self._facts, card.as_json())
        self._state.unlink(missing_ok=True)
        return card


def _words(prompt: str) -> str:
    """The words of a prompt; empty for one that soart cannot read, as of other tools."""
    try:
        return parse_prompt(prompt).text.strip()
    except SoartError:
        return ""
