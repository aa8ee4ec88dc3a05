"""Prompt templates in the dynamic-prompts syntax: ``{a|b}`` variants and ``__name__`` wildcards.

Wildcards come from the built-in vocabularies and from the user's own folder of ``NAME.txt`` files, which wins. Expansion
depends on the prompt seed alone, never on the image seed.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from ...errors import PromptError

VOCABULARIES = Path(__file__).parents[1] / "vocabularies"
_WILDCARD = re.compile(r"__([\w/*.-]+?)__")
#: Draws tried before a template is taken to have no more distinct prompts.
_PATIENCE = 20


def wildcard_values(name: str, folder: Path | None = None) -> list[str]:
    """Options of wildcard ``name``: from ``folder`` if it has them, else from the built-in vocabularies.

    Raises:
        PromptError: nobody knows the wildcard, or its file is empty or unreadable.
    """
    if re.fullmatch(r"[\w-]+(/[\w-]+)*", name):
        for home in (folder, VOCABULARIES):
            path = home / f"{name}.txt" if home else None
            if path and path.is_file():
                try:
                    lines = path.read_text(encoding="utf-8-sig").splitlines()
                except (OSError, UnicodeDecodeError) as error:
                    raise PromptError(f"The wildcard file {str(path)!r} cannot be read: {error}.") from error
                values = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
                if not values:
                    raise PromptError(f"The wildcard file {str(path)!r} holds no options: write one a line.")
                return values
    known = sorted(
        {p.stem for p in VOCABULARIES.glob("*.txt")} | {p.stem for p in (folder or VOCABULARIES).glob("*.txt")}
    )
    raise PromptError(f"Unknown wildcard __{name}__ in the prompt: known are {', '.join(known)}.")


def _all_wildcards(template: str, folder: Path | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    waiting = _WILDCARD.findall(template)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = wildcard_values(name, folder)
            waiting += itertools.chain.from_iterable(_WILDCARD.findall(value) for value in found[name])
    return found


def expand(template: str, count: int, seed: int, wildcards: Path | None = None) -> list[str]:
    """Draw ``count`` prompts from ``template``.

    Prompts are distinct as long as the template has new ones to give; then the same set is gone through again.

    Args:
        template: text in dynamic-prompts syntax; a plain prompt is its own only expansion.
        count: how many prompts, at least 1.
        seed: the prompt seed.
        wildcards: a folder of the user's own ``NAME.txt`` files.

    Raises:
        PromptError: an empty prompt, broken syntax, an unknown or empty wildcard, or one that contains itself.
    """
    if count < 1:
        raise PromptError(f"Expected at least one prompt, got {count}.")
    if not template.strip():
        raise PromptError("The prompt is empty: say what the picture should show.")
    values = _all_wildcards(template, wildcards)
    if not re.search(r"[{}$]|__", template):
        return [template.strip()] * count
    from dynamicprompts.generators import RandomPromptGenerator
    from dynamicprompts.wildcards import WildcardManager

    # A tree of values, so that the library reads no file of its own.
    generator = RandomPromptGenerator(WildcardManager(root_map={"": [values]} if values else {}), seed=seed)
    distinct: dict[str, None] = {}
    misses = 0
    try:
        while len(distinct) < count and misses < _PATIENCE:
            # As many as are lacking in one call: the library parses the template anew each time.
            for text in generator.generate(template, num_images=count - len(distinct)):
                prompt = re.sub(r"\s+", " ", text).strip()
                misses = misses + 1 if prompt in distinct else 0
                distinct[prompt] = None
    except RecursionError as error:
        raise PromptError(f"A wildcard of the prompt {template!r} contains itself.") from error
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PromptError(f"The prompt {template!r} is not valid dynamic-prompts syntax: {reason}.") from error
    return list(itertools.islice(itertools.cycle(distinct), count))
