"""Meanings of words, as the text encoder of a pipeline reads them.

A pipeline draws words alike that its text encoder reads alike. So the mean of the encoder's states over the words of a
text is its meaning, and nothing has to be downloaded.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ...errors import SoartError, first_line
from ...prompts.space.rendering import tidy
from .prompt_syntax import parse_prompt

log = logging.getLogger(__name__)

#: Texts that are encoded at once, and the most tokens of one.
_BATCH, _LONGEST = 64, 77
#: Errors of an encoder that is called in another way; all others may pass, such as too little memory.
_FOR_GOOD = TypeError, AttributeError
_PLACE = re.compile(r"\{[\w-]+\}")


class WordMeanings:
    """Vectors of texts from a pipeline's tokenizer and text encoder; each text is encoded once."""

    def __init__(self, pipeline: Any) -> None:  # noqa: ANN401
        self._tokenizer: Any = getattr(pipeline, "tokenizer", None)
        self._encoder: Any = getattr(pipeline, "text_encoder", None)
        self._known: dict[str, np.ndarray] = {}

    def vectors(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """(d,) float64 vector of each text, without LoRAs and word weights; texts without words are left out.

        Texts at which the encoder failed are left out, and encoded the next time.
        """
        if self._tokenizer is None or self._encoder is None:
            return {}
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        words = {text: _plain(text) for text in missing}
        missing = [text for text in missing if words[text]]
        for start in range(0, len(missing), _BATCH):
            block = missing[start : start + _BATCH]
            try:
                rows = self._encoded([words[text] for text in block])
            # Encoders of some families are called in ways of their own, and raise errors of any kind.
            except Exception as error:
                log.info("The text encoder gives no meanings: %s", first_line(error))
                if isinstance(error, _FOR_GOOD):
                    self._encoder = None
                break
            self._known.update(
                (text, row) for text, row in zip(block, rows, strict=True) if np.isfinite(row).all() and row.any()
            )
        return {text: self._known[text] for text in texts if text in self._known}

    @torch.inference_mode()
    def _encoded(self, texts: list[str]) -> np.ndarray:
        """(n, d) means of the last states over all tokens that are not special."""
        tokens = self._tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=min(int(self._tokenizer.model_max_length), _LONGEST),
            return_special_tokens_mask=True,
            return_tensors="pt",
        )
        device = self._encoder.device
        ids, mask = tokens["input_ids"], tokens["attention_mask"]
        # Offloaded encoders move what they are given themselves.
        if device.type != "meta":
            ids, mask = ids.to(device), mask.to(device)
        states = self._encoder(input_ids=ids, attention_mask=mask).last_hidden_state.cpu().double()
        words = (tokens["attention_mask"] * (1 - tokens["special_tokens_mask"]))[..., None].double()
        rows: np.ndarray = ((states * words).sum(1) / words.sum(1).clamp(min=1)).numpy()
        return rows


def _plain(text: str) -> str:
    """The words of an option, without LoRAs and weights; a number stands in every place of one."""
    try:
        return tidy(parse_prompt(_PLACE.sub("1", text)).text)
    except SoartError:
        return text
