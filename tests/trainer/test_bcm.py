"""The BCM rule against a loop in NumPy, in all variants, and what is refused."""

import numpy as np
import pytest

from canns.models.brain_inspired import LinearLayer
from canns.trainer import BCMTrainer
from canns.trainer.bcm import VARIANTS

data = np.random.default_rng(0).normal(size=(60, 5))


def loop(W, samples, rate, variant, decay, rectify, tau):
    """Weights and thresholds after all `samples`, one after another."""
    W, theta = np.array(W, float), np.full(len(W), 0.1)
    for x in samples:
        y = W @ x
        y = np.maximum(y, 0) if rectify else y
        phi = y * (y - theta) / (theta if variant == "law_cooper" else 1)
        W = W + rate * (np.outer(phi, x) - decay * W)
        theta = theta + (y**2 - theta) / tau
    return W, theta


@pytest.mark.parametrize("rectify", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.2])
@pytest.mark.parametrize("variant", VARIANTS)
def test_weights_and_thresholds_are_those_of_a_loop(variant, decay, rectify):
    layer = LinearLayer(
        5, 3, use_bcm_threshold=True, threshold_tau=15.0, weight_scale=0.3, rectify=rectify
    )
    W, theta = loop(layer.W.value, np.tile(data, (2, 1)), 0.005, variant, decay, rectify, tau=15)
    BCMTrainer(layer, 0.005, variant=variant, decay=decay).train(data, epochs=2)
    np.testing.assert_allclose(layer.W.value, W, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(layer.theta.value, theta, rtol=1e-3)


def test_the_decay_and_the_threshold_are_numbers(compilations):
    learned = []
    for first, then in (((0.0, 15.0), (0.2, 40.0)), ((0.2, 40.0), None)):
        layer = LinearLayer(5, 3, use_bcm_threshold=True, threshold_tau=first[1], weight_scale=0.3)
        start, theta = layer.W.value, layer.theta.value
        trainer = BCMTrainer(layer, 0.005, decay=first[0])
        trainer.train(data)
        if then:
            compilations.new()
            layer.W.value, layer.theta.value = start, theta
            trainer.decay, layer.threshold_tau = then
            trainer.train(data)
        learned.append(np.asarray(layer.W.value))
    assert compilations.new() == []
    np.testing.assert_array_equal(*learned)
    with pytest.raises(ValueError, match="decay must be zero or more"):
        trainer.decay = -0.1
    assert trainer.decay == 0.2


def test_a_layer_without_thresholds_is_refused():
    with pytest.raises(TypeError, match="use_bcm_threshold"):
        BCMTrainer(LinearLayer(3, 2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variant": "cubic"}, "variant must be one of"),
        ({"decay": -1.0}, "decay must be zero or more"),
        ({"decay": np.nan}, "decay must be zero or more"),
        ({"learning_rate": np.inf}, "learning_rate must be finite"),
    ],
)
def test_an_impossible_option_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        BCMTrainer(LinearLayer(3, 2, use_bcm_threshold=True), **options)


def test_samples_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"\(3,\)"):
        BCMTrainer(LinearLayer(3, 2, use_bcm_threshold=True)).train(np.ones((4, 2)))
