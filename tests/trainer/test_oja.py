"""Oja's and Sanger's rules against a loop in NumPy, and what is refused."""

import numpy as np
import pytest

from canns.models.brain_inspired import LinearLayer
from canns.trainer import OjaTrainer, SangerTrainer

data = np.random.default_rng(0).normal(size=(40, 5))


def loop(W, samples, rate, sanger, normalize):
    """The weights after all `samples`, one after another."""
    W = np.array(W, float)
    for x in samples:
        y = W @ x
        products = np.outer(y, y)
        part = np.tril(products) if sanger else np.diag(np.diag(products))
        W = W + rate * (np.outer(y, x) - part @ W)
        if normalize:
            W = W / np.linalg.norm(W, axis=1, keepdims=True)
    return W


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("rule", [OjaTrainer, SangerTrainer])
def test_the_trainer_does_what_a_loop_does_with_and_without_division_by_length(rule, normalize):
    layer = LinearLayer(5, 3, weight_scale=0.3, seed=2)
    expected = loop(layer.W.value, np.tile(data, (2, 1)), 0.05, rule is SangerTrainer, normalize)
    rule(layer, learning_rate=0.05, normalize_weights=normalize).train(data, epochs=2)
    np.testing.assert_allclose(layer.W.value, expected, rtol=1e-3, atol=1e-5)


def test_weights_of_length_zero_are_not_divided_by_it():
    layer = LinearLayer(5, 3)
    layer.W.value = np.zeros((3, 5))
    OjaTrainer(layer).train(data)
    assert not np.any(layer.W.value)


@pytest.mark.parametrize("rate", [np.nan, np.inf])
def test_a_learning_rate_that_is_not_finite_is_refused(rate):
    with pytest.raises(ValueError, match="learning_rate must be finite"):
        SangerTrainer(LinearLayer(5, 3), learning_rate=rate)


def test_a_sample_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"\(5,\)"):
        OjaTrainer(LinearLayer(5, 3)).train([[1.0, 2.0]])
