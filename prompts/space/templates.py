"""Expands prompt templates in the dynamic-prompts syntax.

``{a|b}`` is a variant, ``__name__`` a wildcard, ``{0..1.2}`` a number of a range. Wildcards come from the user's own folder of ``NAME.txt`` files or else
from the built-in vocabularies. Expansion depends only on the prompt seed, never on the image seed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import NoneType
from typing import TYPE_CHECKING, Any

from ...errors import PromptError, expect, expect_text, first_line
from ...files import read_text
from .number_range import NumberRange

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
VOCABULARIES = Path(__file__).parents[1] / "vocabularies"
#: A wildcard within a template.
WILDCARD = re.compile(r"__([\w/*.-]+?)__")
#: What stands where an option of a variant has its weight.
_WEIGHT = re.compile(r"[{|]([^{}|:$]{1,400})::")
#: Plain signs that the library would take for syntax, each with an unassigned character in its place while it parses.
_GUARDS = ((re.compile(r"%(?!\{)"), "%", "\ufdd0"), (re.compile(r"(?<!\$)\$(?![${])"), "$", "\ufdd1"))
#: Repeated draws in a row after which a template counts as having no more distinct prompts.
_PATIENCE = 20
#: A template with more variants, options and wildcards than this is not parsed, which would take seconds.
_MOST_BRANCHES = 5_000
#: Characters of a template that messages quote.
_QUOTED = 200


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


def wildcard_values(name: str, folder: Path | str | None = None) -> list[str]:
    """Options of wildcard ``name``: from ``folder`` if it has the file, else from the built-in vocabularies."""
    if re.fullmatch(r"[\w-]+(/[\w-]+)*", name):
        for home in (folder, VOCABULARIES):
            path = Path(home) / f"{name}.txt" if home else None
            if path and path.is_file():
                try:
                    lines = read_text(path).splitlines()
                except (OSError, UnicodeDecodeError) as error:
                    raise PromptError(f"The wildcard file {str(path)!r} cannot be read: {error}.") from error
                values = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
                if not values:
                    raise PromptError(f"The wildcard file {str(path)!r} has no options: write one per line.")
                return values
    raise PromptError(f"Unknown wildcard __{name}__ in the prompt: known are {', '.join(wildcard_names(folder))}.")


def wildcard_names(folder: Path | str | None = None) -> list[str]:
    """Names of the wildcards in ``folder`` and of the built-in ones, in alphabetical order.

    >>> from soart.prompts.space.templates import wildcard_names
    >>> "palette" in wildcard_names()
    True
    """
    return sorted({path.stem for home in (VOCABULARIES, folder or VOCABULARIES) for path in Path(home).glob("*.txt")})


def _all_wildcards(template: str, folder: Path | str | None) -> dict[str, list[str]]:
    """Options of every wildcard in ``template``, and of those in their options."""
    values: dict[str, list[str]] = {}
    waiting = WILDCARD.findall(template)
    while waiting:
        name = waiting.pop()
        if name not in values:
            values[name] = wildcard_values(name, folder)
            waiting += itertools.chain.from_iterable(WILDCARD.findall(value) for value in values[name])
    return values


def quoted(template: str) -> str:
    """A template as messages quote it: its beginning, if it is long."""
    return repr(template if len(template) <= _QUOTED else f"{template[:_QUOTED]}…")


def invalid_syntax(template: str, error: Exception) -> PromptError:
    """The error to raise for a template that dynamic-prompts refuses with ``error``."""
    missing = template.count("{") - template.count("}")
    why = "a { has no }" if missing > 0 else "a } has no {" if missing < 0 else unguarded(first_line(error))
    return PromptError(f"The prompt {quoted(template)} is not valid dynamic-prompts syntax: {why}.")


def guarded(template: str) -> str:
    """``template`` for the library, which refuses a plain % or $, as in *50% grey*; see ``unguarded``."""
    for sign, _, guard in _GUARDS:
        template = sign.sub(guard, template)
    return template


def unguarded(text: str) -> str:
    """Text from the library, with the signs that ``guarded`` took out."""
    for _, sign, guard in _GUARDS:
        text = text.replace(guard, sign)
    return text


def spell_out(template: str) -> str:
    """``template`` with each range of numbers as a variant of its numbers.

    >>> from soart.prompts.space.templates import spell_out
    >>> spell_out("(snow:{0.5..1.5..0.5})")
    '(snow:{0.5|1|1.5})'
    """

    def numbers(braces: re.Match[str]) -> str:
        written = NumberRange.written(braces[1])
        return braces[0] if written is None else f"{{{'|'.join(written.texts())}}}"

    return re.sub(r"\{([^{}|]*)\}", numbers, template)


def check_wildcards(folder: Path | str | None) -> None:
    """Refuse a folder of the user's own wildcards that does not exist; None is none."""
    expect("the folder of wildcards as a path", folder, str, Path, NoneType, error=PromptError)
    if folder is not None and not Path(folder).is_dir():
        raise PromptError(f"There is no folder of wildcards {str(folder)!r}: name a folder of NAME.txt files.")


