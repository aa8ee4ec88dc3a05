"""Messages for people: English sentences that still know their template and values, so that pages can translate them.

The catalogues of the gallery hold the templates; ``.ci/texts.py`` finds them in calls of ``message``, ``plural`` and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


class Message(str):
    """A text for people; made by the functions below, and by errors that are given values.

    It stays a message in an error, in its ``str`` and in other processes. What is computed of it is plain text.

    Attributes:
        template: the text with ``%(name)s`` for a value and ``%%`` for a percent sign; of one thing if there is a plural.
        values: by name; messages among them are translated too.
        plural: the template for other numbers of things; empty without one.
        number: of things, which decides between both.
    """

    template: str
    values: dict[str, str]
    plural: str
    number: int

    def __new__(cls, template: str, values: Mapping[str, object], plural: str = "", number: int = 1) -> Message:
        """Fill in a template."""
        texts = {name: str(value) for name, value in values.items()}
        made = super().__new__(cls, (plural if plural and number != 1 else template) % texts)
        made.template, made.values, made.plural, made.number = template, texts, plural, number
        return made

    def __str__(self) -> str:
        return self

    def __reduce__(self) -> tuple[type[Message], tuple[object, ...]]:
        return Message, (self.template, self.values, self.plural, self.number)


def message(template: str, /, **values: object) -> str:
    """A message of a template, which stands in the call as it is.

    >>> from soart.messages import message
    >>> message("Drift: %(what)s went down by 3 %%.", what=message("contrast"))
    'Drift: contrast went down by 3 %.'
    """
    return Message(template, values)


def plural(one: str, many: str, number: int, /, **values: object) -> str:
    """A message of the template that a number of things asks for; ``%(count)s`` is the number.

    >>> from soart.messages import plural
    >>> plural("%(count)s file", "%(count)s files", 1), plural("%(count)s file", "%(count)s files", 2)
    ('1 file', '2 files')
    """
    return Message(one, {"count": number, **values}, many, number)


def joined(parts: Iterable[str], separator: str = " ") -> str:
    """Texts one after the other, without empty ones; messages among them stay messages.

    >>> from soart.messages import joined, message
    >>> joined([message("Done."), "", "'a.png' is odd."])
    "Done. 'a.png' is odd."
    """
    values = {str(number): part for number, part in enumerate(filter(None, parts))}
    return Message(separator.join(f"%({name})s" for name in values), values)


def with_values(text: str, change: Callable[[str], str]) -> str:
    """A message with its values changed, but not its own words; a plain text changed as a whole.

    >>> from soart.messages import message, with_values
    >>> with_values(message("There is no folder %(folder)s.", folder="'art'"), str.upper)
    "There is no folder 'ART'."
    """
    if not isinstance(text, Message):
        return change(text)
    return Message(text.template, {k: with_values(v, change) for k, v in text.values.items()}, text.plural, text.number)


def to_json(text: str) -> object:
    """A text as JSON can hold it, for ``from_json``: a message with its template and values."""
    if not isinstance(text, Message):
        return text
    return [text.template, {k: to_json(v) for k, v in text.values.items()}, text.plural, text.number]


def from_json(value: Any) -> str:  # noqa: ANN401
    """The text of a value of ``to_json``, or of a plain text; what other values raise is not told."""
    if isinstance(value, str):
        return value
    template, values, many, number = value
    return Message(template, {k: from_json(v) for k, v in values.items()}, many, number)
