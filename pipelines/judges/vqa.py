"""VQAScore: the probability that a visual question answering model says yes to "does this show …?".

Source: Lin et al., "Evaluating text-to-visual generation with image-to-text generation" (2024).
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from PIL import Image

from ...errors import JudgeError, ModelError, first_line
from ...files import from_home
from ...metrics.items.networks import check_on_hub, quiet
from ...metrics.protocols import Pictures, Scale
from ...threads import import_whole
from ..ingest.metadata import plain_prompt

QUESTION = "Does this figure show '{}'? Please answer yes or no."
YES, NO = "yes", "no"


class VqaJudge:
    """Judges by the odds of yes against no, by a model with answers as classes (ViLT) or one that writes them (BLIP)."""

    scale, needs = Scale(0.0, 1.0, "probability"), ("pixels", "prompt")

    def __init__(self, model: Any, processor: Any, source: str) -> None:  # noqa: ANN401
        self._model, self._processor, self.name = model.eval(), processor, f"vqascore:{source}"[-64:].strip()
        labels = {str(label).lower(): number for number, label in (model.config.id2label or {}).items()}
        self._classes = (labels[YES], labels[NO]) if {YES, NO} <= labels.keys() else None
        if self._classes is None and not hasattr(model, "text_decoder"):
            raise JudgeError(
                f"The model {source!r} ({type(model).__name__}) cannot answer yes or no: name a ViLT or BLIP model."
            )
        digest = hashlib.sha256()
        for name, tensor in sorted(model.state_dict().items()):
            digest.update(name.encode() + tensor.float().numpy().tobytes())
        self.version = digest.hexdigest()[:12]

    @torch.inference_mode()
    def values(self, pictures: Pictures) -> list[float]:
        """P(yes) of pictures, against no."""
        pairs = zip(pictures.pixels(), pictures.prompts(), strict=True)
        return [self._one(pixels, plain_prompt(prompt)) for pixels, prompt in pairs]

    def _one(self, pixels: np.ndarray, prompt: str) -> float:
        question = QUESTION.format(prompt)
        inputs = self._processor(images=Image.fromarray(pixels), text=question, truncation=True, return_tensors="pt")
        if self._classes is not None:
            logits, places = self._model(**inputs).logits[0], self._classes
        else:
            logits, places = self._first_token(inputs)
        return float(torch.softmax(logits[list(places)].double(), dim=0)[0])

    def _first_token(self, inputs: Any) -> tuple[torch.Tensor, tuple[int, int]]:  # noqa: ANN401
        """Logits (vocabulary,) of the first token of BLIP's answer, and the tokens of yes and no."""
        model, tokenizer = self._model, self._processor.tokenizer
        seen = model.vision_model(pixel_values=inputs["pixel_values"]).last_hidden_state
        asked = model.text_encoder(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            encoder_hidden_states=seen,
            return_dict=True,
        ).last_hidden_state
        start = torch.tensor([[model.decoder_start_token_id]])
        logits = model.text_decoder(input_ids=start, encoder_hidden_states=asked, return_dict=True).logits[0, -1]
        yes, no = (tokenizer(word, add_special_tokens=False).input_ids[0] for word in (YES, NO))
        return logits, (yes, no)


def load(argument: str) -> VqaJudge:
    """Load the judge for a hub id or folder."""
    try:
        if not from_home(argument).is_dir():
            check_on_hub(argument)
    except ModelError as error:
        raise JudgeError(*error.args) from error
    import_whole("transformers")
    from transformers import AutoModelForVisualQuestionAnswering, AutoProcessor

    try:
        with quiet():
            model = AutoModelForVisualQuestionAnswering.from_pretrained(
                argument, use_safetensors=True, dtype=torch.float32, trust_remote_code=False
            )
            processor = AutoProcessor.from_pretrained(argument, trust_remote_code=False)
    # The library raises errors of nearly any kind; its own reason is the best one.
    except Exception as error:
        raise JudgeError(f"The model {argument!r} cannot be loaded for questions: {first_line(error)}.") from error
    return VqaJudge(model, processor, argument)
