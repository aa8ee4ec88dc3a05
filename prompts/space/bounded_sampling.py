"""Draws texts from a parsed template of dynamic-prompts, within limits, because variables may hold variables."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from ...errors import PromptError

if TYPE_CHECKING:
    from dynamicprompts.commands import Command, VariantCommand
    from dynamicprompts.enums import SamplingMethod
    from dynamicprompts.sampling_context import SamplingContext

#: Most characters of a prompt, of all its parts together, and of all prompts of one call.
LONGEST, MOST_JOINED, MOST_TEXT = 100_000, 1_000_000, 50_000_000
#: Most parts of a prompt, where a variable counts each time that it is used, and most parts inside one another.
MOST_PARTS, DEEPEST = 20_000, 80
#: Seconds for a call, and besides for each of its prompts.
SECONDS, SECONDS_A_PROMPT = 10.0, 0.1
#: Most options of a variant that takes several at once, times the number taken: the library's time grows with both.
MOST_TAKEN = 250_000


class Limits:
    """Counts what one call for ``count`` prompts samples; messages quote the template as ``quoted``.

    ``check`` is called for every part; whatever it raises ends the sampling. ``error`` is the error that was raised
    here, not by the library.
    """

    def __init__(self, quoted: str, count: int, check: Callable[[], None] = lambda: None) -> None:
        self._quoted, self._check = quoted, check
        self._seconds = SECONDS + count * SECONDS_A_PROMPT
        self._end = time.monotonic() + self._seconds
        self._parts = self._joined = self._text = self._depth = 0
        self.error: BaseException | None = None

    def finished(self, prompt: str) -> str:
        """Count a prompt, and begin the next one; refuse prompts that are too long all together."""
        self._parts = self._joined = 0
        self._text += len(prompt)
        if self._text > MOST_TEXT:
            self._refuse(f"becomes more than {MOST_TEXT:,} characters in all: take fewer pictures, or shorten it")
        return prompt

    def counted(self, results: Iterator[Any]) -> Iterator[Any]:
        """The results of one part of a template; refuses those beyond a limit, by a ``RecursionError`` if too deep."""
        while True:
            self._begin()
            try:
                result = next(results, None)
            finally:
                self._depth -= 1
            if result is None:
                return
            self._joined += len(result.text)
            if len(result.text) > LONGEST or self._joined > MOST_JOINED:
                self._refuse(f"becomes longer than {LONGEST:,} characters: shorten it or its variables")
            yield result

    def check_variant(self, variant: VariantCommand, *, in_turn: bool) -> None:
        """Refuse a variant that takes too many options at once; ``in_turn`` for combinations that are not random."""
        taken = min(variant.max_bound, len(variant.values))
        if taken > 1 and taken * len(variant.values) > MOST_TAKEN:
            self._refuse("takes too many options of one variant at once ($$): take fewer")
        # The library would try all combinations of equal options, and find none that it may take.
        if in_turn and taken > 1 and taken > len({repr(value) for value in variant.values}):
            self._refuse("takes more options of one variant at once ($$) than it has: take fewer")

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            self._refuse(f"becomes more than {MOST_PARTS:,} parts: use its variables fewer times")
        if time.monotonic() > self._end:
            self._refuse(f"takes longer than {self._seconds:.0f} s to fill in: make it simpler")
        try:
            self._check()
        except BaseException as error:
            self.error = error
            raise
        if self._depth >= DEEPEST:
            raise RecursionError
        self._depth += 1

    def _refuse(self, why: str) -> None:
        self.error = PromptError(f"The prompt {self._quoted} {why}.")
        raise self.error


class _BoundedSampler:
    """A sampler of the library whose every part is counted."""

    def __init__(self, method: SamplingMethod, sampler: Any, limits: Limits) -> None:  # noqa: ANN401
        self._method, self._sampler, self._limits = method, sampler, limits

    def generator_from_command(self, command: Command, context: SamplingContext) -> Iterator[Any]:
        """The results of a part of a template."""
        from dynamicprompts.commands import VariantCommand
        from dynamicprompts.enums import SamplingMethod

        if isinstance(command, VariantCommand):
            self._limits.check_variant(command, in_turn=self._method is not SamplingMethod.RANDOM)
        return self._limits.counted(self._sampler.generator_from_command(command, context))


def bounded_context(values: dict[str, list[str]], rand: Random, limits: Limits) -> SamplingContext:
    """A context of the library that samples options of every wildcard by name, at random within limits."""
    from dynamicprompts.enums import SamplingMethod
    from dynamicprompts.sampling_context import SamplingContext
    from dynamicprompts.wildcards import WildcardManager

    # With a tree of values the library reads no files itself.
    wildcards = WildcardManager(root_map={"": [values]} if values else {})
    context = SamplingContext(SamplingMethod.RANDOM, wildcards, rand=rand)
    samplers = {method: _BoundedSampler(method, sampler, limits) for method, sampler in context.samplers.items()}
    return dataclasses.replace(context, samplers=samplers)
