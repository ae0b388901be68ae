"""A rule with a third factor against a loop in NumPy, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest

from canns.models.brain_inspired import LinearLayer, SpikingLayer
from canns.stimuli import poisson_spikes
from canns.trainer import HebbianTrainer, ModulatedTrainer, RuleSum, Stage, Stages, STDPTrainer

spikes = poisson_spikes(80.0, 300, 6, seed=11)
rewards = 0.1 * np.random.default_rng(0).normal(size=(300, 2)) * (np.arange(300) % 40 == 0)[:, None]
BOUNDS = {"w_min": 0.19, "w_max": 0.42}


def spiking_layer():
    layer = SpikingLayer(6, 2, tau_m=20.0, tau_trace=15.0, dt=2.0, weight_scale=0.0)
    layer.W.value = np.random.default_rng(9).uniform(0.2, 0.4, (2, 6))
    return layer


def modulated(tau_d=50.0, **options):
    """A spiking layer, and STDP on it that waits for rewards."""
    layer = spiking_layer()
    rule = STDPTrainer(layer, 0.5, A_plus=0.3, A_minus=0.2, **BOUNDS)
    return layer, ModulatedTrainer(rule, tau_e=100.0, tau_d=tau_d, **options)


def loop(tau_d):
    """Weights, both traces, how often a weight was at a bound, how near a spike was to none."""
    layer = spiking_layer()
    W, c, d = np.array(layer.W.value, float), np.zeros((2, 6)), np.zeros(2)
    trace_pre, trace_post, v, hits, near = np.zeros(6), np.zeros(2), np.zeros(2), 0, 1.0
    for x, r in zip(spikes.astype(float), rewards, strict=True):
        v = layer.leak * v + W @ x
        near = min(near, np.abs(v - 1).min())
        spike = (v >= 1).astype(float)
        v = np.where(spike > 0, 0, v)
        trace_pre, trace_post = trace_pre * np.exp(-2 / 15), trace_post * np.exp(-2 / 15)
        c = c * np.exp(-2 / 100)
        c = c + 0.5 * (0.3 * np.outer(spike, trace_pre) - 0.2 * np.outer(trace_post, x))
        trace_pre, trace_post = trace_pre + x, trace_post + spike
        d = d * (np.exp(-2 / tau_d) if tau_d else 0) + r
        for i in range(2):
            for j in range(6):
                if c[i, j] * d[i] != 0:
                    W[i, j] = min(max(W[i, j] + 2.0 * c[i, j] * d[i], 0.19), 0.42)
        hits += np.sum((W == 0.19) | (W == 0.42))
    return SimpleNamespace(W=W, eligibility=c, dopamine=d, hits=hits, near=near)


@pytest.fixture(scope="module")
def expected():
    """What the loop makes of a third factor that lasts for 50 ms."""
    return loop(50.0)


@pytest.fixture(scope="module", params=[0.0, 50.0], ids=["tau_d=0", "tau_d=50"])
def learned(request):
    """What the loop and the trainer make of the same start."""
    layer, trainer = modulated(request.param)
    trainer.train(spikes, rewards)
    return SimpleNamespace(layer=layer, trainer=trainer, loop=loop(request.param))


def test_the_loop_meets_its_bounds_and_rounding_decides_about_no_spike(learned):
    assert learned.loop.hits > 0
    assert np.ptp(learned.loop.W) > 0.02
    assert learned.loop.near > 1e-3


def test_the_weights_are_those_of_the_loop(learned):
    np.testing.assert_allclose(learned.layer.W.value, learned.loop.W, atol=2e-5)


def test_the_eligibility_is_that_of_the_loop(learned):
    np.testing.assert_allclose(
        learned.trainer.eligibility.value, learned.loop.eligibility, atol=2e-5
    )


def test_the_third_factor_is_that_of_the_loop(learned):
    np.testing.assert_allclose(learned.trainer.dopamine.value, learned.loop.dopamine, atol=1e-6)


def test_compiled_and_uncompiled_learn_the_same():
    both = [modulated(use_compile=use_compile) for use_compile in (True, False)]
    for _, trainer in both:
        trainer.train(spikes[:60], rewards[:60])
    np.testing.assert_allclose(both[0][0].W.value, both[1][0].W.value, atol=1e-6)


def test_two_calls_are_one_if_the_second_carries_on(expected):
    layer, trainer = modulated()
    trainer.train(spikes[:100], rewards[:100])
    trainer.train(spikes[100:], rewards[100:], reset=False)
    np.testing.assert_allclose(layer.W.value, expected.W, atol=2e-5)


@pytest.mark.parametrize("tau_d", [0.0, 50.0])
def test_time_constants_and_the_step_are_numbers(compilations, tau_d):
    layer, trainer = modulated(tau_d=20.0)
    trainer.tau_e, layer.dt = 500.0, 1.0
    layer.tau_m, layer.tau_trace = 20.0, 15.0
    trainer.train(spikes, rewards)
    compilations.new()
    layer.W.value = spiking_layer().W.value
    layer.dt = 2.0
    layer.tau_m, layer.tau_trace = 20.0, 15.0
    trainer.tau_e, trainer.tau_d = 100.0, tau_d
    trainer.train(spikes, rewards)
    assert compilations.new() == []
    np.testing.assert_allclose(layer.W.value, loop(tau_d).W, atol=2e-5)


def test_a_model_without_a_step_counts_samples():
    assert ModulatedTrainer(HebbianTrainer(LinearLayer(6, 2))).dt == 1


def test_a_weight_that_nothing_changes_may_lie_outside_of_the_bounds():
    layer, trainer = modulated()
    layer.W.value = np.full((2, 6), 0.9)
    trainer.train(spikes, np.zeros(300))
    assert (layer.W.value == np.float32(0.9)).all()
    trainer.train(spikes, rewards)
    assert np.asarray(layer.W.value).max() <= np.float32(0.42)


def test_reset_clears_all_traces_after_shuffled_epochs_with_one_reward_for_all():
    _, trainer = modulated()
    trainer.train(spikes[:50], rewards[:50, 0], epochs=2, shuffle=True, seed=3)
    trainer.reset()
    for box in (trainer.eligibility, trainer.dopamine, trainer.given):
        assert not np.any(box.value)


def test_it_can_be_a_stage(expected):
    layer, trainer = modulated()
    Stages([Stage(trainer, spikes, reward=rewards)]).train()
    np.testing.assert_allclose(layer.W.value, expected.W, atol=2e-5)


def test_it_can_wrap_a_sum_of_rules(expected):
    layer = spiking_layer()
    halves = [STDPTrainer(layer, 0.25, A_plus=0.3, A_minus=0.2, **BOUNDS) for _ in range(2)]
    ModulatedTrainer(RuleSum(halves), tau_e=100.0, tau_d=50.0).train(spikes, rewards)
    np.testing.assert_allclose(layer.W.value, expected.W, atol=2e-5)


def test_a_rule_that_runs_away_is_noticed_and_nothing_has_changed():
    layer = LinearLayer(6, 2)
    trainer = ModulatedTrainer(HebbianTrainer(layer, learning_rate=100.0))
    before = np.asarray(layer.W.value)
    with pytest.raises(FloatingPointError, match="no longer finite"):
        trainer.train(spikes, np.ones(300))
    assert (layer.W.value == before).all()
    assert not np.any(trainer.eligibility.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tau_e": 0}, "tau_e .* positive"),
        ({"tau_e": -5.0}, "tau_e .* positive"),
        ({"tau_e": np.inf}, "tau_e .* positive"),
        ({"tau_d": -1}, "tau_d .* zero or more"),
    ],
)
def test_an_impossible_time_constant_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        ModulatedTrainer(HebbianTrainer(LinearLayer(6, 2)), **options)


def test_only_a_rule_can_be_modulated():
    layer = spiking_layer()
    before = np.asarray(layer.W.value)
    with pytest.raises(TypeError, match="LocalTrainer"):
        ModulatedTrainer(layer)
    assert (layer.W.value == before).all()


def test_a_sum_of_rules_takes_no_modulated_rule():
    with pytest.raises(TypeError, match="samples in a way of its own"):
        RuleSum([ModulatedTrainer(HebbianTrainer(LinearLayer(6, 2)))])


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        pytest.param((spikes,), {}, TypeError, "reward", id="no reward"),
        pytest.param((spikes, np.zeros(299)), {}, ValueError, r"\(300,\)", id="one too few"),
        pytest.param((spikes, np.zeros((300, 3))), {}, ValueError, r"\(300, 2\)", id="3 of 2"),
        pytest.param((spikes, 1.0), {}, ValueError, "each of the 300 samples", id="one number"),
        pytest.param((spikes, np.full(300, np.nan)), {}, ValueError, "finite", id="nan"),
        pytest.param((spikes, ["much"] * 300), {}, TypeError, "real numbers", id="words"),
        pytest.param((spikes[:, :3], np.zeros(300)), {}, ValueError, r"\(6,\)", id="3 inputs"),
        pytest.param((spikes, np.zeros(300)), {"epochs": 0}, ValueError, "epochs", id="0 epochs"),
    ],
)
def test_data_and_rewards_that_do_not_fit_are_refused_and_change_nothing(
    arguments, options, error, words
):
    layer, trainer = modulated()
    before = np.asarray(layer.W.value)
    with pytest.raises(error, match=words):
        trainer.train(*arguments, **options)
    assert (layer.W.value == before).all()
    assert trainer.history is None
