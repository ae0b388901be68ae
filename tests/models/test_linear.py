"""Layers of linear and of threshold neurons: their random weights, and what they refuse."""

import numpy as np
import pytest

from canns.models.brain_inspired import LinearLayer, ThresholdLayer


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


def test_an_input_of_another_width_is_refused_with_both_shapes():
    with pytest.raises(ValueError, match="shape") as error:
        LinearLayer(3, 2).forward([1.0, 2.0])
    assert "(3,)" in str(error.value)
    assert "(2,)" in str(error.value)
