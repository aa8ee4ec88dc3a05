import pytest
from specimens.tuning import SPACE, Liking

from soart.pipelines.tuning.panel import Panel
from soart.pipelines.tuning.tuner import Tuner
from soart.prompts.space.space import PromptSpace


@pytest.fixture
def space():
    return PromptSpace.parse_yaml(SPACE)


@pytest.fixture
def panel():
    return Panel(Liking("blue", "cyan", "azure", "blue"))


@pytest.fixture
def tuner(collection, generator, space, panel):
    return Tuner(collection, generator, space, panel, budget=24, batch=8)
