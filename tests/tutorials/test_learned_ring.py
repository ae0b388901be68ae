"""The ring that learns itself: connections in another form, and the answers to the exercises."""

import numpy as np
import pytest

from canns.models.basic import CANN1D
from canns.models.basic.cann1d import bump_heights, critical_inhibition
from canns.trainer import HebbianTrainer
from canns.weights import OuterProducts

N, REACH, J0 = 128, 0.5, 4.0
RHO = N / (2 * np.pi)
RATE = 2 * J0 / REACH**2
PLACES = -np.pi + 2 * np.pi * (np.arange(64) + 0.5) / 64


@pytest.fixture
def ring():
    """A ring without connections."""
    ring = CANN1D(N, k=critical_inhibition(REACH, J0, RHO) / 2, a=REACH, J0=J0)
    ring.W.value = np.zeros((N, N))
    return ring


def bumps(ring, places):
    d = ring.dist(ring.x - np.asarray(places)[:, None])
    return np.exp(-(d**2) / REACH**2)


def evenly(number):
    """A random place in each of many equal arcs, in random order."""
    rng = np.random.default_rng(0)
    arcs = rng.permutation(number) + rng.random(number)
    return 2 * np.pi * arcs / number - np.pi


def learned(ring, places, **options):
    trainer = HebbianTrainer(ring, learning_rate=RATE, **options)
    trainer.train(bumps(ring, places))
    return trainer


def height(ring):
    """Of a bump on the ring written by hand."""
    return bump_heights(ring.k, REACH, J0, RHO)[-1]


def left_alone(trainer, steps):
    """Activity that starts as a bump at each of 64 places, later, and how far the bumps moved."""
    ring = trainer.model
    starts = height(ring) / ring.A * ring.get_stimulus_by_pos(PLACES)
    ends = trainer.predict_batch(starts, num_iter=steps, tolerance=0)
    moved = np.abs(ring.dist(np.asarray(ring.decode(ends), float) - PLACES)) / ring.dx
    return np.asarray(ends), moved


def test_a_ring_of_outer_products_does_what_a_dense_one_does(ring):
    dense = left_alone(learned(ring, evenly(50), zero_diagonal=False), 200)[0]
    ring.W.value = OuterProducts.zeros(N)
    structured = left_alone(learned(ring, evenly(50), zero_diagonal=False), 200)[0]
    assert isinstance(ring.W.value, OuterProducts)
    np.testing.assert_allclose(structured, dense, atol=1e-3 * height(ring))


@pytest.mark.parametrize(("count", "rests"), [(10, False), (12, True)])
def test_twelve_bumps_at_equal_distances_are_enough_and_ten_are_not(ring, count, rests):
    trainer = learned(ring, np.arange(count) * 2 * np.pi / count - np.pi, zero_diagonal=False)
    moved = left_alone(trainer, 1000)[1]
    assert (moved.max() < 1) == rests


def test_without_a_diagonal_the_bump_rests_a_tenth_lower(ring):
    ends, moved = left_alone(learned(ring, evenly(2000)), 1000)
    assert moved.max() < 1
    assert np.abs(ends.max(axis=1) / height(ring) - 0.906).max() < 0.01


def test_the_diagonal_holds_four_hundredths_of_all_connections():
    by_hand = np.asarray(CANN1D(N, a=REACH, J0=J0).conn_mat)
    assert abs(by_hand[0, 0] / by_hand[0].sum() - 0.039) < 5e-4


def test_a_ring_that_learns_from_a_ring_reaches_wider_by_the_root_of_two(ring):
    places = np.linspace(-np.pi, np.pi, 500)[:-1, None]
    rates = np.exp(-(ring.dist(ring.x - places) ** 2) / 0.5)
    kernel = (rates.T @ rates)[0]
    expected = np.exp(-(ring.dist(ring.x - ring.x[0]) ** 2))
    np.testing.assert_allclose(kernel / kernel[0], expected, atol=1e-3)
