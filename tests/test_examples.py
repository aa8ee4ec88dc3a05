"""The examples in the docstrings of all public names run, and every public name has one."""

import doctest
import time

import pytest

import soart
import soart.metrics

PUBLIC = {
    "soart.metrics": soart.metrics,
    **{name: getattr(soart.metrics, name) for name in soart.metrics.__all__},
    **{name: getattr(soart, name) for name in soart.__all__ if name != "__version__"},
}


def examples_of(name):
    """Doctests in the docstrings of a public name and of its methods; they have to import what they use."""
    found = doctest.DocTestFinder().find(PUBLIC[name], name, globs={})
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tests = examples_of(name)
    assert any(test.name == name for test in tests), "the docstring of a public name needs an example"
    started = time.perf_counter()
    for test in tests:
        printed = []
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=printed.append)
        assert result.failed == 0, "".join(printed)
    assert time.perf_counter() - started < 20, "an example should take less than a second"
