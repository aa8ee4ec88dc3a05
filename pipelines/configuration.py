"""Defaults of the command line that a user or a project sets once: TOML files and environment variables.

A value typed on the command line (an option, or ``--set``) counts first, then an environment variable, then ``soart.toml``
in the current folder, then ``config.toml`` in the user's configuration folder. Each value is used as if it were typed. The
Python API does not read any of this, so that a script does the same everywhere.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from ..errors import CollectionError, SoartError, first_line
from ..files import read_text, write_whole
from ..metrics.damage.names import PERSON
from .models.backends.address import backend_address, without_login
from .models.limits import DEVICES, DTYPES, ENGINES, OFFLOADS
from .support.project_models import allow, check_allowed, local_models

if TYPE_CHECKING:
    from .collection.address import Address

#: Name of a project's file, in the current folder.
PROJECT = "soart.toml"
#: The source of values that ``--set`` names.
TYPED = "--set"
Value = str | list[str]
_DEVICE = re.compile(r"(?:cuda|xpu)(?::\d{1,3})?|mps|cpu")


@dataclass(frozen=True, slots=True)
class Key:
    """A setting that can be stored, its meaning, and in words what holds without it."""

    summary: str
    default: str
    choices: tuple[str, ...] = ()  # its only values, or those of the texts in its list; empty for any text
    several: bool = False  # True if its value is a list of texts
    count: bool = False  # True if its value is a whole number of at least 1, kept as a text
    private: bool = False  # True if the file of a project, which may come from anybody, cannot name it


KEYS = {
    "model": Key("model that draws: hub id, folder, file or running backend", "the embedded model"),
    "device": Key("device that draws: cpu, cuda, cuda:1, mps or xpu", "the best available"),
    "dtype": Key("number format of the model", "by device", DTYPES),
    "offload": Key("weights kept off the accelerator", "auto", OFFLOADS),
    "batch_size": Key("pictures drawn together; halved when memory runs out", "the model's own", count=True),
    "model_config": Key("diffusers folder that describes a single-file model, for use offline", "none", private=True),
    "request": Key("more fields of a web UI's request, FIELD=VALUE or FILE.json", "none", several=True, private=True),
    "engine": Key("this machine, or the Ray cluster at RAY_ADDRESS", "local", ENGINES, private=True),
    "workers": Key(
        "processes that inspect pictures; with engine ray, drawing workers", "one per core, GPU or node", count=True
    ),
    "by": Key("judges, NAME[=WEIGHT]", "overall", several=True),
    "priors": Key(
        "prior scores that tastes start from, where they are available: technical, appeal, nima, others, judges, tastes or none",
        "technical, appeal, nima and others",
        several=True,
    ),
    "model_effect": Key("effect of models on places by the overall score", "as set in the gallery: on", ("on", "off")),
    "collection": Key("collection to draw into and to show", "soart-pictures; soart-tuning for tunes"),
    "wildcards": Key("folder of your own NAME.txt vocabularies", "none"),
    "tastes": Key(
        "folder of tastes, which then holds all that count", "soart/tastes beside your settings", private=True
    ),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and its source: the name of an environment variable, the path of a file, or ``default``."""

    value: Value | None
    source: str


def user_file() -> Path:
    """The file of the user's settings, which need not exist."""
    return platformdirs.user_config_path("soart") / "config.toml"


def variable(key: str) -> str:
    """The environment variable of a setting."""
    return f"SOART_{key.upper()}"


def read_settings(
    environment: Mapping[str, str] | None = None, files: Sequence[Path] | None = None, typed: Sequence[str] = ()
) -> dict[str, Setting]:
    """All settings by key, each from the first source that has it; ``typed`` are texts KEY=VALUE of ``--set``.

    Empty variables count as not set; texts of a list are separated by spaces. The files are by default that of the
    project in the current folder, then that of the user.
    """
    environment = os.environ if environment is None else environment
    files = (Path(PROJECT), user_file()) if files is None else files
    settings: dict[str, Setting] = {}
    for path in reversed(files):
        settings |= {key: Setting(value, str(path)) for key, value in read_file(path).items()}
    for key, described in KEYS.items():
        name = variable(key)
        if text := environment.get(name, "").strip():
            settings[key] = Setting(checked(key, text.split() if described.several else text, name), name)
    for key, text in map(typed_setting, typed):
        before = settings.get(key)
        more = before.value if before is not None and before.source == TYPED and KEYS[key].several else []
        value = checked(key, [*(more or []), text] if KEYS[key].several else text, TYPED)
        settings[key] = Setting(value, TYPED)
    return {key: settings.get(key, Setting(None, "default")) for key in KEYS}