def check_weights(template: str) -> None:
    """Refuse numbers in the place of weights that the library would take for words, such as 1e3 and nan."""
    for text in map(str.strip, _WEIGHT.findall(template)):
        with contextlib.suppress(ValueError):
            number = float(text)
            if not (re.fullmatch(r"[\d.]+", text) and math.isfinite(number)):
                raise PromptError(f"Expected a weight such as 2 or 0.5 before '::' in the prompt, got {text[:40]!r}.")


def parsed(template: str) -> Command:
    """The tree of a template, whose plain signs are guarded; refuses broken, too large and too deep ones."""
    from dynamicprompts.parser.parse import parse

    written = unguarded(template)
    if len(re.findall(r"[{|]|__", template)) > _MOST_BRANCHES:
        raise PromptError(
            f"The prompt {quoted(written)} has more than {_MOST_BRANCHES:,} variants and options: leave some out."
        )
    try:
        return parse(template)
    except RecursionError as error:
        raise PromptError(f"The prompt {quoted(written)} is nested too deeply.") from error
    except Exception as error:
        raise invalid_syntax(written, error) from error


def expand(
    template: str,
    count: int,
    seed: int,
    wildcards: Path | str | None = None,
    check: Callable[[], None] = lambda: None,
) -> list[str]:
    """Draw ``count`` prompts from ``template`` by the prompt seed, within ``Limits``.

    Prompts are distinct as long as the template has new ones. Then the same prompts are repeated in order. ``check`` is
    called now and then; whatever it raises ends the expansion, as when a job is cancelled.

    >>> from soart.prompts.space.templates import expand
    >>> expand("a {red|blue} fox", 3, seed=0)
    ['a blue fox', 'a red fox', 'a blue fox']
    """
    if count < 1:
        raise PromptError(f"Expected at least one prompt, got {count}.")
    expect_text("the prompt", template, PromptError)
    if not template.strip():
        raise PromptError("The prompt is empty: describe what the picture should show.")
    check_wildcards(wildcards)
    check_weights(template)
    written, template = template, guarded(spell_out(template))
    values = {
        name: [guarded(spell_out(text)) for text in texts]
        for name, texts in _all_wildcards(template, wildcards).items()
    }
    if not re.search(r"[{}$]|__", template):
        return [unguarded(template).strip()] * count
    tree = parsed(template)
    limits = Limits(quoted(written), count, check)
    context = bounded_context(values, Random(seed), limits)
    distinct: dict[str, None] = {}
    misses = 0
    try:
        while len(distinct) < count and misses < _PATIENCE:
            for result in context.sample_prompts(tree, count - len(distinct)):
                prompt = limits.finished(re.sub(r"\s+", " ", unguarded(result.text)).strip())
                misses = misses + 1 if prompt in distinct else 0
                distinct[prompt] = None
    except RecursionError as error:
        why = "A wildcard of the prompt {} contains itself." if values else "The prompt {} is nested too deeply."
        raise PromptError(why.format(quoted(written))) from error
    except Exception as error:
        if error is limits.error:
            raise
        raise invalid_syntax(written, error) from error
    return list(itertools.islice(itertools.cycle(distinct), count))
