"""Storkey's rule against a plain loop, from three starts, and what it refuses."""

import numpy as np
import pytest

from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.stimuli import random_patterns
from canns.trainer import StorkeyTrainer
from canns.weights import OuterProducts

FEW = random_patterns(6, 40, seed=2)
MANY = random_patterns(30, 40, seed=4)
HEBB = random_patterns(3, 40, seed=3)


def plain(W, x):
    """The rule in NumPy, pattern by pattern."""
    W = W * (1 - np.eye(len(W)))
    for xi in x:
        h = W @ xi
        change = np.outer(xi, xi) - np.outer(xi, h) - np.outer(h, xi) + 2 * W
        W = (W + change / len(W)) * (1 - np.eye(len(W)))
    return W


@pytest.mark.parametrize("use_compile", [True, False], ids=["compiled", "uncompiled"])
@pytest.mark.parametrize(
    ("start", "structured"),
    [
        pytest.param(OuterProducts.zeros(40), True, id="from nothing"),
        pytest.param(OuterProducts(HEBB, coef=1 / 40), True, id="from outer products"),
        pytest.param(HEBB.T @ HEBB / 40, False, id="from a dense matrix"),
    ],
)
def test_the_weights_are_those_of_a_plain_loop(start, structured, use_compile):
    model = AmariHopfieldNetwork(40)
    model.W.value = start
    StorkeyTrainer(model, use_compile=use_compile).train(list(FEW))
    goal = plain(np.asarray(start, float), FEW)
    np.testing.assert_allclose(model.W.value, goal, atol=2e-6)
    assert not np.diag(model.W.value).any()
    assert isinstance(model.W.value, OuterProducts) == structured


@pytest.fixture(scope="module")
def full():
    """A trainer that has stored more than outer products are good for; no test may change it."""
    trainer = StorkeyTrainer(AmariHopfieldNetwork(40))
    trainer.train(MANY)
    return trainer


def test_many_patterns_give_the_weights_of_a_plain_loop(full):
    goal = plain(np.zeros((40, 40)), MANY)
    np.testing.assert_allclose(full.model.W.value, goal, atol=1e-5)


def test_all_bits_are_safe_where_hebb_loses_some():
    x = np.random.default_rng(0).choice([-1.0, 1.0], (40, 200))
    trainer = StorkeyTrainer(AmariHopfieldNetwork(200))
    trainer.train(x)
    hebb = x.T @ x / 200 * (1 - np.eye(200))
    assert np.min(x * (x @ hebb)) < 0
    assert np.min(x * (x @ np.asarray(trainer.model.W.value))) > 0


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        pytest.param(np.ones(40), ValueError, "list", id="not in a list"),
        pytest.param(np.ones((2, 39)), ValueError, r"\(39,\)", id="another length"),
        pytest.param([], ValueError, "empty", id="empty"),
        pytest.param(np.full((1, 40), np.nan), ValueError, "nan", id="nan"),
        pytest.param(np.zeros((1, 40)), ValueError, r"0\.0", id="zeros"),
        pytest.param(np.full((1, 40), 2.0), ValueError, r"2\.0", id="no state"),
        pytest.param([["x"] * 40], TypeError, "numbers", id="text"),
        pytest.param(None, TypeError, "NoneType", id="nothing"),
    ],
)
def test_bad_patterns_are_refused_and_nothing_changes(full, bad, error, words):
    before = np.asarray(full.model.W.value)
    with pytest.raises(error, match=words):
        full.train(bad)
    np.testing.assert_array_equal(full.model.W.value, before)
    assert full.num_stored == 30


def test_graded_patterns_are_refused():
    model = AmariHopfieldNetwork(40, activation="tanh")
    with pytest.raises(ValueError, match=r"0\.5"):
        StorkeyTrainer(model).train(np.full((1, 40), 0.5))


def test_lopsided_weights_are_refused():
    model = AmariHopfieldNetwork(40)
    model.W.value = np.triu(np.ones((40, 40)))
    with pytest.raises(ValueError, match="symmetric"):
        StorkeyTrainer(model).train(FEW)


def test_few_programs_are_enough_for_many_networks_and_many_patterns(compilations):
    x = random_patterns(60, 200, seed=6)
    StorkeyTrainer(AmariHopfieldNetwork(200)).train(x)
    compilations.new()
    for _ in range(20):
        StorkeyTrainer(AmariHopfieldNetwork(200)).train(x)
    assert compilations.new() == []
    trainer = StorkeyTrainer(AmariHopfieldNetwork(200))
    for pattern in x:
        trainer.train([pattern])
    assert len(compilations.new()) <= 10
    np.testing.assert_allclose(trainer.model.W.value, plain(np.zeros((200, 200)), x), atol=1e-5)
