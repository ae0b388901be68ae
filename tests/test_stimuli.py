"""Stimuli: the same seed gives the same ones, and what is refused."""

import numpy as np
import pytest

from canns.stimuli import (
    binarise,
    corrupt,
    image_patches,
    photographs,
    poisson_spikes,
    random_patterns,
)

# --- binarise ----------------------------------------------------------------------------------------


def test_pixels_brighter_than_the_mean_become_plus_one():
    image = np.arange(16.0).reshape(4, 4)
    assert binarise(image, size=4).tolist() == [-1.0] * 8 + [1.0] * 8


def test_an_image_of_truth_values_with_a_fourth_channel_is_taken():
    diagonal = np.dstack([np.eye(4)] * 4).astype(bool)
    assert binarise(diagonal, size=4).sum() == 4 - 12


def test_an_image_of_one_dimension_is_refused():
    with pytest.raises(ValueError, match="dimensions"):
        binarise(np.ones(5))


def test_an_image_of_no_pixels_is_refused():
    with pytest.raises(ValueError, match="size"):
        binarise(np.ones((5, 5)), size=0)


def test_photographs_are_four_patterns_of_plus_and_minus_one():
    photos = photographs()
    assert photos.shape == (4, 16_384) and set(np.unique(photos)) == {-1.0, 1.0}


# --- random patterns ---------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_patterns():
    np.testing.assert_array_equal(random_patterns(3, 50, seed=5), random_patterns(3, 50, seed=5))


def test_another_seed_gives_other_patterns():
    assert (random_patterns(3, 500, seed=5) != random_patterns(3, 500, seed=6)).any()


def test_patterns_of_correlation_one_are_equal():
    twins = random_patterns(3, 500, correlation=1.0)
    assert (twins[0] == twins[1]).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("activity", 0.0),
        ("activity", 1.0),
        ("correlation", -0.1),
        ("correlation", 1.1),
        ("num_patterns", 0),
        ("num_neurons", 0),
    ],
)
def test_random_patterns_refuse_a_number_outside_its_range(name, value):
    with pytest.raises(ValueError, match=name):
        random_patterns(**{"num_patterns": 2, "num_neurons": 5, name: value})


# --- damage ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flipped():
    """Where 30 per cent damage flips the four photographs."""
    photos = photographs()
    return corrupt(photos, 0.3, seed=4) != photos


def test_every_row_loses_the_same_share_of_its_pixels(flipped):
    assert (flipped.sum(axis=1) == 4915).all()


def test_every_row_is_damaged_in_places_of_its_own(flipped):
    assert len(set(map(bytes, flipped))) == 4


def test_a_share_above_one_is_refused():
    with pytest.raises(ValueError, match="noise_level"):
        corrupt(np.ones((4, 9)), 1.2)


@pytest.mark.parametrize("pattern", [np.zeros(5), [1.0, np.nan]], ids=["zeros", "nan"])
def test_only_patterns_of_plus_and_minus_one_can_be_damaged(pattern):
    with pytest.raises(ValueError, match=r"\+1 and -1"):
        corrupt(pattern)


# --- spikes ------------------------------------------------------------------------------------------


def test_every_neuron_has_a_rate_of_its_own():
    spikes = poisson_spikes(np.array([0.0, 1000.0]), 50, 2)
    assert spikes.mean(axis=0).tolist() == [0, 1]


def test_spikes_follow_a_rate_that_changes_in_time():
    wave = 50 * (1 + np.sin(np.arange(20_000) / 100))[:, None]
    spikes = poisson_spikes(wave, 20_000, 40, seed=2)
    correlation = np.corrcoef(spikes.mean(axis=1), wave[:, 0])[0, 1]
    np.testing.assert_allclose(correlation, 1, atol=0.35)


@pytest.mark.parametrize("rate", [-1.0, 2000.0, np.nan])
def test_a_rate_that_no_step_can_hold_is_refused(rate):
    with pytest.raises(ValueError, match="rates"):
        poisson_spikes(rate, 5, 5)


def test_a_step_of_no_length_is_refused():
    with pytest.raises(ValueError, match="dt"):
        poisson_spikes(5.0, 5, 5, dt=0.0)


# --- patches of images -------------------------------------------------------------------------------


def test_patches_are_rows_of_single_precision():
    patches = image_patches(20, 24)
    assert patches.shape == (20, 576) and patches.dtype == np.float32


def test_the_same_seed_gives_the_same_patches():
    np.testing.assert_array_equal(image_patches(30, seed=4), image_patches(30, seed=4))


def test_another_seed_gives_other_patches():
    assert (image_patches(30, seed=4) != image_patches(30, seed=5)).any()


@pytest.mark.parametrize("wrong", [(0,), (5, 0), (5, 300)])
def test_patches_of_no_number_or_of_a_wrong_size_are_refused(wrong):
    with pytest.raises(ValueError, match="patch"):
        image_patches(*wrong)
