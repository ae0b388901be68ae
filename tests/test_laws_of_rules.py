"""Laws of the storage rules, of rules that combine, and of the ring, tried on random inputs."""

from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canns.models.basic import CANN1D
from canns.models.brain_inspired import (
    AmariHopfieldNetwork,
    DenseAssociativeMemory,
    LinearLayer,
    Polynomial,
    SpikingLayer,
    attention_update,
)
from canns.stimuli import corrupt, random_patterns
from canns.trainer import (
    CompetitiveTrainer,
    CovarianceTrainer,
    DenseTrainer,
    HebbianTrainer,
    ModulatedTrainer,
    OjaTrainer,
    ProjectionTrainer,
    RuleSum,
    ScalingTrainer,
    Stages,
    STDPTrainer,
    StorkeyTrainer,
    covariance_update,
    multiplicative_normalization,
    projection_weights,
    scaling_change,
    storkey_update,
    subtractive_normalization,
    unlearning_update,
)

# Few sizes, since each new one is compiled; any seed.
sizes = st.sampled_from([(3, 40), (8, 61)])
seeds = st.integers(0, 2**31 - 1)
law = settings(max_examples=20, deadline=None, derandomize=True)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

COVARIANCE = pytest.param(partial(CovarianceTrainer, activity=0.3), id="CovarianceTrainer")
STORAGE = [HebbianTrainer, ProjectionTrainer, StorkeyTrainer, COVARIANCE]


def weights(trainer, *portions):
    """What a storage rule leaves in a fresh network."""
    model = AmariHopfieldNetwork(portions[0].shape[1])
    rule = trainer(model)
    for patterns in portions:
        rule.train(patterns)
    return np.asarray(model.W.value)


@pytest.mark.parametrize("trainer", STORAGE)
@law
@given(size=sizes, seed=seeds)
def test_stored_weights_are_symmetric_and_do_not_know_the_names_of_neurons(trainer, size, seed):
    patterns = random_patterns(*size, seed=seed)
    order = np.random.default_rng(seed).permutation(size[1])
    W = weights(trainer, patterns)
    np.testing.assert_allclose(W, W.T, atol=1e-5)
    np.testing.assert_array_equal(np.diag(W), 0)
    np.testing.assert_allclose(weights(trainer, patterns[:, order]), W[order][:, order], atol=2e-5)


@pytest.mark.parametrize("trainer", [HebbianTrainer, ProjectionTrainer, StorkeyTrainer])
@law
@given(size=sizes, seed=seeds)
def test_a_pattern_and_its_negative_are_the_same_memory(trainer, size, seed):
    patterns = random_patterns(*size, seed=seed)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (size[0], 1))
    np.testing.assert_allclose(
        weights(trainer, signs * patterns), weights(trainer, patterns), atol=2e-5
    )


@pytest.mark.parametrize("trainer", [ProjectionTrainer, StorkeyTrainer, COVARIANCE])
@law
@given(size=sizes, seed=seeds, cut=st.integers(1, 2))
def test_two_calls_store_what_one_does(trainer, size, seed, cut):
    patterns = random_patterns(*size, seed=seed)
    together = weights(trainer, patterns)
    np.testing.assert_allclose(
        weights(trainer, patterns[:cut], patterns[cut:]), together, atol=2e-5
    )


@law
@given(size=sizes, seed=seeds, copies=st.integers(0, 2))
def test_the_projector_keeps_all_that_was_stored_and_nothing_else(size, seed, copies):
    patterns = random_patterns(*size, seed=seed)
    given = np.concatenate([patterns, patterns[:copies]])  # copies are linearly dependent
    W = np.asarray(projection_weights(given))
    np.testing.assert_allclose(W, np.linalg.pinv(given) @ given, atol=1e-4)
    np.testing.assert_allclose(W @ W, W, atol=1e-4)


@law
@given(size=sizes, seed=seeds)
def test_storkey_is_the_double_loop_over_synapses(size, seed):
    patterns, N = random_patterns(*size, seed=seed).astype(float), size[1]
    W = np.zeros((N, N))
    for x in patterns:
        h = (W @ x)[:, None] - np.diag(W)[:, None] * x[:, None] - W * x  # without i and j
        W = W + (np.outer(x, x) - x[:, None] * h.T - h * x) / N
        np.fill_diagonal(W, 0)
    np.testing.assert_allclose(storkey_update(np.zeros((N, N), np.float32), patterns), W, atol=1e-4)


