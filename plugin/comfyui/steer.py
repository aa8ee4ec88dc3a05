"""ComfyUI nodes that steer prompts: Prompt Choice, Observe, Factor Effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker
from server import PromptServer

from ...errors import NoFindingsError
from ...pipelines.models.request import EXTERNAL_GUIDANCE, EXTERNAL_STEPS
from ...pipelines.support.looping import Loops
from .addresses import answer_get, answer_post
from .base import (
    ChoiceType,
    SoartNode,
    UncachedNode,
    folded,
    judge_inputs,
    judge_of,
    node_schema,
    output_folder,
    place_of,
)
from .panels import loop_chart, observed_card
from .pictures import kept_texts, plain, to_images, to_picture
from .rating import rating_of

if TYPE_CHECKING:
    import torch

    from ...metrics.protocols import ItemJudge
    from ...pipelines.tuning.ask_tell import Question

#: Message to the front end: a loop has changed.
CHANGED = "soart.loop"

#: Of all workflows, until the server ends.
_loops = Loops(lambda loop: PromptServer.instance.send_sync(CHANGED, loop))
EXAMPLE_SPACE = """\
template: a {quality} picture of a {subject} in {palette} colors, {style} style
slots:
  quality: [noisy, blurry, faded, sharp, vivid]
  subject: [boat, castle, fox, house, owl, tree]
  palette: [warm, cool, pastel, neon, earthy, monochrome]
  style: [flat, watercolor, woodcut, pixel, pointillist, sketch]
