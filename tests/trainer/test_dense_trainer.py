"""Dense associative memories: storing in parts, recall against a loop, and what is refused."""

import jax
import numpy as np
import pytest

from canns.models.brain_inspired import (
    AmariHopfieldNetwork,
    DenseAssociativeMemory,
    Exponential,
    ModernHopfieldNetwork,
    Polynomial,
)
from canns.stimuli import corrupt, random_patterns
from canns.trainer import DenseTrainer, HebbianTrainer, TrainingHistory

PATTERNS = random_patterns(40, 30, seed=9)


@pytest.fixture(scope="module")
def whole():
    """A trainer that has stored all patterns at once; no test may change it."""
    trainer = DenseTrainer(DenseAssociativeMemory(30, Polynomial(4), asyn=True))
    trainer.train(PATTERNS)
    return trainer


def test_in_parts_or_at_once_the_memories_are_the_same(whole):
    parts = DenseTrainer(DenseAssociativeMemory(30, Polynomial(4), asyn=True))
    for part in np.split(PATTERNS, 4):
        parts.train(part)
    np.testing.assert_array_equal(parts.model.W.value, whole.model.W.value)
    np.testing.assert_array_equal(parts.model.W.value, PATTERNS)
    assert parts.history == TrainingHistory(10, 40, 40 / 30)


def test_the_memories_are_the_patterns(whole):
    np.testing.assert_array_equal(whole.model.W.value, PATTERNS)


def test_the_history_counts_the_patterns():
    trainer = DenseTrainer(DenseAssociativeMemory(30, Polynomial(4), asyn=True))
    trainer.train(PATTERNS)
    assert trainer.history.num_patterns == 40


def recalled_neuron_by_neuron(patterns, cue, key, sweeps):
    """Recall with the fourth power, in exact whole numbers and in the order that `key` draws."""
    patterns, state = patterns.astype(int), cue.astype(int)
    for _ in range(sweeps):
        key, now = jax.random.split(key)
        for i in np.asarray(jax.random.permutation(now, len(state))):
            xi = patterns[:, i]
            rest = patterns @ state - xi * state[i]
            step = int(np.sum((rest + xi) ** 4 - (rest - xi) ** 4))
            state[i] = np.sign(step) or state[i]
    return state


def test_recall_is_that_of_a_loop_over_neurons(whole):
    cue = corrupt(PATTERNS[0], 0.2, seed=3)
    state = recalled_neuron_by_neuron(PATTERNS, cue, whole.model.first_key.value, 2)
    np.testing.assert_array_equal(whole.predict(cue, num_iter=2), state)


@pytest.mark.parametrize("F", [Polynomial(3), Exponential()], ids=["cube", "exponential"])
def test_uncompiled_recall_is_the_compiled_one(F):
    small, both = random_patterns(2, 8, seed=1), []
    for use_compile in (True, False):
        trainer = DenseTrainer(DenseAssociativeMemory(8, F), use_compile=use_compile)
        trainer.train(small)
        both.append(np.asarray(trainer.predict_batch(corrupt(small, 0.25), num_iter=1)))
    np.testing.assert_array_equal(*both)


def test_the_continuous_form_recalls_and_its_energy_never_rises():
    modern = DenseTrainer(ModernHopfieldNetwork(30, beta=1.0))
    modern.train(PATTERNS)
    recalled = modern.predict_batch(corrupt(PATTERNS, 0.1))
    np.testing.assert_allclose(recalled, PATTERNS, rtol=1e-5, atol=1e-2)
    assert np.all(np.diff(modern.history.energy, axis=1) <= 1e-4)


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        pytest.param([[1.0, 2.0]], ValueError, r"\(2,\)", id="another length"),
        pytest.param([], ValueError, "empty", id="empty"),
        pytest.param([np.zeros(30)], ValueError, r"0\.0", id="zeros"),
        pytest.param([["a"] * 30], TypeError, "numbers", id="text"),
        pytest.param([np.full(30, np.nan)], ValueError, "nan", id="nan"),
    ],
)
def test_bad_patterns_are_refused_and_nothing_changes(whole, bad, error, words):
    before = np.asarray(whole.model.W.value)
    with pytest.raises(error, match=words):
        whole.train(bad)
    np.testing.assert_array_equal(whole.model.W.value, before)


@pytest.mark.parametrize(
    ("rule", "model"),
    [(HebbianTrainer, DenseAssociativeMemory), (DenseTrainer, AmariHopfieldNetwork)],
    ids=["rows for Hebb", "connections for the dense rule"],
)
def test_rows_of_memories_and_connections_are_not_mixed_up(rule, model):
    with pytest.raises(TypeError, match="memory_rows"):
        rule(model(4))


def test_a_network_that_was_never_trained_leaves_its_cue_alone():
    untrained = DenseTrainer(DenseAssociativeMemory(4))
    assert untrained.predict([1, -1, 1, 1]).tolist() == [1, -1, 1, 1]