@law
@given(size=sizes, seed=seeds, rate=st.sampled_from([0.01, 0.3]))
def test_unlearning_takes_away_what_hebb_adds(size, seed, rate):
    patterns = random_patterns(*size, seed=seed)
    W = weights(HebbianTrainer, patterns)
    model = AmariHopfieldNetwork(size[1])
    HebbianTrainer(model, learning_rate=rate, normalize_by_patterns=False).train(patterns[:1])
    less = W - np.asarray(model.W.value)
    np.testing.assert_allclose(unlearning_update(W, patterns[0], rate), less, atol=1e-6)


@law
@given(size=sizes, seed=seeds)
def test_covariance_of_patterns_that_are_half_active_is_hebb(size, seed):
    patterns, N = random_patterns(*size, seed=seed), size[1]
    W = covariance_update(np.zeros((N, N), np.float32), patterns, 0.5)
    np.testing.assert_allclose(W, patterns.T @ patterns / N, atol=1e-6)


@law
@given(size=sizes, seed=seeds, noise=st.sampled_from([0.1, 0.4]))
def test_dense_memory_of_degree_two_is_the_network_of_hebb(size, seed, noise):
    patterns = random_patterns(*size, seed=seed)
    cues = corrupt(patterns, noise, seed=seed)
    recalled = []
    for model, trainer in (
        (AmariHopfieldNetwork(size[1]), HebbianTrainer),
        (DenseAssociativeMemory(size[1], Polynomial(2)), DenseTrainer),
    ):
        rule = trainer(model)
        rule.train(patterns)
        recalled.append(np.asarray(rule.predict_batch(cues)))
    np.testing.assert_array_equal(*recalled)


@law
@given(size=sizes, seed=seeds, beta=st.sampled_from([0.1, 1.0, 8.0]))
def test_attention_is_a_mean_of_memories_and_sharp_attention_picks_one(size, seed, beta):
    rng = np.random.default_rng(seed)
    W, s = rng.standard_normal(size), rng.standard_normal((4, size[1]))
    fit = beta * s @ W.T
    share = np.exp(fit - fit.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(attention_update(W, s, beta), share @ W, atol=1e-4)
    np.testing.assert_allclose(attention_update(W, s, 1e6), W[np.argmax(fit, axis=1)], atol=1e-4)


@law
@given(seed=seeds, rate=st.floats(0, 3), target=st.floats(0, 3))
def test_scaling_and_division_keep_the_ratios_of_weights(seed, rate, target):
    W = np.random.default_rng(seed).uniform(0.1, 1, (4, 9)).astype(np.float32)
    ratios = W / W[:, :1]
    scaled = W + np.asarray(scaling_change(W, np.full(4, rate), target, 0.1))
    divided = np.asarray(multiplicative_normalization(W, 2.5))
    for new in (scaled, divided):
        np.testing.assert_allclose(new / new[:, :1], ratios, rtol=1e-5)
    np.testing.assert_allclose(divided.sum(axis=1), 2.5, rtol=1e-5)
    assert (
        np.sign(np.round(scaled - W, 6)) == np.sign(np.round(0.1 * (target - rate), 6))
    ).mean() > 0.9


@law
@given(seed=seeds, total=st.floats(0.1, 8.9))
def test_subtraction_finds_the_nearest_weights_with_that_sum(seed, total):
    W = np.random.default_rng(seed).normal(0.5, 1, (3, 9)).astype(np.float32)
    new = np.asarray(subtractive_normalization(W, total))
    np.testing.assert_allclose(new.sum(axis=1), total, atol=1e-4)
    assert new.min() >= 0 and new.max() <= 1
    inside = (new > 1e-6) & (new < 1 - 1e-6)
    for before, after, free in zip(W, new, inside, strict=True):
        shift = (before - after)[free]
        if free.any():  # one number for all; who is at a bound would be moved beyond it
            np.testing.assert_allclose(shift, shift[0], atol=1e-5)
            assert np.all((before - shift[0] <= 1e-5)[after <= 1e-6])
            assert np.all((before - shift[0] >= 1 - 1e-5)[after >= 1 - 1e-6])


def layer(seed):
    model = LinearLayer(6, 3)
    model.W.value = np.random.default_rng(seed).uniform(0, 1, (3, 6)).astype(np.float32)
    return model


def learned(model, trainer, data):
    trainer.train(data)
    return np.asarray(model.W.value)


@law
@given(seed=seeds)
def test_a_sum_of_rules_does_not_know_their_order_and_one_rule_is_itself(seed):
    data = np.random.default_rng(seed).standard_normal((40, 6)).astype(np.float32)
    results = []
    for kinds in ((OjaTrainer, ScalingTrainer), (ScalingTrainer, OjaTrainer), (OjaTrainer,)):
        model = layer(seed)
        results.append(
            learned(model, RuleSum([kind(model, learning_rate=0.01) for kind in kinds]), data)
        )
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)
    model = layer(seed)
    np.testing.assert_allclose(learned(model, OjaTrainer(model, 0.01), data), results[2], atol=1e-6)