def typed_setting(text: str) -> tuple[str, str]:
    """Key and value of KEY=VALUE."""
    name, split, value = text.partition("=")
    if not split:
        raise SoartError(f"Expected KEY=VALUE such as device=cpu, got {text!r:.80}.")
    return known(name.strip().replace("-", "_"), TYPED), value


def read_file(path: Path) -> dict[str, Value]:
    """The settings in a file; none if it does not exist.

    A file in the current folder may come from anybody, so it must not name code or another program: judges as
    ``module:Class``, running backends and databases on servers are refused in a project's file. Its models on this
    machine are not used before the user has allowed them, see ``check_answer``.
    """
    with _errors_in_sentences(path, "read"):
        try:
            content = tomllib.loads(read_text(path))
        except FileNotFoundError:
            return {}
        # Of 0.2.0, when the pages of the gallery were translated.
        content.pop("language", None)
        values = {known(key, repr(str(path))): checked(key, value, repr(str(path))) for key, value in content.items()}
    if path.name == PROJECT:
        _check_project(values, path)
    return values


@contextmanager
def _errors_in_sentences(path: Path, action: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SoartError(f"The settings {str(path)!r} cannot be {action}: {error.strerror or error}.") from error
    except ValueError as error:
        raise SoartError(f"The settings {str(path)!r} are not valid TOML: {first_line(error)}.") from error
    except RecursionError as error:
        raise SoartError(
            f"The settings {str(path)!r} are nested too deeply: settings are texts and lists of texts."
        ) from error


def known(key: str, where: str = "") -> str:
    """Return a key after checking that it is known."""
    if key in KEYS:
        return key
    near = ["by"] if key in ("taste", "judges") else get_close_matches(key, KEYS, 1)
    advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(KEYS)}."
    raise SoartError(f"There is no setting {key!r}{f' ({where})' if where else ''}: {advice}")


def checked(key: str, value: object, where: str) -> Value:
    """Return a value after checking that a setting can have it; ``where`` names the source."""
    described = KEYS[key]
    if described.several:
        value = [value] if isinstance(value, str) and value.strip() else value
        texts = [text for text in value if isinstance(text, str) and text.strip()] if isinstance(value, list) else []
        if texts == value and (not described.choices or {*texts} <= {*described.choices}):
            return texts
        expected = f"some of {', '.join(described.choices)}" if described.choices else "a list of texts"
    elif described.count:
        number = str(value).strip()
        if number.isascii() and number.isdecimal() and 0 < len(number) < 10 and int(number):
            return number
        expected = "a whole number of at least 1"
    elif isinstance(value, str) and value.strip():
        if key == "collection":
            _check_address(value, where)
        if key == "device" and not _DEVICE.fullmatch(value):
            raise SoartError(
                f"The setting 'device' must be one of {', '.join(DEVICES)}, or such as cuda:1, got {value!r:.80} ({where})."
            )
        if not described.choices or value in described.choices:
            return value
        expected = f"one of {', '.join(described.choices)}"
    else:
        expected = "a text"
    raise SoartError(f"The setting {key!r} must be {expected}, got {value!r:.80} ({where}).")


def without_password(value: Value) -> Value:
    """A value for people: addresses of backends and databases without users' passwords and without parameters.

    Examples:
        >>> from soart.pipelines.configuration import without_password
        >>> without_password("postgresql://ann:secret@host/art?password=secret"), without_password("a1111:me:secret@box")
        ('postgresql://ann@host/art', 'a1111:box')
    """
    if not isinstance(value, str):
        return value
    if "://" in value and value.lower().startswith("postgres"):
        return _address(value).name
    return without_login(value) if backend_address(value) is not None else value


def _address(value: str) -> Address:
    # It takes a while to import, and few settings are addresses.
    from .collection.address import address_of

    return address_of(value)


def _check_address(value: str, where: str) -> None:
    """Refuse a collection that looks like the address of a database and is none."""
    if ":" not in value:
        return
    try:
        _address(value)
    except CollectionError as error:
        raise SoartError(f"The setting 'collection' cannot be used ({where}): {error}") from error


