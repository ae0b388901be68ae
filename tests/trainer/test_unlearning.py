"""Unlearning against plain loops, for both kinds of matrices, and what it refuses."""

import jax
import numpy as np
import pytest

from canns.models.brain_inspired import AmariHopfieldNetwork, LinearLayer
from canns.stimuli import random_patterns
from canns.trainer import HebbianTrainer, UnlearningTrainer
from canns.weights import OuterProducts

N = 60
MEMORIES = random_patterns(3, N, seed=9)
CUES = random_patterns(10, N, seed=10)


def network(dense=False, asyn=True):
    """A network with three memories."""
    model = AmariHopfieldNetwork(N, asyn=asyn, seed=11)
    HebbianTrainer(model, normalize_by_patterns=False).train(MEMORIES)
    if dense:
        model.W.value = np.asarray(model.W.value)
    return model


def dreamt(cues, seed, rate):
    """One dream after another, neuron by neuron: weights, steps of each dream, the last state."""
    W = MEMORIES.T @ MEMORIES - 3 * np.eye(N)
    key, steps = jax.random.key(seed), []
    for cue in cues:
        s, count = cue.copy(), 0
        for _ in range(50):
            key, now = jax.random.split(key)
            old = s.copy()
            for i in np.asarray(jax.random.permutation(now, N)):
                h = W[i] @ s
                s[i] = s[i] if abs(h) < 1e-9 else np.sign(h)
            if (s == old).all():
                break
            count += 1
        steps.append(count)
        W -= rate * (np.outer(s, s) - np.eye(N))
    return W, steps, s


def dreamt_in_nights(nights, rate):
    """The dreams of a night all start from the same weights; all neurons act at once."""
    W = MEMORIES.T @ MEMORIES - 3 * np.eye(N)
    for cues in nights:
        s = cues.copy()
        for _ in range(50):
            h = s @ W
            s = np.where(np.abs(h) < 1e-9, s, np.sign(h))
        W -= rate * (s.T @ s - len(s) * np.eye(N))
    return W


@pytest.fixture(scope="module")
def loop():
    return dreamt(CUES, 11, 0.125)


@pytest.fixture(scope="module", params=[False, True], ids=["outer products", "dense"])
def slept(request):
    """A trainer after ten dreams, and whether its weights are a dense matrix."""
    trainer = UnlearningTrainer(network(request.param), learning_rate=0.125)
    trainer.train(CUES)
    return trainer, request.param


def test_weights_after_dreams_are_those_of_a_plain_loop(slept, loop):
    np.testing.assert_allclose(np.asarray(slept[0].model.W.value), loop[0], atol=1e-5)


def test_the_network_is_left_in_its_last_dream(slept, loop):
    np.testing.assert_array_equal(slept[0].model.s.value, loop[2])


def test_the_record_tells_how_long_each_dream_took(slept, loop):
    history = slept[0].history
    np.testing.assert_array_equal(history.steps, loop[1])
    assert history.converged.all()
    assert np.isfinite(history.energy).all()
    assert history.energy.shape == (10, max(loop[1]) + 1)


def test_the_matrix_keeps_its_form(slept):
    trainer, dense = slept
    assert isinstance(trainer.model.W.value, OuterProducts) != dense
    assert dense or trainer.model.W.value.rank == 13


def test_nights_of_many_dreams_are_those_of_a_plain_loop():
    model = network(asyn=False)
    cues = random_patterns(30, N, seed=12)
    trainer = UnlearningTrainer(model, learning_rate=0.125, batch_size=12)
    trainer.train(cues)
    goal = dreamt_in_nights((cues[:12], cues[12:24], cues[24:]), 0.125)
    np.testing.assert_allclose(np.asarray(model.W.value), goal, atol=1e-5)
    assert trainer.history.steps.shape == (30,)
    assert not isinstance(model.W.value, OuterProducts)  # too many dreams for that form


