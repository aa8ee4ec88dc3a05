"""Tuning the weight of a LoRA: its file counts, the weight exists with the LoRA only, and its effect is a curve."""

import numpy as np
import pytest
from specimens.judging import ColourJudge
from specimens.loras import write_lora

from soart.errors import LoraError
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.reports.tuning import render_tune_report
from soart.pipelines.tuning.findings import findings_of
from soart.pipelines.tuning.loop import tune
from soart.pipelines.tuning.panel import Panel
from soart.pipelines.tuning.tuner import Tuner
from soart.prompts.space.space import PromptSpace

pytestmark = pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
SPACE = """
template: a sharp boat{effect}
slots:
  effect: ["", ", <lora:ink:{ink}>"]
  ink: {low: 0.5, high: 1.5, step: 0.25}
  steps: ["1"]
"""


class Bright(ColourJudge):
    name = "bright"

    def score(self, items):
        return items[:, self.extractor.names.index("colour/luma/mean")]


def test_a_weight_is_tuned_where_its_lora_is_in(tmp_path, collection, embedded):
    folder = tmp_path / "loras"
    folder.mkdir()
    space, panel = PromptSpace.parse_yaml(SPACE), Panel(Bright())
    generator = ImageGenerator(load_model(device="cpu", loras=folder))

    def tuner(of=space):
        return Tuner(collection, generator, of, panel, batch=6, budget=12)

    with pytest.raises(LoraError, match="There is no LoRA 'ink' in"):
        tuner()
    write_lora(embedded.pipeline, folder / "ink.safetensors", 1)
    first = tuner()
    tune(first)
    done = first.done
    assert 6 < done <= 12
    prompts = {row.generation.prompt for row in collection.images()}
    assert prompts <= {"a sharp boat", *(f"a sharp boat, <lora:ink:{w}>" for w in ("0.5", "0.75", "1", "1.25", "1.5"))}
    assert len({row.generation.model for row in collection.images()}) == 2
    found = findings_of(first)
    assert found.conditions == {"ink": "effect: , <lora:ink:{ink}>"}
    assert [effect.option for effect in found.effects if effect.slot == "ink"] == ["0.5", "0.75", "1", "1.25", "1.5"]
    page = render_tune_report(collection, found, "tuned", "")
    assert 'aria-label="Effects of ink from 0.5 to 1.5' in page
    assert "only with effect: , &lt;lora:ink:{ink}&gt;" in page
    # The same file goes on; with another of its name only pictures without the LoRA count.
    assert tuner().done == done
    without = sum(trial.choice[0] == 0 for trial in first.study.own)
    assert 0 < without < done
    write_lora(embedded.pipeline, folder / "ink.safetensors", 2)
    assert tuner().done == without
    # One more LoRA in the space changes nothing for what was drawn.
    write_lora(embedded.pipeline, folder / "snow.safetensors", 3)
    more = PromptSpace.parse_yaml(SPACE.replace('{ink}>"]', '{ink}>", "<lora:snow:1>"]'))
    assert len(tuner(more).study.drawn) == without


def test_all_options_are_covered():
    space = PromptSpace.parse_yaml(SPACE.replace('""', '"", " <lora:a:1>", " <lora:b:{ink}>"'))
    prompts = [space.render(choice).prompt for choice in space.covering()]
    assert all(any(name in prompt for prompt in prompts) for name in ("lora:a:", "lora:b:", "lora:ink:"))
    assert space.allowed(np.array(space.covering())).all()