"""


def count_run(cls: type[io.ComfyNode], facts: dict[str, Any]) -> None:
    """Count a run of a node that a page has queued; ``facts`` are the ``runs`` wanted, and why it is ``enough``."""
    place = place_of(cls)
    if place["workflow"]:
        page = PromptServer.instance.client_id or ""
        _loops.finished(**place, runs=facts["runs"], enough=facts["enough"], page=page)


def _idle() -> bool:
    return bool(PromptServer.instance.get_queue_info()["exec_info"]["queue_remaining"] == 0)


def _promise(document: dict[str, Any]) -> dict[str, Any]:
    place = str(document.get("workflow", "")), str(document.get("page", ""))
    return {"promise": _loops.promise(*place, idle=_idle(), pages=PromptServer.instance.sockets)}


def _queued(document: dict[str, Any]) -> None:
    # Some front ends (1.27, 1.35) answer false for runs that they have queued: then the queue tells.
    _loops.queued(document.get("promise", 0), failed=not document.get("certain", True) and _idle())


def _stop(document: dict[str, Any]) -> None:
    node, page = (None if (value := document.get(name)) is None else str(value) for name in ("node", "page"))
    _loops.stop(str(document.get("workflow", "")), str(document.get("reason")), node, page)


answer_get("/soart/loops", _loops.states)
answer_post("/soart/loop/next", _promise)
answer_post("/soart/loop/queued", _queued)
answer_post("/soart/loop/stop", _stop)


class SoartPromptChoice(UncachedNode):
    """Asks the steering model for the next prompts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        usual = "Used where the prompt space sets none."
        return node_schema(
            node_id="SoartPromptChoice",
            display_name="SOART Prompt Choice",
            description="Suggests the next prompts to draw, of all that a prompt space allows. It learns from the scores and ratings that SOART Observe stores.",
            inputs=[
                io.String.Input("space", multiline=True, default=EXAMPLE_SPACE,
                                tooltip="The prompts to choose from: a prompt space in YAML, a template such as a {fox|owl}, or a plain prompt, which is varied by words around it."),
                io.String.Input("collection", default="soart", tooltip="Folder in ComfyUI's output folder for pictures, prompts and ratings. Name it again to go on later."),
                *judge_inputs(),
                io.Int.Input("count", default=1, min=1, max=64,
                             tooltip="Prompts in each run; all nodes after this one run once for each."),
                folded(io.Int.Input("search_seed", default=0, min=0, max=2**31 - 1, tooltip="Seed of the first picture and of the search: another number tries other prompts first.")),
                folded(io.String.Input("model", default="comfyui",
                                       tooltip="A name of your own for the model that draws. Results of different names are kept apart.")),
                io.Int.Input("usual_steps", default=EXTERNAL_STEPS, min=1, max=1000, tooltip=usual),
                io.Float.Input("usual_guidance", default=EXTERNAL_GUIDANCE, min=0.0, max=100.0, step=0.5, tooltip=usual),
                io.Int.Input("usual_width", default=512, min=8, max=8192, step=8, tooltip=usual),
                io.Int.Input("usual_height", default=512, min=8, max=8192, step=8, tooltip=usual),
                folded(io.Combo.Input("vocabulary", options=["general", "embedded"], default="general", optional=True,
                                      tooltip="Words put around a plain prompt; 'embedded' holds those that the embedded model knows.")),
            ],
            outputs=[
                io.String.Output("prompt", display_name="prompt", is_output_list=True, tooltip="The prompt to draw."),
                io.String.Output("negative", display_name="negative", is_output_list=True, tooltip="The negative prompt."),
                io.Int.Output("image_seed", display_name="seed", is_output_list=True, tooltip="Seed of the picture."),
                io.Int.Output("steps", display_name="steps", is_output_list=True, tooltip="Sampling steps."),
                io.Float.Output("guidance", display_name="guidance", is_output_list=True, tooltip="Guidance (cfg)."),
                io.Int.Output("width", display_name="width", is_output_list=True, tooltip="In pixels."),
                io.Int.Output("height", display_name="height", is_output_list=True, tooltip="In pixels."),
                ChoiceType.Output("choice", display_name="choice", is_output_list=True, tooltip="Link it to SOART Observe."),
                # New outputs come last, so that the links of saved workflows stay.
                io.String.Output("scheduler", display_name="scheduler", is_output_list=True,
                                 tooltip="For SOART Generate, if the prompt space has a slot 'scheduler'. Otherwise empty: the model's own is used."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls,
        space: str,
        collection: str,
        by: str,
        count: int,
        search_seed: int,
        model: str,
        usual_steps: int,
        usual_guidance: float,
        usual_width: int,
        usual_height: int,
        vocabulary: str = "general",
        taste: ItemJudge | None = None,
    ) -> io.NodeOutput:
        """Ask for choices."""
        from ...pipelines.judges.finding import doubts_of
        from ...pipelines.models.external import ExternalGenerator
        from ...pipelines.tuning.ask_tell import ExternalStudy
        from ...prompts.space.space import PromptSpace

        study = ExternalStudy(
            output_folder(collection),
            PromptSpace.parse(space, vocabulary),
            judge_of(by, taste),
            ExternalGenerator(model, usual_steps, usual_guidance, (usual_width, usual_height)),
            search_seed,
        )
        questions = study.ask(count)
        requests = [question.request for question in questions]
        columns = ("prompt", "negative", "seed", "steps", "guidance", "width", "height")
        values = [[getattr(request, name) for request in requests] for name in columns]
        rows = [[question.trial.number + 1, question.request.prompt] for question in questions]
        table = {"title": f"{collection}: prompts to draw next", "columns": ["number", "prompt"], "rows": rows}
        schedulers = [request.scheduler or "" for request in requests]
        return io.NodeOutput(*values, questions, schedulers, ui=cls.show(doubts_of([(study.judge, 1.0)]), table))


class SoartObserve(SoartNode):
    """Stores the result of a choice."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartObserve",
            display_name="SOART Observe",
            description="Stores the picture of a prompt from SOART Prompt Choice, with its score or your rating. The next prompts are chosen by what was learnt from it.",
            is_output_node=True,
            inputs=[
                io.Image.Input("image", tooltip="The picture that was drawn from the choice: one, not a batch."),
                ChoiceType.Input("choice", tooltip="From SOART Prompt Choice."),
                io.Float.Input("score", optional=True, force_input=True,
                               tooltip="A score from any other node, higher is better; used instead of the judge's."),
                folded(io.Int.Input("rating", default=0, min=0, max=5, optional=True,
                                    tooltip="Your rating from 1 to 5, used instead of the judge's score; 0: none. It applies to every picture of the run unless you link a list. To rate what you see, click the stars in the node.")),
                folded(io.String.Input("rater", default="me", optional=True, tooltip="Name of the person who rates.")),
            ],
            outputs=[
                ChoiceType.Output("observed", display_name="observed", tooltip="Link it to SOART Factor Effects."),
                io.Float.Output("value", display_name="value", tooltip="The judge's score of the picture."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls,
        image: torch.Tensor,
        choice: Question,
        score: float | None = None,
        rating: int = 0,
        rater: str = "me",
    ) -> io.NodeOutput:
        """Store the result."""
        from ...pipelines.tuning.ask_tell import tell

        pixels, problem = to_picture(image)
        told = tell(
            choice,
            pixels,
            problem=problem,
            score=score,
            rating=rating or None,
            rater=rater,
            texts=kept_texts(cls.hidden),
        )
        number, value = choice.trial.number + 1, told.score
        # The choice goes on, because a blocked one would block the chart of all the others.
        passed = ExecutionBlocker(None) if value is None else value
        if problem:
            shown = cls.show([f"Picture {number} is stored, but nothing is learnt from it: {problem}."])
            return io.NodeOutput(choice, passed, ui=shown)
        rate = rating_of(choice.study.folder, told.row.id, rater, rating or None)
        cards = [observed_card(choice, told, pixels, rate, cls)]
        results = [f"no score ({told.problem})" if value is None else f"score {plain(value)}"]
        results += [f"score {plain(score)} from the linked node"] if score is not None else []
        if rating:
            results += [f"rated {rating} by {rater}"]
            if choice.together > 1:
                results += [f"a rating set in the node applies to all {choice.together} pictures of the run"]
        return io.NodeOutput(choice, passed, ui=cls.show([f"Picture {number}: {', '.join(results)}."], cards=cards))


class SoartFactorEffects(UncachedNode):
    """Charts the effect of each option."""

    shows_images = True

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartFactorEffects",
            display_name="SOART Factor Effects",
            description="Shows how much each option of the prompt space raises or lowers the score (or your ratings), with 90 % intervals, and the best prompt so far.",
            is_output_node=True,
            hidden=[io.Hidden.unique_id],
            # One chart for a whole list of choices.
            is_input_list=True,
            inputs=[
                ChoiceType.Input("observed", tooltip="From SOART Observe, so that the chart includes its picture."),
                folded(io.Int.Input("chart_width", default=900, min=300, max=4096, optional=True, tooltip="In pixels.")),
            ],
            later=[
                io.Int.Input("runs", default=1, min=1, max=1000, optional=True,
                             tooltip="How many runs one click on Run starts: after each, the next is queued. 1: only that one."),
                io.Float.Input("stop_below", default=0.1, min=0.0, max=10.0, step=0.05, optional=True,
                               tooltip="Ends the loop early when further runs would hardly help: when they surely gain less than this many standard deviations of the score. 0: never."),
            ],
            outputs=[
                io.Image.Output("chart", display_name="chart", tooltip="The chart as a picture."),
                io.String.Output("best_prompt", display_name="best prompt", tooltip="The prompt expected to be best."),
                io.String.Output("text", display_name="text", tooltip="The best prompts with their expected score."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls,
        observed: list[Question],
        chart_width: list[int] | None = None,
        runs: list[int] | None = None,
        stop_below: list[float] | None = None,
    ) -> io.NodeOutput:
        """Draw the chart of everything observed so far."""
        from ...pipelines.collection.collection import Collection
        from ...pipelines.reports.effects_chart import effects_chart
        from ...pipelines.reports.score_words import gain_text, interval_text
        from ...pipelines.tuning.findings import findings_of
        from ...pipelines.tuning.loop import why_enough

        study = observed[0].study
        loop = {"runs": (runs or [1])[0], "gain": "", "enough": ""}
        try:
            with Collection(study.folder) as collection:
                tuner = study.tuner(collection)
                findings = findings_of(tuner)
                enough = why_enough(tuner, (stop_below or [0.1])[0])
        except NoFindingsError as error:
            # No mistake: the first pictures of a loop may fail, and the next run goes on.
            count_run(cls, loop)
            return cls.refuse(str(error), loop=loop)
        judged = sum(batch.count for batch in findings.batches)
        title = f"{study.folder.name}: {judged} pictures"
        chart = to_images(
            [effects_chart(findings.effects, findings.importance, findings.unit, title, (chart_width or [900])[0])]
        )
        rows = [
            [winner.words[0].prompt, plain(winner.mean), interval_text(winner.low, winner.high), len(winner.pictures)]
            for winner in findings.winners
        ]
        columns = ["prompt", findings.unit, "90 % interval", "pictures"]
        table = {"title": "Best so far", "columns": columns, "rows": rows}
        text = "\n".join(f"{mean} ({interval}): {prompt}" for prompt, mean, interval, _ in rows)
        loop |= {"gain": gain_text(findings.gain, findings.unit), "enough": enough}
        count_run(cls, loop)
        notes = [*findings.alarms, *findings.notes]
        shown = cls.show(notes, table, chart=loop_chart(findings), loop=loop, images=chart)
        return io.NodeOutput(chart, findings.winners[0].words[0].prompt, text, ui=shown)
