"""ComfyUI nodes that judge pictures: Score, Rank, Gate, Explain, Taste."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ..errors import ImageError, ItemsError, SoartError
from .comfy_base import (
    CATEGORY,
    ProfileType,
    SoartNode,
    output_folder,
    profile_inputs,
    profile_stamp,
    progress,
    scorer_of,
    warnings_of,
)
from .comfy_pictures import Pictures, reason_texts, score_table, score_text, stamp, take, to_images, to_pictures

if TYPE_CHECKING:
    import torch

    from ..pipelines.batch import Scored
    from ..pipelines.rank import Scorer

_IMAGES = (
    "Pictures, one or a batch. Transparency is laid over white; pictures whose values are not numbers are left out."
)
_AMONG = (
    "Collection in ComfyUI's output folder whose pictures the percentiles are taken among. Empty: those that a taste was learnt "
    "among, or for other profiles this batch."
)


def _judging_inputs(*more: io.Input) -> list[io.Input]:
    among = io.String.Input("among", default="", optional=True, tooltip=_AMONG)
    return [io.Image.Input("images", tooltip=_IMAGES), *profile_inputs(), *more, among]


def _judge(
    images: torch.Tensor, profile: str, taste: Scorer | None, among: str
) -> tuple[Scorer, list[Scored], Pictures]:
    """The profile, the pictures it could judge, and all that came, with sentences about what could not be judged."""
    from ..pipelines.batch import score_batch, scores_of
    from ..pipelines.tasteviews import existing_collection

    pictures, scorer, reference = to_pictures(images), scorer_of(profile, taste), None
    if among.strip():
        with existing_collection(output_folder(among)) as store:
            reference = scores_of(store, scorer)
        if not len(reference):
            raise ItemsError(f"The collection {among!r} holds no picture yet to take percentiles among.")
    judged, problems = score_batch(pictures.pixels, scorer, reference, progress(len(pictures.pixels)))
    if not judged:
        raise ImageError(problems[0])
    pictures.notes[:0] = [*warnings_of(scorer), *problems]
    return scorer, judged, pictures


class _Judging(SoartNode):
    """Base of nodes that score a batch."""

    @classmethod
    def fingerprint_inputs(cls, profile: str = "", among: str = "", **_others: Any) -> str:  # noqa: ANN401
        """New scores when the taste was learnt anew, or the collection has changed."""
        if not (among or "").strip():
            return profile_stamp(profile)
        try:
            folder = output_folder(among)
        except SoartError:
            return profile_stamp(profile)
        return f"{profile_stamp(profile)} {stamp(folder / 'soart.db', folder / 'soart.db-wal')}"


class SoartScore(_Judging):
    """Scores a batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return io.Schema(
            node_id="SoartScore",
            display_name="SOART Score",
            category=CATEGORY,
            description="Scores pictures by the technical score, a detector of damage or a taste of yours, with reasons.",
            is_output_node=True,
            inputs=_judging_inputs(),
            outputs=[
                io.Float.Output("scores", display_name="scores", is_output_list=True, tooltip="A score for each picture, higher is better."),
                io.Float.Output("percentiles", display_name="percentiles", is_output_list=True, tooltip="0–100: share of pictures that it beats."),
                io.String.Output("text", display_name="text", tooltip="Scores and percentiles, a picture a line."),
            ],
        )  # fmt: skip

    @classmethod
    def run(cls, images: torch.Tensor, profile: str, taste: Scorer | None = None, among: str = "") -> io.NodeOutput:
        """Score."""
        scorer, judged, pictures = _judge(images, profile, taste, among)
        shown = cls.show(pictures.notes, score_table(judged, scorer.name))
        return io.NodeOutput(
            [one.score for one in judged], [one.percentile for one in judged], score_text(judged), ui=shown
        )


