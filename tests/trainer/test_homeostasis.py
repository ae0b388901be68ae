"""Homeostatic rules against plain loops, alone and after Hebb's rule, and what they refuse."""

import jax
import numpy as np
import pytest
from scipy.optimize import brentq

from canns.models.brain_inspired import AmariHopfieldNetwork, LinearLayer, ThresholdLayer
from canns.trainer import (
    IntrinsicTrainer,
    MultiplicativeNormalizationTrainer,
    ScalingTrainer,
    SubtractiveNormalizationTrainer,
    hebbian_update,
    multiplicative_normalization,
    subtractive_normalization,
)

RNG = np.random.default_rng(0)
SAMPLES = RNG.uniform(0, 1, (60, 5))
START = RNG.uniform(0.1, 0.6, (3, 5))
TARGET = np.array([0.5, 1.0, 2.0])


def threshold_layer():
    layer = ThresholdLayer(5, 3, threshold=0.2)
    layer.W.value = START
    return layer


def linear_layer():
    layer = LinearLayer(5, 3)
    layer.W.value = START
    return layer


def test_scaling_is_that_of_a_plain_loop():
    layer = threshold_layer()
    ScalingTrainer(layer, 0.05, TARGET, 7.0).train(SAMPLES, epochs=2)
    W, r = START.copy(), TARGET.copy()
    for x in np.tile(SAMPLES, (2, 1)):
        for i in range(3):
            y = max(W[i] @ x - 0.2, 0)
            r[i] += (y - r[i]) / 7
            W[i] *= np.exp(0.05 * (TARGET[i] - r[i]))
    np.testing.assert_allclose(layer.W.value, W, rtol=1e-4)


