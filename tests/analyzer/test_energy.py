"""Energies of what is stored and found, the map between two memories, and what they refuse."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from canns.analyzer import energy_levels, landscape, place_on_map, plot_energy
from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.trainer import HebbianTrainer


@pytest.fixture(scope="module")
def tried():
    """Thirty random states of 40 neurons."""
    return np.random.default_rng(1).choice([-1.0, 1.0], (30, 40))


@pytest.fixture(scope="module")
def bent():
    """A network of 40 neurons with six memories and a threshold of 0.3."""
    xi = np.random.default_rng(2).choice([-1.0, 1.0], (6, 40))
    W = xi.T @ xi / 40
    np.fill_diagonal(W, 0)
    model = AmariHopfieldNetwork(40, threshold=0.3)
    model.W.value = W
    return model


@pytest.fixture(scope="module")
def sheet(bent, tried):
    return landscape(bent, tried[0], tried[1], resolution=5)


@pytest.fixture
def trainer(tried):
    """Of an asynchronous network that stores three of the states."""
    trainer = HebbianTrainer(AmariHopfieldNetwork(40, asyn=True))
    trainer.train(tried[:3])
    return trainer


@pytest.fixture
def axes():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def test_the_place_on_the_map_is_that_of_least_squares(tried):
    first, second = tried[0], tried[1]
    places = place_on_map(tried, first, second)
    plane = np.stack([first, second])
    np.testing.assert_allclose(places, np.linalg.lstsq(plane.T, tried.T)[0].T, atol=1e-5)
    assert (np.abs(places).sum(axis=1) <= 1 + 1e-6).all()
    corners = place_on_map(np.stack([first, -second]), first, second)
    assert corners.round(6).tolist() == [[1, 0], [0, -1]]


@pytest.mark.parametrize(("column", "sign"), [(4, 1), (0, -1)], ids=["first", "its negative"])
def test_a_corner_of_the_map_is_the_energy_of_its_pattern_with_thresholds(
    bent, tried, sheet, column, sign
):
    s = sign * tried[0]
    energy = -0.5 * s @ np.asarray(bent.W.value, float) @ s + 0.3 * s.sum()
    assert np.isclose(sheet.energy[2, column], energy / 40, rtol=1e-4)


def test_a_trainer_has_the_energy_levels_of_its_model(trainer, tried):
    levels = energy_levels(trainer, tried[:3], 10)
    np.testing.assert_array_equal(levels.found, energy_levels(trainer.model, tried[:3], 10).found)


def test_another_seed_finds_other_energies(trainer, tried):
    one, other = (energy_levels(trainer.model, tried[:3], 10, seed=seed) for seed in (0, 1))
    assert not np.array_equal(one.found, other.found)


def test_energy_levels_leave_activity_and_history_as_they_were(trainer, tried):
    before, history = trainer.model.s.value, trainer.history
    energy_levels(trainer, tried[:3], 10)
    assert trainer.model.s.value is before
    assert trainer.history is history


def test_no_more_states_are_sorted_than_random_starts_were_made(trainer, tried):
    levels = energy_levels(trainer, tried[:3], 10)
    assert levels.of("memory").size + levels.of("negative").size <= 10
    assert "stored" in repr(levels)


def test_energy_levels_are_drawn_on_the_axes_given(trainer, tried, axes):
    assert energy_levels(trainer, tried[:3], 10).plot(axes) is axes


def test_a_landscape_is_drawn_on_the_axes_given(sheet, axes):
    assert sheet.plot(axes) is axes


def test_the_energy_of_a_single_recall_is_drawn_on_the_axes_given(trainer, tried, axes):
    trainer.predict(tried[0])
    assert plot_energy(trainer.history, axes) is axes


@pytest.mark.parametrize(
    "question",
    [
        lambda model, xi: energy_levels(model, xi[:3]),
        lambda model, xi: landscape(model, xi[0], xi[1]),
    ],
    ids=["levels", "landscape"],
)
def test_a_model_that_never_learned_is_refused(tried, question):
    with pytest.raises(ValueError, match="train first"):
        question(AmariHopfieldNetwork(40), tried)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (lambda model, xi: energy_levels(model, xi[:3, 1:]), "(40,)"),
        (lambda model, xi: energy_levels(model, 0.5 * xi[:3]), "+1 and -1"),
        (lambda model, xi: energy_levels(model, xi[:3], 0), "num_starts"),
        (lambda model, xi: energy_levels(model, xi[:3], seed=-1), "seed"),
        (lambda model, xi: landscape(model, xi[0], xi[1, 1:]), "(40,)"),
        (lambda model, xi: landscape(model, xi[0], xi[1], resolution=2), "resolution"),
        (lambda model, xi: place_on_map(xi[0, 1:], xi[0], xi[1]), "(39,)"),
    ],
)
def test_what_does_not_fit_is_refused(bent, tried, question, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        question(bent, tried)


@pytest.mark.parametrize("sign", [1, -1])
def test_equal_or_opposite_patterns_span_no_map(bent, tried, sign):
    with pytest.raises(ValueError, match="equal or opposite"):
        landscape(bent, tried[0], sign * tried[0])


def test_numbers_without_a_record_are_not_drawn():
    with pytest.raises(TypeError, match="RecallHistory"):
        plot_energy([1.0, 2.0])