class SoartRank(_Judging):
    """Sorts a batch, best first."""

    shows_images = True

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        top = io.Int.Input("top_k", default=0, min=0, max=4096, tooltip="How many of the best to keep; 0 keeps all.")
        return io.Schema(
            node_id="SoartRank",
            display_name="SOART Rank",
            category=CATEGORY,
            description="Sorts a batch, best first, and keeps the best of it.",
            is_output_node=True,
            inputs=_judging_inputs(top),
            outputs=[
                io.Image.Output("ranked", display_name="ranked", tooltip="The pictures that are kept, best first, one batch."),
                io.Float.Output("scores", display_name="scores", is_output_list=True, tooltip="Their scores, best first."),
                io.String.Output("text", display_name="text", tooltip="Their numbers in the batch, scores and percentiles."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls, images: torch.Tensor, profile: str, top_k: int = 0, taste: Scorer | None = None, among: str = ""
    ) -> io.NodeOutput:
        """Rank."""
        from ..pipelines.batch import best_first

        scorer, judged, pictures = _judge(images, profile, taste, among)
        kept = best_first(judged)[: top_k or None]
        ranked = take(images, [one.number for one in kept])
        seen = to_images(pictures.pixels[one.number] for one in kept)
        shown = cls.show(pictures.notes, score_table(kept, f"{scorer.name}, best first"), seen)
        return io.NodeOutput(ranked, [one.score for one in kept], score_text(kept), ui=shown)


class SoartGate(_Judging):
    """Lets good pictures pass."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        least = io.Float.Input(
            "percentile", default=50.0, min=0.0, max=100.0, step=1.0, tooltip="Pictures below it do not pass."
        )
        return io.Schema(
            node_id="SoartGate",
            display_name="SOART Gate",
            category=CATEGORY,
            description="Passes only pictures of at least a percentile on; where none passes, what hangs on it does not run.",
            is_output_node=True,
            inputs=_judging_inputs(least),
            outputs=[
                io.Image.Output("passed", display_name="passed", tooltip="The pictures that pass, in their order."),
                io.Int.Output("count", display_name="count", tooltip="How many pass."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls, images: torch.Tensor, profile: str, percentile: float = 50.0, taste: Scorer | None = None, among: str = ""
    ) -> io.NodeOutput:
        """Pass on what is good enough."""
        scorer, judged, pictures = _judge(images, profile, taste, among)
        passed = [one for one in judged if one.percentile >= percentile]
        told = f"{len(passed)} of {len(judged)} pictures pass."
        shown = cls.show([told, *pictures.notes], score_table(judged, scorer.name))
        if not passed:
            # Nothing is wrong, so nothing is said to whoever waits for pictures.
            return io.NodeOutput(ExecutionBlocker(None), 0, ui=shown)
        return io.NodeOutput(take(images, [one.number for one in passed]), len(passed), ui=shown)


class SoartExplain(SoartNode):
    """Says why, and where."""

    shows_images = True

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return io.Schema(
            node_id="SoartExplain",
            display_name="SOART Explain",
            category=CATEGORY,
            description="Why pictures scored as they did: a heat map over each, green where it is better than its own mean, and reasons.",
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip=_IMAGES),
                *profile_inputs(),
                io.Int.Input("grid", default=4, min=1, max=16, tooltip="Patches a side of the heat map; fewer for small pictures."),
            ],
            outputs=[
                io.Image.Output("heat", display_name="heat map", tooltip="The pictures under their heat maps."),
                io.String.Output("reasons", display_name="reasons", tooltip="What moved each score most."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, profile: str = "", **_others: Any) -> str:  # noqa: ANN401
        """New reasons when the taste was learnt anew."""
        return profile_stamp(profile)

    @classmethod
    def run(cls, images: torch.Tensor, profile: str, grid: int = 4, taste: Scorer | None = None) -> io.NodeOutput:
        """Explain."""
        from ..pipelines.batch import explain_pixels

        pictures, scorer = to_pictures(images), scorer_of(profile, taste)
        step, maps, rows = progress(len(pictures.pixels)), [], []
        for number, pixels in pictures.pixels.items():
            found = explain_pixels(scorer, pixels, grid)
            maps.append(found.overlay)
            rows += [[number + 1, text] for text in reason_texts(found.reasons)]
            step()
        heat = to_images(maps)
        table = {"title": scorer.name, "columns": ["picture", "reason and what it added"], "rows": rows}
        text = "\n".join(f"picture {number}: {reason}" for number, reason in rows)
        return io.NodeOutput(heat, text, ui=cls.show([*warnings_of(scorer), *pictures.notes], table, heat))


class SoartTaste(SoartNode):
    """A profile by name, learnt anew where pictures are given."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return io.Schema(
            node_id="SoartTaste",
            display_name="SOART Taste",
            category=CATEGORY,
            description="A taste by name. With pictures you like and pictures you do not it is learnt and kept under that name.",
            is_output_node=True,
            inputs=[
                io.String.Input("name", default="mine", tooltip="Name of the taste: to be looked up, or to be learnt."),
                io.Image.Input("good", optional=True, tooltip="Pictures you like; eight or more are a start."),
                io.Image.Input("bad", optional=True, tooltip="Pictures you do not like."),
                io.Combo.Input("network", options=["none", "efficientnet-lite0"], default="none", optional=True,
                               tooltip="Adds items of a network, which sees content better; needs the package extra 'deep'."),
                io.Int.Input("fold_seed", default=0, min=0, max=2**31 - 1, optional=True, tooltip="Seed of the cross-validation."),
            ],
            outputs=[
                ProfileType.Output("taste", display_name="taste", tooltip="For the input 'taste' of the other nodes."),
                io.String.Output("report", display_name="report", tooltip="How far the taste can be trusted."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, name: str = "", **others: Any) -> str:  # noqa: ANN401
        """Looked up again when the file has changed; what is learnt depends on the pictures alone."""
        return "" if "good" in others or "bad" in others else profile_stamp(name)

    @classmethod
    def run(
        cls,
        name: str,
        good: torch.Tensor | None = None,
        bad: torch.Tensor | None = None,
        network: str = "none",
        fold_seed: int = 0,
    ) -> io.NodeOutput:
        """Look the taste up, or learn it."""
        from ..pipelines.batch import learn_from_pictures
        from ..pipelines.profilestore import ProfileStore
        from ..pipelines.tastescorer import TasteScorer

        store, notes = ProfileStore(), []
        if good is None and bad is None:
            taste = store.load(name)
        else:
            store.path(name)
            liked, others = (None if batch is None else to_pictures(batch) for batch in (good, bad))
            if liked is None or others is None:
                missing = "good" if liked is None else "bad"
                raise ItemsError(
                    f"Expected good and bad pictures, for a taste is a difference; link a {missing} batch too."
                )
            notes = [*liked.notes, *others.notes]
            pictures = list(liked.pixels.values()), list(others.pixels.values())
            taste = learn_from_pictures(
                name, *pictures, network=None if network == "none" else network, seed=fold_seed,
                progress=progress(sum(map(len, pictures))),
            )  # fmt: skip
            store.save(taste)
        report = f"{name}: {taste.trust.word}. {taste.trust.sentence}"
        return io.NodeOutput(TasteScorer.of(taste), report, ui=cls.show([report, *notes]))