def test_thresholds_move_as_in_a_plain_loop_and_weights_stay():
    layer = threshold_layer()
    rates = (0.05, 0.0, 0.1)
    IntrinsicTrainer(layer, np.array(rates)[:, None], TARGET, 7.0).train(SAMPLES)
    theta, r = np.full(3, 0.2), TARGET.copy()
    for x in SAMPLES:
        for i in range(3):
            y = max(START[i] @ x - theta[i], 0)
            r[i] += (y - r[i]) / 7
            theta[i] += rates[i] * (r[i] - TARGET[i])
    np.testing.assert_allclose(layer.threshold.value, theta, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(layer.W.value, START.astype(np.float32))


def divided(W):
    return W * (TARGET / W.sum(axis=1))[:, None]


def subtracted(W):
    """The bounds are 0 and 1; a root finder tells how much each neuron must take away."""
    rows = []
    for w, total in zip(W, TARGET, strict=True):

        def surplus(s, w=w, total=total):
            return np.clip(w - s, 0, 1).sum() - total

        rows.append(np.clip(w - brentq(surplus, w.min() - 1, w.max()), 0, 1))
    return np.stack(rows)


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize(
    ("rule", "brought_back"),
    [(MultiplicativeNormalizationTrainer, divided), (SubtractiveNormalizationTrainer, subtracted)],
    ids=["division", "subtraction"],
)
def test_a_brake_after_each_step_of_hebb_is_that_of_a_plain_loop(rule, brought_back, share):
    layer = linear_layer()
    brake = rule(layer, share, total=TARGET)
    W = START.copy()
    for x in SAMPLES:
        layer.W.value = hebbian_update(layer.W.value, x, layer.forward(x), 0.05)
        brake.train(x[None])
        W = W + 0.05 * np.outer(W @ x, x)
        W = (1 - share) * W + share * brought_back(W)
    np.testing.assert_allclose(layer.W.value, W, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "rule", [ScalingTrainer, IntrinsicTrainer, SubtractiveNormalizationTrainer]
)
def test_uncompiled_learning_is_the_compiled_one(rule):
    compiled, uncompiled = threshold_layer(), threshold_layer()
    rule(compiled, 0.1, TARGET).train(SAMPLES[:2])
    rule(uncompiled, 0.1, TARGET, use_compile=False).train(SAMPLES[:2])
    np.testing.assert_allclose(compiled.W.value, uncompiled.W.value, rtol=1e-6)
    np.testing.assert_allclose(compiled.threshold.value, uncompiled.threshold.value, rtol=1e-6)


def test_a_second_call_carries_on_where_the_first_stopped():
    ends = []
    for cuts in ([], [20]):
        layer = linear_layer()
        trainer = ScalingTrainer(layer, 0.05, TARGET)
        for part in np.split(SAMPLES, cuts):
            trainer.train(part, reset=False)
        ends.append(layer.W.value)
    np.testing.assert_array_equal(*ends)


def test_a_reset_brings_the_mean_rate_to_the_target():
    trainer = ScalingTrainer(linear_layer(), 0.05, TARGET)
    trainer.train(SAMPLES)
    trainer.reset()
    np.testing.assert_array_equal(trainer.rate.value, TARGET.astype(np.float32))


def test_a_network_that_settles_is_scaled_by_the_patterns_imposed_on_it():
    network = AmariHopfieldNetwork(6)
    network.W.value = np.ones((6, 6)) - np.eye(6)
    ScalingTrainer(network, 0.1, target=2.0, tau=1.0).train(np.ones((3, 6)))
    expected = np.exp(0.3) * (np.ones((6, 6)) - np.eye(6))
    np.testing.assert_allclose(np.asarray(network.W.value), expected, rtol=1e-6)


def test_division_leaves_a_row_without_weights_at_zero():
    assert not multiplicative_normalization(np.array([[0.0, -1.0]])).any()


def test_subtraction_takes_rows_without_weights():
    assert np.isfinite(subtractive_normalization(np.zeros((2, 4)))).all()


def test_subtraction_can_be_mapped_over_many_matrices():
    many = np.random.default_rng(1).uniform(-1, 2, (4, 3, 5))
    stacked = jax.vmap(lambda W: subtractive_normalization(W, TARGET))(many)
    np.testing.assert_allclose(stacked.sum(axis=2), np.tile(TARGET, (4, 1)), rtol=1e-5)
    assert stacked.min() >= 0
    assert stacked.max() <= 1


@pytest.mark.parametrize(
    ("rule", "layer", "options", "error", "words"),
    [
        (ScalingTrainer, LinearLayer, {"target": 0.0}, ValueError, "target"),
        (ScalingTrainer, LinearLayer, {"target": -1.0}, ValueError, "target"),
        (ScalingTrainer, LinearLayer, {"target": np.nan}, ValueError, "target"),
        (ScalingTrainer, LinearLayer, {"target": [1.0, 2.0]}, ValueError, "target"),
        (ScalingTrainer, LinearLayer, {"tau": 0.5}, ValueError, "tau"),
        (ScalingTrainer, LinearLayer, {"tau": np.inf}, ValueError, "tau"),
        (ScalingTrainer, LinearLayer, {"learning_rate": np.nan}, ValueError, "learning_rate"),
        (IntrinsicTrainer, LinearLayer, {}, TypeError, "threshold"),
        (IntrinsicTrainer, ThresholdLayer, {"tau": 0.0}, ValueError, "tau"),
        (MultiplicativeNormalizationTrainer, LinearLayer, {"total": 0.0}, ValueError, "total"),
        (
            MultiplicativeNormalizationTrainer,
            LinearLayer,
            {"total": np.ones(5)},
            ValueError,
            "total",
        ),
        (SubtractiveNormalizationTrainer, LinearLayer, {"total": 6.0}, ValueError, "total"),
        (SubtractiveNormalizationTrainer, LinearLayer, {"w_min": 1.0}, ValueError, "w_min"),
        (SubtractiveNormalizationTrainer, LinearLayer, {"w_max": np.inf}, ValueError, "w_max"),
    ],
)
def test_numbers_out_of_range_and_models_that_do_not_fit_are_refused(
    rule, layer, options, error, words
):
    with pytest.raises(error, match=words):
        rule(layer(5, 3), **options)


@pytest.mark.parametrize(
    ("name", "value"),
    [("target", -1.0), ("target", [1.0, 2.0]), ("tau", 0.5), ("learning_rate", np.inf)],
)
def test_a_number_that_makes_no_sense_cannot_be_assigned(name, value):
    trainer = ScalingTrainer(linear_layer(), target=TARGET)
    before = getattr(trainer, name)
    with pytest.raises(ValueError, match=name):
        setattr(trainer, name, value)
    np.testing.assert_array_equal(getattr(trainer, name), before)


@pytest.mark.parametrize(
    ("rule", "numbers"),
    [
        (ScalingTrainer, {"learning_rate": 0.05, "target": TARGET, "tau": 7.0}),
        (IntrinsicTrainer, {"learning_rate": 0.05, "target": TARGET, "tau": 7.0}),
        (MultiplicativeNormalizationTrainer, {"learning_rate": 0.3, "total": TARGET}),
        (
            SubtractiveNormalizationTrainer,
            {"learning_rate": 0.3, "total": TARGET, "w_min": -0.1, "w_max": 0.7},
        ),
    ],
)
def test_other_numbers_compile_nothing_again_and_count(compilations, rule, numbers):
    trainer = rule(threshold_layer())
    trainer.train(SAMPLES)
    compilations.new()
    trainer.model.W.value = START
    trainer.model.threshold.value = np.full(3, 0.2)
    for name, value in numbers.items():
        setattr(trainer, name, value)
    trainer.train(SAMPLES)
    assert not compilations.new()
    again = rule(threshold_layer(), **numbers)
    again.train(SAMPLES)
    for box in ("W", "threshold"):
        pair = (getattr(model, box).value for model in (trainer.model, again.model))
        np.testing.assert_array_equal(*pair)


def test_a_budget_that_no_longer_fits_the_bounds_is_refused_before_learning():
    trainer = SubtractiveNormalizationTrainer(linear_layer(), total=2.0)
    trainer.w_max = 0.3
    before = np.asarray(trainer.model.W.value)
    with pytest.raises(ValueError, match=r"w_max=0.3.*total=2.0"):
        trainer.train(SAMPLES)
    np.testing.assert_array_equal(trainer.model.W.value, before)


def test_intrinsic_plasticity_wants_nothing_of_the_weights():
    trainer = IntrinsicTrainer(threshold_layer(), 0.1, TARGET)
    change = trainer.change(START, SAMPLES[0], np.ones(3))
    assert change.shape == START.shape
    assert not change.any()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(SAMPLES, "learning_rate", id="a learning rate for each input"),
        pytest.param([[1.0, 2.0]], r"\(2,\)", id="samples of another length"),
    ],
)
def test_a_call_that_is_refused_changes_nothing(data, words):
    layer = ThresholdLayer(5, 3)
    weights, threshold = np.asarray(layer.W.value), np.asarray(layer.threshold.value)
    with pytest.raises(ValueError, match=words):
        IntrinsicTrainer(layer, np.full((1, 5), 0.1)).train(data)
    np.testing.assert_array_equal(layer.W.value, weights)
    np.testing.assert_array_equal(layer.threshold.value, threshold)
