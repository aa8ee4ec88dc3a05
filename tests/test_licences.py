"""The page of licences names what is copyleft, and pyproject.toml says which extras install code under the GPL."""

import importlib.util
import re
import tomllib
from importlib.metadata import Distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("licences", ROOT / ".ci" / "licences.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def package(folder, name, lines, files=()):
    place = folder / f"{name}-1.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1", *lines]) + "\n")
    (place / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    return Distribution.at(place)


@pytest.mark.parametrize(
    ("lines", "files", "words"),
    [
        (["License-Expression: GPL-3.0-or-later"], [], ["GPL-3.0-or-later"]),
        (["License: BSD"], ["a.libs/libx265-1.so"], ["libx265 inside: GPL-2.0"]),
        (["License-Expression: MIT"], ["a/b.py"], []),
        (["License-Expression: MPL-2.0 AND MIT"], [], ["MPL-2.0 AND MIT"]),
        (["License-Expression: GPL-2.0-only OR MIT"], [], []),
        (["Classifier: License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"], [], ["GNU Lesser General Public License v3 (LGPLv3)"]),
        ([], [], ["names no licence"]),
    ],
)  # fmt: skip
def test_copyleft_is_named(script, tmp_path, lines, files, words):
    assert script.stricter(package(tmp_path, "some", lines, files)) == words


def test_every_extra_has_its_row_and_those_with_code_under_the_gpl_say_so():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    rows = dict(
        re.findall(
            r"^\| extra `(\w+)`[^|]*\|[^|]*\| (.*) \|$", (ROOT / "docs" / "licences.md").read_text("utf-8"), re.M
        )
    )
    assert set(rows) == set(extras)
    for extra in set(extras) - {"dev", "bench", "docs"}:
        comment = re.search(rf"^# (.*)\n{extra} = \[", text, re.M)[1]
        assert ("GPL" in comment) == bool(re.search(r"(?<!L)GPL|LGPL-3.0-only|LGPLv3", rows[extra])), extra