def test_uncompiled_dreams_are_the_compiled_ones():
    cues, results = random_patterns(30, N, seed=12)[:2, :6], []
    for use_compile in (True, False):
        model = AmariHopfieldNetwork(6, asyn=False)
        HebbianTrainer(model, normalize_by_patterns=False).train(MEMORIES[:1, :6])
        UnlearningTrainer(model, use_compile=use_compile, num_iter=2).train(cues)
        results.append(np.asarray(model.W.value))
    np.testing.assert_allclose(*results, atol=1e-6)


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        pytest.param([[1.0, 2.0]], ValueError, r"\(2,\)", id="another length"),
        pytest.param([], ValueError, "empty", id="empty"),
        pytest.param([np.zeros(60)], ValueError, r"0\.0", id="zeros"),
        pytest.param([["a"] * 60], TypeError, "numbers", id="text"),
        pytest.param(5, TypeError, "int", id="a number"),
    ],
)
def test_bad_cues_are_refused_and_nothing_changes(bad, error, words):
    model = network()
    before = np.asarray(model.W.value)
    with pytest.raises(error, match=words):
        UnlearningTrainer(model).train(bad)
    np.testing.assert_array_equal(np.asarray(model.W.value), before)


@pytest.mark.parametrize(
    "option",
    [{"learning_rate": np.nan}, {"batch_size": 0}, {"num_iter": 0}, {"batch_size": 1.5}],
    ids=str,
)
def test_options_out_of_range_are_refused(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        UnlearningTrainer(network(), **option)


def test_a_model_that_does_not_settle_is_refused():
    with pytest.raises(TypeError, match="feedforward"):
        UnlearningTrainer(LinearLayer(3, 3))


def test_a_large_night_is_that_of_a_plain_loop():
    model = network(asyn=False)
    cues = random_patterns(150, N, seed=13)
    trainer = UnlearningTrainer(model, learning_rate=0.01, batch_size=140)
    trainer.train(cues)
    goal = dreamt_in_nights((cues[:140], cues[140:]), 0.01)
    np.testing.assert_allclose(np.asarray(model.W.value), goal, atol=1e-4)


@pytest.mark.parametrize("num_iter", [1, 2, 50])
def test_the_record_of_a_large_night_is_that_of_a_recall(num_iter):
    cues = random_patterns(140, N, seed=14)
    sleeper = UnlearningTrainer(network(True), 0.0, batch_size=140, num_iter=num_iter)
    sleeper.train(cues)
    awake = HebbianTrainer(network(True))
    recalled = awake.predict_batch(cues, num_iter)
    np.testing.assert_array_equal(sleeper.history.steps, awake.history.steps)
    np.testing.assert_array_equal(sleeper.history.converged, awake.history.converged)
    np.testing.assert_array_equal(sleeper.history.cycle, awake.history.cycle)
    np.testing.assert_allclose(sleeper.history.energy, awake.history.energy, atol=1e-3)
    np.testing.assert_array_equal(sleeper.model.s.value, recalled[-1])


def test_each_dream_may_have_a_rate_of_its_own():
    model = network(asyn=False)
    rates = np.linspace(0, 0.3, 10)
    UnlearningTrainer(model, learning_rate=rates, batch_size=5).train(CUES)
    W, trainer = None, UnlearningTrainer(network(asyn=False), batch_size=5)
    for half in (slice(5), slice(5, 10)):
        trainer.learning_rate = rates[half]
        trainer.train(CUES[half])
        W = trainer.model.W.value
    np.testing.assert_allclose(np.asarray(model.W.value), np.asarray(W), atol=1e-5)
    with pytest.raises(ValueError, match="10 dreams"):
        UnlearningTrainer(network(), learning_rate=np.ones(3)).train(CUES)


def test_few_programs_are_enough_for_many_dreams(compilations):
    cues = random_patterns(40, 200, seed=15)
    model = AmariHopfieldNetwork(200)
    HebbianTrainer(model, normalize_by_patterns=False).train(cues[:5])
    trainer = UnlearningTrainer(model, 0.01)
    trainer.train(cues)
    compilations.new()
    for k in range(30):
        trainer.learning_rate, trainer.num_iter = 0.001 * k, 10 + k
        trainer.train(cues[:1])
    assert len(compilations.new()) <= 4
    for count in range(5, 17):
        trainer.train(cues[:count])
    assert len(compilations.new()) <= 4
