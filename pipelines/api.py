"""The short way in from Python: draw pictures for a prompt, rank and evaluate pictures, find keepers.

These functions open and close what they need. The functions below them, with a collection and a generator of the
caller's, are ``pipelines.generate.generate`` and ``pipelines.judges.ranking.rank``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CollectionError, ModelError, SoartError, expect
from ..files import named_as_given
from ..notebooks import SHOWN, Cell, first_rows, reasons_text
from . import generate as generation
from .collection.collection import Collection
from .collection.tables import ImageRow
from .collection.thumbnails import thumbnail_of_file
from .distilling import distil as distilling
from .distilling.training import Recipe
from .evaluation.folders import EvaluatedCollection, sync_and_evaluate
from .evaluation.overview import Overview, overview_of
from .ingest.local_engine import LocalEngine
from .ingest.roots import open_collection_for
from .ingest.scan import Scan
from .judges import ranking as lower
from .judges.finding import By, Weighted, doubts_of, judges_for, kinds_of, measurer_of
from .judges.ranking import RankedPicture
from .keepers.finding import Keepers, check_groups, find_keepers
from .models.generator import ImageGenerator
from .models.loading import LoadedModel
from .models.opening import open_generator
from .models.options import GeneratorOptions
from .optimizing import optimize as optimizing
from .optimizing.parents import beginning
from .scoring.example_pictures import example_thumbnails
from .scoring.measuring import open_pictures
from .scoring.pictures import StoredPictures
from .scoring.rated_tastes import tastes_at_hand
from .support.failures import told_together
from .support.progress import bar

if TYPE_CHECKING:
    import pandas as pd


class Ranking(list[RankedPicture]):
    """Ranked pictures, best first: a list that also names the pictures that were left out.

    Each has ``place``, ``score``, ``effect``, ``percentile``, ``reasons``, ``path`` and ``prompt``, among others.

    Attributes:
        problems: a sentence for each picture that was left out, and one if the taste is not reliable yet.

    Examples:
        >>> import soart
        >>> ranking = soart.Ranking([], ["'a.png' is left out: all black."])
        >>> len(ranking), ranking.problems
        (0, ["'a.png' is left out: all black."])
        >>> ranking.best(20).problems
        ["'a.png' is left out: all black."]
    """

    def __init__(self, pictures: Iterable[RankedPicture] = (), problems: Sequence[str] = ()) -> None:
        super().__init__(pictures)
        self.problems = list(problems)

    def best(self, count: int, *, alike: bool = False) -> Ranking:
        """The best pictures, few of one look or prompt; the ``more`` of each are those like it that were left out.

        With ``alike`` the first ``count`` in a row.
        """
        expect("the number of pictures as a whole number", count, int)
        return Ranking(lower.best_of(self, count, alike=alike), self.problems)

    def _repr_html_(self) -> str:
        """The best pictures as a table, for notebooks."""
        examples = example_thumbnails([reason for p in self[:SHOWN] for reason in p.reasons])

        def cells(p: RankedPicture) -> list[Cell]:
            about = p.prompt or p.path.name
            return [str(p.place), thumbnail_of_file(p.path), f"{p.score:.1f}", about, _why(p, examples)]

        return first_rows(["", "", "score", "", "why"], self, cells, told_together(self.problems))

    def to_pandas(self) -> pd.DataFrame:
        """One row a picture: place, path, score, effect of its model, percentile, reasons and prompt."""
        import pandas as pd

        rows = [
            (p.place, str(p.path), p.score, p.effect, p.percentile, reasons_text(p.reasons), p.prompt) for p in self
        ]
        return pd.DataFrame(rows, columns=["place", "path", "score", "effect", "percentile", "reasons", "prompt"])


def _why(picture: RankedPicture, examples: Mapping[str, bytes]) -> list[str | bytes]:
    """The reasons of a picture as texts, each with the pictures that it names."""
    cell: list[str | bytes] = []
    for reason in picture.reasons:
        cell.append(f"{'+' if reason.contribution >= 0 else '−'} {reason.in_full}")
        cell += [examples[example.picture] for example in reason.examples if example.picture in examples]
    return cell


def generate(
    prompt: str,
    count: int = 8,
    collection: str | Path | Collection = "soart-pictures",
    *,
    model: str | Path | LoadedModel | ImageGenerator | None = None,
    seed: int = 0,
    prompt_seed: int = 0,
    by: By = None,
    wildcards: str | Path | None = None,
    **settings: Any,  # noqa: ANN401
) -> Ranking:
    """Draw pictures into a collection and rank them, best first.

    Pictures that the collection holds already are not drawn again.

    Args:
        prompt: a prompt or a dynamic-prompts template: ``{a|b}`` varies, ``__style__`` draws from a vocabulary.
        count: number of pictures, at least 1.
        collection: a folder, the URL of a PostgreSQL database, or an open collection, which stays open.
        model: hub id, diffusers folder or single file, a running backend such as ``"a1111:http://127.0.0.1:7860"``, the
            result of ``load_model``, or a generator, which stays open; by default the embedded model.
        seed: image seed of the first picture, counting up.
        prompt_seed: decides which prompts the template gives.
        by: what ranks: a judge, a taste or a name (docs/judges.md); several of them, or weights by judge or name. None for
            the overall score.
        wildcards: a folder of your own ``NAME.txt`` vocabularies.
        settings: ``negative``, ``steps``, ``guidance``, ``width``, ``height``, ``scheduler``; by default the model's
            own.

    Raises:
        PromptError: the template cannot be expanded.
        ModelError: the model cannot be loaded, fails, or a setting is unknown or out of range.
        CollectionError: the collection cannot be opened or written.
        JudgeError: a judge that cannot be found, loaded or used.
        TasteError: a taste that cannot be used.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import soart
        >>> with TemporaryDirectory() as folder:
        ...     pictures = soart.generate("a boat, {watercolor|ink sketch}", 2, folder, steps=2)
        ...     print([(picture.place, picture.prompt.split(",")[0]) for picture in pictures])
        [(1, 'a boat'), (2, 'a boat')]
    """
    judges = _judges_beside(collection, by)
    with ExitStack() as stack:
        generator = _generator(model, stack)
        requests = generation.plan(
            prompt, count, generator, seed=seed, prompt_seed=prompt_seed, wildcards=_folder(wildcards), **settings
        )
        # Made now, so that a mistake in the model or the settings leaves no empty collection behind.
        store = _opened(collection, stack)
        with bar("drawing", len(requests)) as (advance, _):
            result = generation.generate(store, generator, requests, [judge for judge, _ in judges], advance)
        return _ranking(store, result.rows, judges)


def optimize(
    prompt: str | None = None,
    collection: str | Path | Collection = "soart-pictures",
    *,
    model: str | Path | LoadedModel | ImageGenerator | None = None,
    by: By = None,
    seconds: float | None = 60.0,
    pictures: int | None = None,
    seed: int = 0,
    adherence: float | None = None,
    anyway: bool = False,
    like: str | Path | Sequence[str | Path] = (),
    strength: float | None = None,
    progress: Callable[[optimizing.OptimizeProgress], None] = lambda progress: None,
    **settings: Any,  # noqa: ANN401
) -> optimizing.Optimized:
    """Optimize the picture of a prompt for a judge, within bounds, and store it (docs/optimizing.md).

    The best of the first seeds is stored too. Called again after an interruption, it goes on.

    Args:
        prompt: a prompt; None for that of the pictures of ``like``.
        collection: a folder, or an open collection, which stays open.
        model: as for ``generate``.
        by: a judge, a taste or a name (docs/judges.md). None for the overall score.
        seconds: to spend; None for no limit.
        pictures: most pictures to draw; None for no limit.
        seed: of the first picture.
        adherence: least adherence to the prompt, 0 to 1; by default that of the first seeds less 0.02.
        anyway: True to use a taste that cannot be relied on yet.
        like: picture files that the model drew, at most three: the run begins near one, or between several.
        strength: to draw on the one picture of ``like``, whoever made it: the share of the steps that are made, up to 1.
        progress: called after each step; whatever it raises ends the run.
        settings: ``negative``, ``steps``, ``guidance``, ``width``, ``height``, ``scheduler``; by default the model's own.

    Raises:
        ModelError: the model cannot be loaded, or fails, or a setting is unknown or out of range.
        CollectionError: the collection cannot be opened or written.
        JudgeError: a judge that cannot be found or used, or that gives nothing to go by.
        TasteError: a taste that cannot be used or relied on.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import soart
        >>> with TemporaryDirectory() as folder:
        ...     better = soart.optimize("a boat", folder, by="overall", seconds=None, pictures=6, steps=2)
        ...     print(better.marks.value >= better.start_marks.value, better.image.size)
        True (128, 128)
    """
    judge = optimizing.judge_for(dict(_judges_beside(collection, by)), anyway=anyway)
    with ExitStack() as stack:
        generator = _generator(model, stack)
        files = [Path(like)] if isinstance(like, str | Path) else [Path(one) for one in like]
        if prompt is None and not files:
            raise SoartError("Expected a prompt, or pictures to begin with (like=), got neither.")
        if not files:
            # A mistake leaves no empty collection behind.
            generator.request(prompt or "", seed, **settings)
        opened = _opened(collection, stack)
        prompt, settings, parents = beginning(opened, generator, files, prompt, seed, settings, strength)
        request = generator.request(prompt, seed, **settings)
        found = optimizing.optimize(
            generator, prompt, by=judge, seconds=seconds, pictures=pictures, seed=seed, adherence=adherence, anyway=anyway,
            parents=parents, state=optimizing.state_file(opened, generator, judge, request, parents, adherence), progress=progress,
            **settings,
        )  # fmt: skip
        return optimizing.store(opened, generator, found, judge)


def distil(
    by: By,
    lora: str | Path,
    collection: str | Path | Collection = "soart-pictures",
    *,
    model: str | Path | LoadedModel | ImageGenerator | None = None,
    prompt: str | None = None,
    rated: bool = False,
    pictures: int = 160,
    check: int = 48,
    training_steps: int = Recipe.steps,
    rank: int = Recipe.rank,
    rate: float | None = None,
    seed: int = 0,
    anyway: bool = False,
    progress: Callable[[distilling.DistilProgress], None] = lambda progress: None,
    **settings: Any,  # noqa: ANN401
) -> distilling.Distilled:
    """Train a LoRA with which a model draws more of what a taste likes, and examine it (docs/loras.md).

    Called again after an interruption, it goes on.

    Args:
        by: a taste, or its name.
        lora: file of the LoRA, ``.safetensors``; its name is that of the LoRA in prompts.
        collection: a folder, or an open collection, which stays open; the pictures that are drawn are stored in it.
        model: as for ``generate``; of Stable Diffusion 1, 2, XL or 3, Flux or Sana.
        prompt: a prompt or a template to draw pictures of; by default the prompts of the rated pictures.
        rated: True to train on the rated pictures themselves and not on fresh ones.
        pictures: number of fresh pictures to train on.
        check: number of pairs of pictures in the trust card.
        training_steps: of training, 8 pairs each.
        rank: of the LoRA.
        rate: highest learning rate; by default 0.001 for the embedded model, else 0.0001.
        seed: of the first picture, of the prompts and of training.
        anyway: True to use a taste that cannot be relied on yet.
        progress: called after each batch and step; whatever it raises ends the run.
        settings: ``negative``, ``steps``, ``guidance``, ``width``, ``height``, ``scheduler``; by default the model's own.

    Raises:
        SoartError: an argument that is out of range, or of another type.
        ModelError: the model cannot be loaded, takes no LoRA, or fails, or memory does not suffice.
        CollectionError: the collection cannot be opened or written.
        JudgeError: a judge that is no taste.
        TasteError: a taste that cannot be used or relied on.
        LoraError: the file cannot be written.
        PromptError: there is no prompt.

    Examples:
        >>> import soart
        >>> def refused():
        ...     try:
        ...         soart.distil("overall", "mine.safetensors", prompt="a boat")
        ...     except soart.errors.JudgeError as error:
        ...         return str(error)
        >>> refused()
        "'overall' is not a taste: learn one with soart taste learn, and name that."
    """
    judge = optimizing.judge_for(dict(_judges_beside(collection, by)), anyway=anyway)
    distilling.check_taste(judge)
    distilling.checked_path(lora)
    with ExitStack() as stack:
        generator = _generator(model, stack)
        opened = _opened(collection, stack)
        recipe = Recipe(
            training_steps, rank=rank, rate=distilling.usual_rate(generator) if rate is None else rate, seed=seed
        )
        return distilling.distil(
            opened, generator, lora, by=judge, prompt=prompt, rated=rated, pictures=pictures, check=check, recipe=recipe,
            anyway=anyway, progress=progress, **settings,
        )  # fmt: skip


def rank(
    pictures: str | Path | Collection | Iterable[str | Path], *, by: By = None, model_effect: bool | None = None
) -> Ranking:
    """Rank pictures, best first; nothing is written beside them.

    Args:
        pictures: a collection (its folder, its URL, or an open one, which stays open), a folder of pictures, or several
            files and folders.
        by: what ranks: a judge, a taste or a name (docs/judges.md); several of them, or weights by judge or name. None for
            the overall score.
        model_effect: whether the other pictures of a model move a picture's place by the overall score (docs/method.md); None
            as set in the gallery, where it is on at first.

    Raises:
        CollectionError: the collection cannot be opened, or none of the files and folders holds a picture.
        JudgeError: a judge that cannot be found, loaded or used.
        TasteError: a taste that cannot be used.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> import soart
        >>> from PIL import Image
        >>> pixels = np.kron(np.arange(64).reshape(8, 8) % 5, np.ones((16, 16), int)).astype(np.uint8) * 60
        >>> with TemporaryDirectory() as folder:
        ...     sharp = Image.fromarray(pixels).convert("RGB")
        ...     sharp.save(Path(folder, "sharp.png"))
        ...     sharp.resize((16, 16)).resize((128, 128), Image.Resampling.BICUBIC).save(Path(folder, "soft.png"))
        ...     print([picture.path.name for picture in soart.rank(folder, by="blur")])
        ['sharp.png', 'soft.png']
    """
    if isinstance(pictures, Collection):
        judges = judges_for(by, tastes_at_hand(places=[pictures]))
        before = pictures.model_effect
        pictures.model_effect = before if model_effect is None else model_effect
        try:
            return _ranking(pictures, pictures.images(), judges)
        finally:
            pictures.model_effect = before
    given = _paths(pictures)
    judges = judges_for(by, tastes_at_hand(places=given))
    with bar("reading") as (advance, expected):
        store, rows, problems = open_pictures(given, measurer_of(judges), advance, expected, beside=kinds_of(judges))
    with store:
        if problems and not rows:
            raise CollectionError(f"There is no picture to rank. {' '.join(problems[:3])}")
        store.model_effect = model_effect
        ranking = _ranking(store, rows, judges, problems)
    ranking.problems = named_as_given(ranking.problems, given)
    return ranking


def keep(
    pictures: str | Path | Iterable[str | Path],
    group: str = "prompt",
    per_group: int = 1,
    *,
    by: By = None,
    rater: str = "me",
    collection: str | Path | None = None,
    model_effect: bool | None = None,
) -> Keepers:
    """Find the keepers: the best pictures of each prompt, burst, folder or group of look-alikes. No file is changed.

    Pictures are inspected in worker processes, which import the main script: in a script, call this below
    ``if __name__ == "__main__":``.

    Args:
        pictures: a folder of pictures, several files and folders, or a collection (its folder or URL).
        group: ``prompt`` for pictures of one prompt and all its settings but the seed, ``burst`` for those of one prompt
            that were saved one after the other, ``folder`` for those of one folder, or ``look-alike`` for near-duplicates.
        per_group: pictures to keep of each group.
        by: what chooses: a judge, a taste or a name (docs/judges.md); several of them, or weights by judge or name. None for
            the overall score.
        rater: whose ratings tell how far a judge that is no taste is trusted.
        collection: folder or URL that stores the evaluation; by default one for these folders, in your data folder.
        model_effect: as for ``rank``.

    Raises:
        CollectionError: the collection cannot be opened, there is no picture, or ``group`` is unknown.
        JudgeError: a judge that cannot be found, loaded or used.
        TasteError: a taste that cannot be used.
        SoartError: worker processes cannot be started.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> import soart
        >>> from PIL import Image
        >>> pixels = np.kron(np.arange(64).reshape(8, 8) % 5, np.ones((16, 16), int)).astype(np.uint8) * 60
        >>> with TemporaryDirectory() as folder:
        ...     pictures = Path(folder, "pictures")
        ...     pictures.mkdir()
        ...     sharp = Image.fromarray(pixels).convert("RGB")
        ...     soft = sharp.resize((16, 16)).resize((128, 128), Image.Resampling.BICUBIC)
        ...     for name, image in (("sharp", sharp), ("soft", soft)):
        ...         image.save(pictures / f"{name}.png")
        ...         _ = (pictures / f"{name}.txt").write_text("tiles")
        ...     keepers = soart.keep(pictures, by="blur", collection=Path(folder, "collection"))
        ...     print([(group.prompt, Path(group.paths[0]).name) for group in keepers.groups])
        [('tiles', 'sharp.png')]
    """
    check_groups(group, per_group, rater)
    with _evaluated("keep", pictures, by, collection, model_effect) as (evaluated, _):
        return find_keepers(evaluated, group, per_group, rater=rater)


def evaluate(
    pictures: str | Path | Iterable[str | Path],
    *,
    by: By = None,
    collection: str | Path | None = None,
    model_effect: bool | None = None,
) -> Overview:
    """Evaluate pictures: what is in them, the best and the worst, and what needs a decision. No file is changed.

    Pictures are inspected in worker processes, which import the main script: in a script, call this below
    ``if __name__ == "__main__":``. A second call opens new and changed files only.

    Args:
        pictures: a folder of pictures, several files and folders, or a collection (its folder or URL).
        by: what ranks: a judge, a taste or a name (docs/judges.md); several of them, or weights by judge or name. None for
            the overall score.
        collection: folder or URL that stores the evaluation; by default one for these folders, in your data folder.
        model_effect: as for ``rank``.

    Raises:
        CollectionError: the collection cannot be opened, or there is no picture.
        JudgeError: a judge that cannot be found, loaded or used.
        TasteError: a taste that cannot be used.
        SoartError: worker processes cannot be started.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> import soart
        >>> from PIL import Image
        >>> pixels = np.kron(np.arange(64).reshape(8, 8) % 5, np.ones((16, 16), int)).astype(np.uint8) * 60
        >>> with TemporaryDirectory() as folder:
        ...     pictures = Path(folder, "pictures")
        ...     pictures.mkdir()
        ...     sharp = Image.fromarray(pixels).convert("RGB")
        ...     sharp.save(pictures / "sharp.png")
        ...     sharp.resize((16, 16)).resize((128, 128), Image.Resampling.BICUBIC).save(pictures / "soft.png")
        ...     overview = soart.evaluate(pictures, by="blur", collection=Path(folder, "collection"))
        ...     print(overview.pictures, [Path(picture.path).name for picture in overview.best])
        2 ['sharp.png', 'soft.png']
    """
    with _evaluated("evaluate", pictures, by, collection, model_effect, faces=True) as (evaluated, judges):
        return overview_of(evaluated, doubts_of(judges))


@contextmanager
def _evaluated(
    function: str,
    pictures: str | Path | Iterable[str | Path],
    by: By,
    collection: str | Path | None,
    model_effect: bool | None,
    *,
    faces: bool = False,
) -> Iterator[tuple[EvaluatedCollection, list[Weighted]]]:
    """The evaluation that a function of the package was called for, open for the block, and its judges."""
    expect("the collection as a folder or a URL", collection, str, Path, type(None), error=CollectionError)
    if isinstance(pictures, Collection):
        raise CollectionError(
            f"soart.{function} takes a collection by its folder or its URL, not an open one: pass its folder."
        )
    paths, where = [str(path) for path in _paths(pictures)], None if collection is None else str(collection)
    judges = judges_for(by, tastes_at_hand(places=[where] if where else paths))
    store, roots = open_collection_for(paths, where, scan_of=Scan, scratch=True)
    with store:
        store.model_effect = model_effect
        with bar("reading") as (advance, expected):
            evaluated = sync_and_evaluate(
                store, Scan(roots), LocalEngine(), dict(judges), progress=advance, expect=expected, faces=faces
            )
        yield evaluated, judges


def _folder(wildcards: str | Path | None) -> Path | None:
    if wildcards is None:
        return None
    expect("the folder of wildcards as a path", wildcards, str, Path)
    return Path(wildcards)


def _paths(pictures: str | Path | Iterable[str | Path]) -> list[str | Path]:
    """The files and folders that a caller names; anything else is refused."""
    what = "pictures as a collection, a file or folder, or several of them"
    expect(what, pictures, str, Path, Iterable, error=CollectionError)
    paths = [pictures] if isinstance(pictures, str | Path) else list(pictures)
    for path in paths:
        expect(what, path, str, Path, error=CollectionError)
    if not (paths and all(map(str, paths))):
        raise CollectionError(f"Expected {what}, got {'an empty name' if paths else 'none'}.")
    return paths


def _judges_beside(collection: str | Path | Collection, by: By) -> list[Weighted]:
    """The judges that a caller names; a name means a taste of the collection first, after a check of its place."""
    if not isinstance(collection, Collection):
        Collection.check_place(collection)
    return judges_for(by, tastes_at_hand(places=[collection]))


def _generator(model: str | Path | LoadedModel | ImageGenerator | None, stack: ExitStack) -> ImageGenerator:
    """The generator of a model, which the stack closes unless it is the caller's."""
    if isinstance(model, ImageGenerator):
        return model
    what = "the model as a name, a path, the result of load_model or a generator"
    expect(what, model, str, Path, LoadedModel, type(None), error=ModelError)
    if isinstance(model, LoadedModel):
        return stack.enter_context(ImageGenerator(model))
    return stack.enter_context(open_generator(GeneratorOptions(None if model is None else str(model))))


def _opened(collection: str | Path | Collection, stack: ExitStack) -> Collection:
    """The collection, which the stack closes unless the caller opened it."""
    return collection if isinstance(collection, Collection) else stack.enter_context(Collection(collection))


def _ranking(
    collection: Collection, rows: Sequence[ImageRow], judges: Sequence[Weighted], problems: Sequence[str] = ()
) -> Ranking:
    pictures, left_out = lower.rank(StoredPictures(collection, rows), judges)
    return Ranking(pictures, [*doubts_of(judges), *problems, *left_out])
