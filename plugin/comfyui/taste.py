"""ComfyUI nodes that look closer: Explain says why, Taste learns what somebody likes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ...errors import ItemsError, ProfileError
from .base import (
    CATEGORY,
    IMAGES,
    ProfileType,
    SoartNode,
    always,
    obstacles,
    profile_inputs,
    profile_stamp,
    progress,
    retried,
    scorer_of,
    title_of,
    warnings_of,
)
from .pictures import MISSING, reason_texts, to_images, to_pictures, when_changed

if TYPE_CHECKING:
    import torch

    from ...metrics.protocols import Scorer
    from ...metrics.tastes.blend import Taste
    from ...pipelines.scoring.profile_store import ProfileStore


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
                io.Image.Input("images", tooltip=IMAGES),
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
        from ...pipelines.scoring.explaining import explain_pixels

        pictures, scorer = to_pictures(images), scorer_of(profile, taste)
        step, maps, rows = progress(len(pictures.pixels)), [], []
        for number, pixels in pictures.pixels.items():
            found = explain_pixels(scorer, pixels, grid)
            maps.append(found.overlay)
            rows += [[number + 1, text] for text in reason_texts(found.reasons)]
            step()
        heat = to_images(maps)
        table = {"title": title_of(scorer), "columns": ["picture", "reason and what it added"], "rows": rows}
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
            description="A taste by name. With pictures you like and pictures you do not it is learnt and kept under that name, in place of an earlier one.",
            is_output_node=True,
            inputs=[
                io.String.Input("name", default="mine", tooltip="Name of the taste: to be looked up, or to be learnt. Learning replaces an earlier taste of that name."),
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
        """Looked up, or learnt, again when the file is another one than it was or could not be written."""
        found = profile_stamp(name)
        learns = "good" in others or "bad" in others
        # A name that is linked is not known yet; a file that is not there is to be written, however often it was written before.
        return str(always()) if name is None or (learns and found == MISSING) else f"{found} {obstacles(name)}"

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
        from ...pipelines.scoring.profile_store import ProfileStore
        from ...pipelines.scoring.taste_scorer import TasteScorer
        from ...pipelines.tastes.learning import learn_from_pictures

        collection, notes = ProfileStore(), []
        if good is None and bad is None:
            taste = collection.load(name)
        else:
            collection.place(name)
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
            notes += _keep(collection, taste)
        report = f"{name}: {taste.trust.word}. {taste.trust.sentence}"
        return io.NodeOutput(TasteScorer.of(taste), report, ui=cls.show([report, *notes]))


def _keep(profiles: ProfileStore, taste: Taste) -> list[str]:
    """Save a taste, but for one that lies there already; a sentence where another one is replaced."""
    from ...metrics.tastes.profile_files import same_taste

    path, there = profiles.place(taste.name), None
    with contextlib.suppress(ProfileError):
        there = profiles.load(taste.name)
    # Its file must stay as it is, else the next run would find a new one and learn again.
    if there is not None and same_taste(there, taste):
        return []
    since = when_changed(path)
    with retried(taste.name):
        profiles.save(taste)
    return [f"It replaced the taste of that name of {since}."] if since else []
