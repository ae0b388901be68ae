"""The covariance rule against its formula, in portions and at once, and what it refuses."""

import numpy as np
import pytest

from canns.models.brain_inspired import AmariHopfieldNetwork, LinearLayer
from canns.stimuli import random_patterns
from canns.trainer import CovarianceTrainer, covariance_update, sparse_threshold
from canns.weights import OuterProducts

PATTERNS = random_patterns(12, 100, activity=0.05)
ETA = (PATTERNS.astype(float) + 1) / 2 - 0.05
WEIGHTS = ETA.T @ ETA / (100 * 0.05 * 0.95) * (1 - np.eye(100))


@pytest.mark.parametrize(
    ("use_compile", "portions", "dense"),
    [
        pytest.param(True, [12], False, id="at once"),
        pytest.param(True, [5, 7], True, id="in portions, dense"),
        pytest.param(False, [5, 7], False, id="in portions, uncompiled"),
    ],
)
def test_weights_and_thresholds_are_those_of_the_formula(use_compile, portions, dense):
    model = AmariHopfieldNetwork(100)
    if dense:
        model.W.value = np.zeros((100, 100))
    trainer = CovarianceTrainer(model, 0.05, use_compile=use_compile)
    for portion in np.split(PATTERNS, np.cumsum(portions)[:-1]):
        trainer.train(list(portion))
    best = 0.45 + 0.12 * 0.05 * 0.95 * np.log(19)  # at the load of 12 in 100
    np.testing.assert_allclose(model.W.value, WEIGHTS, atol=2e-5)
    np.testing.assert_allclose(model.threshold, 2 * best - 0.9 * WEIGHTS.sum(axis=1), atol=1e-4)
    assert isinstance(model.W.value, OuterProducts) != dense


@pytest.fixture(scope="module")
def given():
    """A trainer with a threshold of one's own; no test may change it."""
    trainer = CovarianceTrainer(AmariHopfieldNetwork(100), 0.05, threshold=0.6)
    trainer.train(PATTERNS)
    return trainer


def test_a_threshold_that_is_given_is_used(given):
    expected = 1.2 - 0.9 * WEIGHTS.sum(axis=1)
    np.testing.assert_allclose(given.model.threshold, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        pytest.param(np.ones(100), ValueError, "list", id="not in a list"),
        pytest.param(np.ones((2, 99)), ValueError, r"\(99,\)", id="another length"),
        pytest.param([], ValueError, "empty", id="empty"),
        pytest.param(np.full((1, 100), np.nan), ValueError, "nan", id="nan"),
        pytest.param(np.zeros((1, 100)), ValueError, r"0\.0", id="zeros"),
        pytest.param([["x"] * 100], TypeError, "numbers", id="text"),
        pytest.param(None, TypeError, "NoneType", id="nothing"),
    ],
)
def test_bad_patterns_are_refused_and_nothing_changes(given, bad, error, words):
    weights, threshold = np.asarray(given.model.W.value), np.asarray(given.model.threshold)
    with pytest.raises(error, match=words):
        given.train(bad)
    np.testing.assert_array_equal(given.model.W.value, weights)
    np.testing.assert_array_equal(given.model.threshold, threshold)
    assert given.num_stored == 12


@pytest.mark.parametrize("activity", [0, 1, -0.1, 1.5, np.nan, [0.5, 1.0]], ids=str)
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda f: CovarianceTrainer(AmariHopfieldNetwork(9), f), id="trainer"),
        pytest.param(
            lambda f: covariance_update(np.zeros((9, 9)), np.ones(9), f), id="covariance_update"
        ),
        pytest.param(sparse_threshold, id="sparse_threshold"),
    ],
)
def test_an_activity_that_is_no_probability_is_refused(call, activity):
    with pytest.raises(ValueError, match="between 0 and 1"):
        call(activity)


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="threshold"):
        CovarianceTrainer(AmariHopfieldNetwork(9), 0.1, np.nan)


def test_a_model_without_thresholds_is_refused():
    with pytest.raises(TypeError, match="threshold"):
        CovarianceTrainer(LinearLayer(9, 9), 0.1)


def test_a_load_below_zero_is_refused():
    with pytest.raises(ValueError, match="load"):
        sparse_threshold(0.1, load=-1)


def test_activities_for_another_number_of_neurons_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\)"):
        CovarianceTrainer(AmariHopfieldNetwork(9), [0.1, 0.2])


def test_graded_patterns_are_refused():
    trainer = CovarianceTrainer(AmariHopfieldNetwork(9, activation="tanh"), 0.1)
    with pytest.raises(ValueError, match=r"0\.5"):
        trainer.train(np.full((1, 9), 0.5))


def test_few_programs_are_enough_for_many_networks_and_many_patterns(compilations):
    x = random_patterns(60, 150, activity=0.1, seed=6)
    CovarianceTrainer(AmariHopfieldNetwork(150), 0.1).train(x)
    compilations.new()
    for activity in np.linspace(0.05, 0.5, 20):
        CovarianceTrainer(AmariHopfieldNetwork(150), activity, threshold=activity).train(x)
    assert compilations.new() == []
    trainer = CovarianceTrainer(AmariHopfieldNetwork(150), 0.1)
    for pattern in x:
        trainer.train([pattern])
    assert len(compilations.new()) <= 5
