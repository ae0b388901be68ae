"""Layers of linear and of threshold neurons: their random weights, and what they refuse."""

import numpy as np
import pytest

from canns.models.brain_inspired import LinearLayer, ThresholdLayer
from canns.state import boxes, lift, per_model, put, values_of


def weights(seed):
    return LinearLayer(40, 30, seed=seed, weight_scale=0.5).W.value


def test_the_same_seed_gives_the_same_weights():
    assert (weights(1) == weights(1)).all()


def test_another_seed_gives_other_weights():
    assert not (weights(1) == weights(2)).all()


def test_the_weight_scale_is_the_spread_of_the_weights():
    assert abs(np.std(weights(1)) - 0.5) < 0.05


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_size", 0),
        ("output_size", 2.5),
        ("threshold_tau", 0.0),
        ("threshold_tau", -5.0),
        ("threshold_power", 0.0),
        ("weight_scale", -1.0),
    ],
)
def test_a_linear_layer_refuses_a_number_outside_its_range(name, value):
    with pytest.raises(ValueError, match=name):
        LinearLayer(**{"input_size": 3, "output_size": 2, name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("threshold", np.nan), ("threshold", np.inf), ("weight_scale", -1.0)]
)
def test_a_threshold_layer_refuses_a_number_outside_its_range(name, value):
    with pytest.raises(ValueError, match=name):
        ThresholdLayer(3, 2, **{name: value})


# --- answers -----------------------------------------------------------------------------------------


def with_weights(layer, W):
    layer.W.value = W
    return layer


def test_the_answer_is_the_weighted_sum_and_the_input_is_kept():
    layer = with_weights(LinearLayer(3, 2), [[1.0, 2.0, 3.0], [0.0, 1.0, -1.0]])
    assert layer.forward([0.5, 0.25, 0.125]).tolist() == [0.5 + 0.5 + 0.375, 0.25 - 0.125]
    assert layer.x.value.tolist() == [0.5, 0.25, 0.125]


def test_a_rectified_answer_is_never_below_zero():
    layer = with_weights(LinearLayer(1, 2, rectify=True), [[2.0], [-2.0]])
    assert layer.forward([1.5]).tolist() == [3.0, 0.0]


def test_a_threshold_neuron_answers_with_what_exceeds_its_threshold_and_keeps_it():
    layer = with_weights(ThresholdLayer(2, 3, threshold=1.0), [[1.0, 1.0], [2.0, 0.5], [4.0, -1.0]])
    layer.threshold.value = [1.0, 1.0, -0.5]
    assert layer.forward([0.25, 0.5]).tolist() == [0.0, 0.0, 1.0]
    assert layer.forward([0.5, 1.0]).tolist() == [0.5, 0.5, 1.5]
    layer.init_state()
    assert not layer.y.value.any() and layer.threshold.value.tolist() == [1.0, 1.0, -0.5]


def test_each_threshold_may_be_another():
    assert ThresholdLayer(2, 3, threshold=[1, 2, 3]).threshold.value.tolist() == [1, 2, 3]


def test_two_linear_layers_are_one():
    first, second = LinearLayer(5, 4, seed=1), LinearLayer(4, 3, seed=2)
    x = np.random.default_rng(0).normal(size=5)
    one = (second.W.value @ first.W.value) @ x
    np.testing.assert_allclose(second.forward(first.forward(x)), one, rtol=1e-4, atol=1e-8)


# --- sliding thresholds ------------------------------------------------------------------------------


def always_three(steps=50, **options):
    """A layer whose one neuron has answered 3 so many times."""
    layer = with_weights(LinearLayer(3, 1, use_bcm_threshold=True, **options), [[1.0, 2.0, 0.0]])
    for _ in range(steps):
        layer.forward([1.0, 1.0, 1.0])
        layer.update_threshold()
    return layer


def test_a_threshold_slides_to_the_square_of_the_answer():
    theta = always_three(threshold_tau=10.0).theta.value
    np.testing.assert_allclose(theta, 9 + (0.1 - 9) * 0.9**50, rtol=1e-5)


def test_time_constant_and_power_can_be_changed():
    layer = always_three(steps=0)
    layer.threshold_tau, layer.threshold_power = 1.0, 3.0
    layer.forward([1.0, 1.0, 1.0])
    layer.update_threshold()
    np.testing.assert_allclose(layer.theta.value, 27, rtol=1e-6)
    with pytest.raises(ValueError, match="threshold_tau"):
        layer.threshold_tau = 0.5
    assert layer.threshold_tau == 1.0


@per_model
def one_step(layer, values):
    def step():
        layer.forward(layer.x.value)
        layer.update_threshold()

    return lift(step, boxes(layer))(values)[0]


def test_a_hundred_time_constants_are_one_program(compilations):
    layer = always_three(steps=1)
    one_step(layer, values_of(boxes(layer)))
    compilations.new()
    for tau in np.linspace(1, 50, 100):
        layer.threshold_tau, layer.threshold_power = tau, 1 + tau / 50
        put(boxes(layer), one_step(layer, values_of(boxes(layer))))
    assert compilations.new() == []


def test_a_layer_that_grows_keeps_what_it_has_learned():
    layer = always_three()
    layer.resize(5, 2)
    assert layer.W.value[0].tolist() == [1, 2, 0, 0, 0] and not layer.W.value[1].any()
    assert layer.theta.shape == (2,) and layer.theta.value[1] == np.float32(0.1)
    assert (layer.input_size, layer.output_size) == (5, 2)
    assert layer.forward(np.ones(5)).shape == (2,)


def test_a_layer_that_starts_anew_keeps_nothing():
    layer = always_three()
    layer.resize(4, preserve_submatrix=False)
    assert layer.W.shape == (1, 4) and not layer.W.value.any()
    assert layer.theta.value.tolist() == [np.float32(0.1)]


# --- what is refused ---------------------------------------------------------------------------------


def test_an_input_of_another_width_is_refused_with_both_shapes():
    with pytest.raises(ValueError, match="shape") as error:
        LinearLayer(3, 2).forward([1.0, 2.0])
    assert "(3,)" in str(error.value)
    assert "(2,)" in str(error.value)
