import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from soart.errors import ItemsError
from soart.metrics.similarity.outliers import SampleOverview, outlier_limit


def cloud(n, seed=0, p=120):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 12)) @ rng.normal(size=(12, p)) + rng.normal(size=(n, p))


@pytest.mark.parametrize("n", [12, 40, 300])
def test_members_lie_near_one_and_none_is_an_outlier(n):
    items = cloud(n)
    overview = SampleOverview.of(items)
    distance = overview.distances(items)
    assert 0.8 < distance.mean() < 1.2
    assert (distance > outlier_limit(distance)).sum() <= 0.02 * n


@pytest.mark.parametrize("along", ["axes", "rest"])
def test_planted_outliers_are_found(along):
    items = cloud(200)
    rng = np.random.default_rng(1)
    inside = rng.normal(size=12) @ np.linalg.svd(cloud(200), full_matrices=False)[2][:12]
    items[:3] += 40 * inside if along == "axes" else 6 * rng.normal(size=items.shape[1])
    distance = SampleOverview.of(items).distances(items)
    assert set(np.flatnonzero(distance > outlier_limit(distance))) >= {0, 1, 2}


def test_distances_do_not_depend_on_units():
    items = cloud(60)
    stretched = items * np.geomspace(1e-3, 1e3, items.shape[1]) + 5
    assert SampleOverview.of(items).distances(items) == pytest.approx(
        SampleOverview.of(stretched).distances(stretched), rel=1e-6
    )


@pytest.mark.parametrize("items", [np.zeros((1, 5)), np.zeros((40, 5)), np.tile(np.arange(5.0), (40, 1)), cloud(3)])
def test_few_or_equal_pictures_have_no_outliers(items):
    overview = SampleOverview.of(items)
    distance = overview.distances(items)
    assert not (distance > outlier_limit(distance)).any() if np.isfinite(distance).all() else overview.unit is None


@pytest.mark.parametrize("items", [np.zeros((0, 5)), np.zeros(5), np.full((3, 5), np.nan)])
def test_nothing_to_learn_from_is_refused(items):
    with pytest.raises(ItemsError, match="at least one picture"):
        SampleOverview.of(items)


def test_axes_do_not_depend_on_the_number_of_threads():
    items, found = np.random.default_rng(0).normal(size=(400, 300)), []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(SampleOverview.of(items).axes.tobytes())
    assert found[0] == found[1]
