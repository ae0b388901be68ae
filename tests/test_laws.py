"""Laws that hold for all inputs, tried on random ones."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canns.models.brain_inspired import AmariHopfieldNetwork, LinearLayer, SpikingLayer
from canns.stimuli import corrupt, random_patterns
from canns.trainer import (
    BCMTrainer,
    HebbianTrainer,
    OjaTrainer,
    SangerTrainer,
    STDPTrainer,
    TripletSTDPTrainer,
    oja_change,
    sanger_change,
    stdp_weight_change,
)
from canns.weights import OuterProducts, zero_diagonal

# Few sizes, since each new one is compiled; any seed.
sizes = st.sampled_from([(3, 40), (5, 40), (7, 101), (10, 101)])
seeds = st.integers(0, 2**31 - 1)
law = settings(max_examples=25, deadline=None, derandomize=True)

pytestmark = pytest.mark.filterwarnings("ignore:.*patterns stored:UserWarning")


def integers(seed, *shape, low=-4, high=5):
    """Whole numbers as floats, so that sums are exact."""
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.float32)


def stored(size, seed, **options):
    """A network that has stored random patterns, its trainer and the patterns."""
    patterns = random_patterns(*size, seed=seed)
    model = AmariHopfieldNetwork(size[1], seed=seed, **options)
    trainer = HebbianTrainer(model)
    trainer.train(patterns)
    return model, trainer, patterns


@law
@given(size=sizes, seed=seeds)
def test_a_sum_of_outer_products_multiplies_like_the_matrix_it_stands_for(size, seed):
    post, pre = integers(seed, *size), integers(seed + 1, *size)
    coef, x = integers(seed + 2, size[0]), integers(seed + 3, size[1])
    full = np.einsum("p,pi,pj->ij", coef, post, pre)
    weights = OuterProducts(post, pre, coef)
    np.testing.assert_array_equal(np.asarray(weights), full)
    np.testing.assert_array_equal(weights @ x, full @ x)
    np.testing.assert_array_equal(weights.T @ x, full.T @ x)
    np.fill_diagonal(full, 0)
    np.testing.assert_array_equal(np.asarray(zero_diagonal(weights)), full)
    np.testing.assert_array_equal(zero_diagonal(weights) @ x, full @ x)


@pytest.mark.parametrize("asyn", [False, True])
@law
@given(size=sizes, seed=seeds, noise=st.sampled_from([0.0, 0.2, 0.4, 0.5]))
def test_both_forms_of_the_weights_recall_the_same_bits(asyn, size, seed, noise):
    model, trainer, patterns = stored(size, seed, asyn=asyn)
    cues = corrupt(patterns, noise, seed=seed)
    as_sum = np.asarray(trainer.predict_batch(cues))
    assert isinstance(model.W.value, OuterProducts)
    model.W.value = np.asarray(model.W.value)
    np.testing.assert_array_equal(trainer.predict_batch(cues), as_sum)


@law
@given(size=sizes, seed=seeds, noise=st.sampled_from([0.1, 0.3, 0.5]))
def test_synchronous_recall_is_the_plain_loop(size, seed, noise):
    _, trainer, patterns = stored(size, seed)
    cues = corrupt(patterns, noise, seed=seed)
    kernel = patterns.T @ patterns  # whole numbers, exact
    np.fill_diagonal(kernel, 0)
    state, moving = cues.copy(), np.ones(len(cues), bool)
    for _ in range(20):
        field = state @ kernel
        new = np.where(field == 0, state, np.sign(field))
        moving = (new != state).any(axis=1)
        state = new
    np.testing.assert_array_equal(trainer.predict_batch(cues), state)
    np.testing.assert_array_equal(trainer.history.converged, ~moving)


@pytest.mark.parametrize("asyn", [False, True])
@law
@given(size=sizes, seed=seeds)
def test_a_batch_is_what_single_calls_give(asyn, size, seed):
    _, trainer, patterns = stored(size, seed, asyn=asyn)
    cues = corrupt(patterns, 0.3, seed=seed)
    batch = np.asarray(trainer.predict_batch(cues))
    steps = trainer.history.steps
    for cue, row, taken in zip(cues, batch, steps, strict=True):
        np.testing.assert_array_equal(trainer.predict(cue), row)
        assert trainer.history.steps == taken


@law
@given(n=st.sampled_from([5, 40]), seed=seeds, threshold=st.booleans())
def test_one_at_a_time_the_energy_never_rises(n, seed, threshold):
    weights = np.triu(integers(seed, n, n), 1)
    model = AmariHopfieldNetwork(
        n, asyn=True, threshold=integers(seed + 1, n) if threshold else 0.0, seed=seed
    )
    model.W.value = weights + weights.T
    model.s.value = np.random.default_rng(seed).choice([-1.0, 1.0], n)
    energies = [float(model.energy)]
    for _ in range(8):
        model.update()
        energies.append(float(model.energy))
    assert all(after <= before for before, after in pairwise(energies))


@law
@given(size=sizes, seed=seeds, cut=st.integers(1, 2))
def test_learning_adds_up(size, seed, cut):
    patterns = random_patterns(*size, seed=seed)
    at_once, in_parts = (AmariHopfieldNetwork(size[1]) for _ in range(2))
    HebbianTrainer(at_once, normalize_by_patterns=False).train(patterns)
    parts = HebbianTrainer(in_parts, normalize_by_patterns=False)
    parts.train(patterns[:cut])
    parts.train(patterns[cut:])
    np.testing.assert_array_equal(np.asarray(in_parts.W.value), np.asarray(at_once.W.value))


@law
@given(n=st.integers(1, 300), noise=st.floats(0, 1), seed=seeds)
def test_damage_is_exact(n, noise, seed):
    pattern = random_patterns(2, n, seed=seed)
    damaged = corrupt(pattern, noise, seed=seed)
    assert (np.abs(damaged) == 1).all()
    assert ((damaged != pattern).sum(axis=1) == round(noise * n)).all()


# --- rules that learn sample by sample ---------------------------------------------------------------

RULES = {
    "Hebb": (HebbianTrainer, {}),
    "Oja": (OjaTrainer, {"normalize_weights": False}),
    "Sanger": (SangerTrainer, {"normalize_weights": False}),
    "BCM": (BCMTrainer, {}),
    "STDP": (STDPTrainer, {}),
    "triplets": (TripletSTDPTrainer, {}),
}


def learner(rule, seed, **options):
    """A trainer on a small layer that it can teach, and 60 samples."""
    kind, own = RULES[rule]
    rng = np.random.default_rng(seed)
    if rule in ("STDP", "triplets"):
        layer = SpikingLayer(5, 3, seed=seed)
        layer.W.value = rng.uniform(0.2, 0.8, (3, 5))
        samples = (rng.random((60, 5)) < 0.3).astype(np.float32)
    else:
        layer = LinearLayer(
            5, 3, use_bcm_threshold=True, threshold_tau=20, weight_scale=0.3, seed=seed
        )
        samples = rng.standard_normal((60, 5), np.float32)
    return kind(layer, learning_rate=0.01, **own, **options), samples


@pytest.mark.parametrize("rule", RULES)
@law
@given(seed=seeds, cut=st.integers(1, 59))
def test_two_calls_that_carry_on_are_one(rule, seed, cut):
    whole, samples = learner(rule, seed)
    whole.train(samples)
    parts, _ = learner(rule, seed)
    parts.train(samples[:cut])
    parts.train(samples[cut:], reset=False)
    np.testing.assert_array_equal(parts.model.W.value, whole.model.W.value)


@pytest.mark.parametrize("rule", RULES)
@law
@given(seed=seeds)
def test_two_epochs_are_the_samples_twice(rule, seed):
    epochs, samples = learner(rule, seed)
    epochs.train(samples, epochs=2)
    repeated, _ = learner(rule, seed)
    repeated.train(np.tile(samples, (2, 1)))
    np.testing.assert_array_equal(epochs.model.W.value, repeated.model.W.value)


@pytest.mark.parametrize("rule", RULES)
@settings(law, max_examples=3)
@given(seed=seeds)
def test_uncompiled_learns_the_same(rule, seed):
    compiled, samples = learner(rule, seed)
    compiled.train(samples)
    plain, _ = learner(rule, seed, use_compile=False)
    plain.train(samples)
    np.testing.assert_allclose(plain.model.W.value, compiled.model.W.value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", RULES)
@law
@given(seed=seeds)
def test_without_a_learning_rate_nothing_is_learned(rule, seed):
    trainer, samples = learner(rule, seed)
    trainer.learning_rate = 0.0
    before = np.asarray(trainer.model.W.value)
    trainer.train(samples)
    np.testing.assert_array_equal(trainer.model.W.value, before)


@law
@given(seed=seeds)
def test_the_first_neuron_of_sanger_is_one_of_oja(seed):
    W, x, y = integers(seed, 4, 6), integers(seed + 1, 6), integers(seed + 2, 4)
    np.testing.assert_array_equal(sanger_change(W, x, y, 0.5)[0], oja_change(W, x, y, 0.5)[0])


@law
@given(seed=seeds, shift=st.integers(1, 20))
def test_stdp_of_recordings_is_bilinear_and_does_not_know_the_time(seed, shift):
    rng = np.random.default_rng(seed)
    pre, post, other = ((rng.random((80, n)) < 0.2).astype(np.float32) for n in (4, 3, 3))
    change = stdp_weight_change(pre, post)
    both = stdp_weight_change(pre, 2 * post + other)
    np.testing.assert_allclose(both, 2 * change + stdp_weight_change(pre, other), atol=1e-5)
    later = (np.pad(spikes, ((shift, 0), (0, 0))) for spikes in (pre, post))
    np.testing.assert_allclose(stdp_weight_change(*later), change, atol=1e-5)
    # time turned round: what came before comes after
    turned = stdp_weight_change(pre[::-1], post[::-1], A_plus=-0.00525, A_minus=-0.005)
    np.testing.assert_allclose(turned, change, atol=1e-5)


@law
@given(seed=seeds, nearest=st.booleans())
def test_a_trainer_of_stdp_changes_weights_as_recordings_say(seed, nearest):
    trainer, spikes = learner("STDP", seed)
    layer = trainer.model
    neighbours = "nearest" if nearest else "all"
    trainer = STDPTrainer(layer, 1e-3, w_min=-9.0, w_max=9.0, neighbours=neighbours)
    before = np.asarray(layer.W.value)
    post = []
    for x in spikes:
        trainer.train([x], reset=not post)
        post.append(np.asarray(layer.spike.value))
    tau = layer.tau_trace
    expected = stdp_weight_change(
        spikes, np.array(post), tau_plus=tau, tau_minus=tau, nearest=nearest
    )
    change = np.asarray(layer.W.value) - before
    np.testing.assert_allclose(change, 1e-3 * np.asarray(expected), atol=1e-6)
