"""A local language model that proposes options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import ModelError, first_line
from ...prompts.steering.proposals import Proposal, Situation, plain_option
from ...threads import import_whole, one_model_at_a_time

#: Longest answer in tokens, and options of a slot that the model is shown.
_ANSWER, _SHOWN = 120, 12
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])?\s*")


class LanguageModelProposer:
    """Proposes options by asking a local language model of transformers.

    Answers are taken greedily, one option a line. Whatever is no option of a few plain words is ignored.

    Args:
        model: of transformers, ready to run.
        tokenizer: of the model.
        name: of the model, for reasons and notes.

    Attributes:
        note: why the last call proposed nothing; else empty.

    Examples:
        >>> import soart
        >>> proposer = soart.LanguageModelProposer.load("my-models/language")  # doctest: +SKIP

        Pass it to ``soart.Tuner`` as ``proposer``.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:  # noqa: ANN401
        self.model, self.tokenizer, self.name = model, tokenizer, name
        self.note = ""

    @classmethod
    def load(cls, source: str, device: str = "cpu") -> LanguageModelProposer:
        """Load a model by hub id or folder; it must be on this machine, because nothing is downloaded.

        Raises:
            ModelError: the model is missing, cannot be loaded, or is not a causal language model.
        """
        import_whole("transformers")
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from ..models.loading import quiet_libraries

        try:
            with one_model_at_a_time(), quiet_libraries():
                tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, local_files_only=True)
                model = AutoModelForCausalLM.from_pretrained(
                    source, trust_remote_code=False, local_files_only=True, dtype="auto"
                )
        # The library raises errors of nearly any kind.
        except Exception as error:
            raise ModelError(
                f"The language model {source!r} cannot be loaded from this machine ({first_line(error)}): "
                "name a folder, or download the model first."
            ) from error
        return cls(model.to(device).eval(), tokenizer, source)

    def propose(self, situation: Situation, count: int) -> list[Proposal]:
        """See ``Proposer``; one question for each slot, the options of the first slots first."""
        self.note = ""
        answers: list[list[Proposal]] = []
        for slot, effects in situation.effects.items():
            try:
                lines = self._answer(question(slot, effects, situation, count)).splitlines()
            # Models fail in ways of their own; a tune goes on without their words.
            except Exception as error:
                self.note = f"the language model {self.name!r} failed: {first_line(error)}"
                return []
            options = dict.fromkeys(option for line in lines if (option := option_of(line, slot)))
            answers.append([Proposal(slot, option, f"by {self.name}") for option in options])
        longest = max(map(len, answers), default=0)
        # The slots take turns.
        proposals = [each[turn] for turn in range(longest) for each in answers if turn < len(each)]
        if not proposals:
            self.note = f"the language model {self.name!r} proposed no usable option"
        return proposals

    def _answer(self, text: str) -> str:
        """The model's continuation of a question, without special tokens."""
        import torch

        if getattr(self.tokenizer, "chat_template", None):
            text = self.tokenizer.apply_chat_template(
                [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
            )
        tokens = self.tokenizer(text, return_tensors="pt").to(self.model.device)
        ids = tokens["input_ids"]
        longest = getattr(self.model.config, "max_position_embeddings", None)
        if longest is not None and ids.shape[1] + _ANSWER > longest:
            # The end of the question asks for the answer.
            ids = ids[:, -max(longest - _ANSWER, 1) :]
        end = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.tokenizer.eos_token_id
        with torch.inference_mode():
            answer = self.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                num_beams=1,
                max_new_tokens=_ANSWER,
                pad_token_id=end,
            )
        return str(self.tokenizer.decode(answer[0, ids.shape[1] :], skip_special_tokens=True))


def question(slot: str, effects: Mapping[str, float], situation: Situation, count: int) -> str:
    """The question for new options of a slot: its options from best to worst, and the prompts they stand in."""
    ordered = sorted((text for text in effects if text), key=lambda text: -effects[text])
    best, worst = ordered[: _SHOWN // 2], ordered[_SHOWN // 2 :][-_SHOWN // 2 :]
    where = situation.space.template.replace(f"{{{slot}}}", "[...]")
    return (
        f"Prompts for an image generator have this form: {where}\n"
        f"For [...], the {slot}, these worked well, best first: {'; '.join(best) or 'none yet'}.\n"
        f"These worked less well: {'; '.join(worst) or 'none'}.\n"
        f"Write {count + 2} new options for the {slot} that may work even better, of one to six words each, "
        "one per line, and nothing else.\nNew options:\n"
    )


def option_of(line: str, slot: str) -> str:
    """The option that a line of an answer holds; empty if it holds none."""
    text = _BULLET.sub("", line).strip().strip("\"'`*_.,;").strip()
    name, colon, rest = text.partition(":")
    text = rest.strip() if colon and name.strip().casefold() == slot.casefold() else text
    return plain_option(text)