@law
@given(seed=seeds)
def test_stages_are_calls_one_after_another(seed):
    data = np.random.default_rng(seed).standard_normal((40, 6)).astype(np.float32)
    model, same = layer(seed), layer(seed)
    together = learned(
        model, Stages([OjaTrainer(model, 0.01), CompetitiveTrainer(model, 0.1)]), data
    )
    learned(same, OjaTrainer(same, 0.01), data)
    np.testing.assert_array_equal(learned(same, CompetitiveTrainer(same, 0.1), data), together)


@law
@given(seed=seeds)
def test_the_winner_alone_moves_and_moves_towards_the_input(seed):
    x = np.random.default_rng(seed).uniform(0, 1, 6).astype(np.float32)
    model = layer(seed)
    before = np.asarray(model.W.value).copy()
    after = learned(model, CompetitiveTrainer(model, 0.1), [x])
    winner = np.argmin(np.linalg.norm(before - x, axis=1))
    expected = before.copy()
    expected[winner] += 0.1 * (x - before[winner])
    np.testing.assert_allclose(after, expected, atol=1e-6)


@law
@given(seed=seeds, start=st.integers(0, 59))
def test_without_reward_spikes_leave_the_weights_bitwise_alone(seed, start):
    rng = np.random.default_rng(seed)
    spikes = (rng.random((60, 6)) < 0.3).astype(np.float32)
    model = SpikingLayer(6, 3, threshold=0.5, weight_scale=0.5, seed=seed)
    model.W.value = np.abs(np.asarray(model.W.value))
    before = np.asarray(model.W.value).copy()
    trainer = ModulatedTrainer(STDPTrainer(model, learning_rate=1.0))
    trainer.train(spikes, np.zeros(60))
    assert np.asarray(model.W.value).tobytes() == before.tobytes()
    reward = np.zeros(60)
    reward[start:] = 1.0
    trainer.train(spikes, reward)
    eligible = np.any(np.asarray(trainer.eligibility.value) != 0)
    assert (np.asarray(model.W.value).tobytes() != before.tobytes()) == eligible


@law
@given(seed=seeds, turn=st.integers(0, 31))
def test_the_ring_looks_the_same_from_every_neuron(seed, turn):
    rng = np.random.default_rng(seed)
    stimuli = rng.uniform(0, 2, (20, 32)).astype(np.float32)
    results = []
    for shift in (0, turn):
        ring = CANN1D(32, k=0.5)
        results.append(np.asarray(ring.run(np.roll(stimuli, shift, axis=1))[0]))
    np.testing.assert_allclose(np.roll(results[0], turn, axis=1), results[1], rtol=1e-3, atol=1e-3)


PURE = {
    "Storkey": lambda W, x: storkey_update(W, x),
    "unlearning": lambda W, x: unlearning_update(W, x, 0.1),
    "covariance": lambda W, x: covariance_update(W, x, 0.3),
    "subtraction": lambda W, x: subtractive_normalization(W, 3.0),
    "division": lambda W, x: multiplicative_normalization(W, 3.0),
    "attention": lambda W, x: attention_update(x, W[:2], 0.5),
}
COMPILED = {name: jax.jit(rule) for name, rule in PURE.items()}  # once, not for each example


@pytest.mark.parametrize("name", PURE)
@law
@given(seed=seeds)
def test_rules_run_under_jit_as_without(name, seed):
    rng = np.random.default_rng(seed)
    W = rng.uniform(0, 1, (9, 9)).astype(np.float32)
    W = (W + W.T) / 2
    x = np.where(rng.random((2, 9)) < 0.5, -1.0, 1.0).astype(np.float32)
    np.testing.assert_allclose(COMPILED[name](W, x), PURE[name](W, x), atol=1e-5)