def _check_project(values: Mapping[str, Value], path: Path) -> None:
    """Refuse settings of a project that name code or another program."""
    _check_no_code(values.get("by", []), path)
    # Without a colon it names no code.
    _check_no_code([prior for prior in values.get("priors", []) if ":" in prior], path)
    _check_no_backend(values.get("model"), path)
    _check_no_server(values.get("collection"), path)
    for key in values:
        if KEYS[key].private:
            raise SoartError(
                f"The settings {str(path)!r} name {key!r}, which a project's file cannot do: use --set, {variable(key)} or "
                "soart config."
            )


def _check_no_server(collection: Value | None, path: Path) -> None:
    if isinstance(collection, str) and ":" in collection and _address(collection).by_url:
        raise SoartError(
            f"The settings {str(path)!r} name a database on a server: name it on the command line, as SOART_COLLECTION or by "
            "soart config, because a project's file must not send your password to other machines."
        )


def _check_no_code(judges: Value, path: Path) -> None:
    from .judges.catalogue import known_judges, names_code

    for judge in judges:
        if names_code(judge):
            names = sorted({PERSON.removesuffix(":"), *(one.name for one in known_judges())})
            raise SoartError(
                f"The settings {str(path)!r} name the judge {judge!r}, which is none of {', '.join(names)}: a project's "
                "file must not name code."
            )


def _check_no_backend(model: Value | None, path: Path) -> None:
    if isinstance(model, str) and backend_address(model) is not None:
        raise SoartError(
            f"The settings {str(path)!r} name a running backend: name it on the command line, as SOART_MODEL or by soart "
            "config, because a project's file must not send requests to other programs."
        )


def _local_models(key: str, value: Value) -> list[str]:
    """Files and folders that a setting names as models."""
    if key not in ("model", "by", "priors"):
        return []
    return local_models([value] if isinstance(value, str) else value, judges=key != "model")


def needs_answer(key: str, setting: Setting) -> bool:
    """True if a value comes from the file of a project and names models on this machine; see ``check_answer``."""
    return (
        setting.value is not None and Path(setting.source).name == PROJECT and bool(_local_models(key, setting.value))
    )


def check_answer(key: str, setting: Setting, ask: Callable[[str], bool] | None) -> None:
    """Ask whether the file of a project may name its local models; called before a value is used.

    Without ``ask``, no one can answer; that, or the answer no, is an error with exit code 2.
    """
    if setting.value is not None and needs_answer(key, setting):
        check_allowed(Path(setting.source), _local_models(key, setting.value), ask)


def _changed(text: str, key: str, value: Value | None) -> str:
    """TOML with another value of a key, or without it; comments and all else stay."""
    wanted = tomllib.loads(text)
    line = ""
    if value is None:
        wanted.pop(key, None)
    else:
        wanted[key] = value
        # Texts of JSON are texts of TOML, except the control character DEL.
        line = f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
    if found := re.search(rf"""^[ \t]*(["']?){key}\1[ \t]*=""", text, re.MULTILINE):
        after = text[found.end() + _length_of_value(text[found.end() :]) :]
        text = text[: found.start()] + (line + after if line else after.partition("\n")[2])
    elif line:
        # A key below a table would belong to it.
        above, table, below = re.split(r"(^[ \t]*\[|\Z)", text, maxsplit=1, flags=re.MULTILINE)
        text = above + ("\n" if above and not above.endswith("\n") else "") + line + "\n" + table + below
    if tomllib.loads(text) != wanted:
        raise SoartError(f"The setting {key!r} is not written as `{key} = VALUE`: change its file in an editor.")
    return text


def _length_of_value(text: str) -> int:
    """Number of characters of the TOML value at the beginning of a text, which only a comment or a new line ends."""
    for end in (found.start() for found in re.finditer(r"(?<=\S)[ \t\r]*(#|$)", text, re.MULTILINE)):
        with suppress(tomllib.TOMLDecodeError):
            tomllib.loads(f"value = {text[:end]}")
            return end
    return 0


def store(path: Path, key: str, value: Value | None) -> None:
    """Set a setting in a file, or remove it with None; comments and all else in it stay."""
    known(key)
    if value is not None:
        value = checked(key, value, "on the command line")
        if path.name == PROJECT:
            _check_project({key: value}, path)
    with _errors_in_sentences(path, "written"):
        content = _changed(read_text(path) if path.exists() else "", key, value)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A user's own may hold a password.
        write_whole(path, content.encode(), private=path.name != PROJECT)
        if path.name == PROJECT and value is not None:
            # The user names them here.
            for model in _local_models(key, value):
                allow(path, model)
