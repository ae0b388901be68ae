"""Pair STDP against a loop in NumPy and against recorded spikes, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest

from canns.models.base import time_constant
from canns.models.brain_inspired import LinearLayer, SpikingLayer
from canns.trainer import STDPTrainer, stdp_change, stdp_weight_change

spikes = (np.random.default_rng(5).random((400, 12)) < 0.1).astype(np.float32)


def loop(W, neighbours, bounds):
    """Weights after all `spikes`, how often the neurons fired, how near to none a spike was."""
    W, v, r, o, fired = np.array(W, float), np.zeros(4), np.zeros(12), np.zeros(4), 0
    near = 1.0
    for x in spikes:
        v = np.exp(-1 / 15) * v + W @ x
        near = min(near, np.abs(v - 1).min())
        y = (v >= 1).astype(float)
        v[y > 0] = 0
        r, o = np.exp(-1 / 12) * r, np.exp(-1 / 25) * o
        grow, shrink = 0.05 * np.outer(y, r), 0.04 * np.outer(o, x)
        if bounds == "soft":
            grow, shrink = grow * (0.6 - W), shrink * W
        W = np.clip(W + 0.5 * (grow - shrink), 0, 0.6)
        r, o = (
            np.where(s > 0, s, q) if neighbours == "nearest" else q + s for q, s in ((r, x), (o, y))
        )
        fired += y.sum()
    return W, fired, near


@pytest.fixture(
    scope="module",
    params=[(n, b) for n in ("all", "nearest") for b in ("hard", "soft")],
    ids="-".join,
)
def learned(request):
    """What a loop and the trainer make of the same start."""
    neighbours, bounds = request.param
    layer = SpikingLayer(12, 4, tau_m=15.0, weight_scale=0.0)
    layer.W.value = np.random.default_rng(6).uniform(0.1, 0.5, (4, 12))
    expected, fired, near = loop(layer.W.value, neighbours, bounds)
    trainer = STDPTrainer(
        layer, 0.5, A_plus=0.05, A_minus=0.04, w_max=0.6, tau_plus=12.0, tau_minus=25.0,
        neighbours=neighbours, bounds=bounds,
    )  # fmt: skip
    trainer.train(spikes)
    return SimpleNamespace(W=layer.W.value, expected=expected, fired=fired, near=near)


def test_the_neurons_of_the_loop_fire_and_rounding_decides_about_no_spike(learned):
    assert learned.fired > 50
    assert learned.near > 1e-5


def test_the_trainer_does_what_a_loop_does_with_all_pairings_and_bounds(learned):
    np.testing.assert_allclose(learned.W, learned.expected, atol=1e-5)


def test_the_trainer_agrees_with_recorded_spikes_where_no_bound_holds_weights_back():
    layer = SpikingLayer(12, 4, tau_m=15.0)
    layer.W.value = np.full((4, 12), 0.3)
    trainer = STDPTrainer(layer, 1e-3, w_min=-np.inf, w_max=np.inf, tau_plus=12.0, tau_minus=25.0)
    fired = trainer.predict_batch(spikes)
    layer.init_state()
    trainer.train(spikes)
    np.testing.assert_allclose(
        layer.W.value - 0.3,
        1e-3 * stdp_weight_change(spikes, fired, tau_plus=12.0, tau_minus=25.0),
        atol=2e-6,
    )


def test_time_constants_are_those_of_the_model_unless_given():
    layer = SpikingLayer(3, 2, trace_decay=0.95)
    trainer = STDPTrainer(layer)
    assert abs(time_constant(trainer.decays()[0]) - 19.5) < 0.01
    layer.tau_trace = 40.0
    assert abs(time_constant(trainer.decays()[1]) - 40) < 0.01
    assert STDPTrainer(layer, tau_minus=30.0).tau_minus == 30
    trainer.tau_plus = 10.0
    assert abs(time_constant(trainer.decays()[0]) - 10) < 0.01


def test_a_model_without_traces_needs_time_constants():
    class Bare(SpikingLayer):
        trace_decay = None

        def __init__(self, *sizes):
            self.W, self.x, self.spike = (
                SpikingLayer(*sizes).__dict__[n] for n in ["W", "x", "spike"]
            )
            self.dt = 1.0

    with pytest.raises(ValueError, match="tau_plus and tau_minus are needed"):
        STDPTrainer(Bare(3, 2), tau_plus=20.0)
    STDPTrainer(Bare(3, 2), tau_plus=20.0, tau_minus=20.0)


def firing(learning_rate=0.5, seed=6, **options):
    """A layer that fires, and its trainer."""
    layer = SpikingLayer(12, 4, tau_m=15.0, tau_trace=20.0, weight_scale=0.0)
    layer.W.value = np.random.default_rng(seed).uniform(0.1, 0.5, (4, 12))
    return layer, STDPTrainer(layer, learning_rate, A_plus=0.05, A_minus=0.04, **options)


@pytest.mark.parametrize("bounds", ["hard", "soft"])
def test_amplitudes_bounds_and_time_constants_are_numbers(compilations, bounds):
    layer, trainer = firing(tau_plus=12.0, tau_minus=25.0, bounds=bounds)
    trainer.train(spikes)
    compilations.new()
    start, learned = np.asarray(firing()[0].W.value), []
    for k in range(1, 5):
        trainer.tau_plus, trainer.tau_minus = 8.0 * k, 12.0 * k
        trainer.A_plus, trainer.A_minus, trainer.w_max = 0.02 * k, 0.015 * k, 0.5 + 0.05 * k
        layer.dt, layer.W.value = 0.5 * k, start
        trainer.train(spikes)
        fresh, same = firing(
            tau_plus=8.0 * k, tau_minus=12.0 * k, w_max=0.5 + 0.05 * k, bounds=bounds
        )
        same.A_plus, same.A_minus, fresh.dt = 0.02 * k, 0.015 * k, 0.5 * k
        same.train(spikes)
        np.testing.assert_array_equal(layer.W.value, fresh.W.value)
        learned.append(np.asarray(layer.W.value))
    assert compilations.new() == []
    assert all(np.ptp(each - start) > 0.01 for each in learned)


def test_the_traces_of_the_model_are_followed_without_compiling(compilations):
    layer, trainer = firing()
    trainer.train(spikes)
    compilations.new()
    for tau in (5.0, 50.0):
        layer.W.value, layer.tau_trace = np.asarray(firing()[0].W.value), tau
        trainer.train(spikes)
        fresh, same = firing(tau_plus=tau, tau_minus=tau)
        same.train(spikes)
        np.testing.assert_allclose(layer.W.value, fresh.W.value, atol=1e-6)


def test_a_synapse_without_spikes_keeps_its_weight_outside_of_the_bounds():
    layer, trainer = firing(w_max=0.3)
    some = spikes.copy()
    some[:, :3] = 0
    before = np.asarray(layer.W.value)
    trainer.train(some)
    after = np.asarray(layer.W.value)
    np.testing.assert_array_equal(after[:, :3], before[:, :3])
    assert (before[:, :3] > 0.3).any() and (after[:, 3:] <= 0.3).all()


def test_amplitudes_may_differ_between_synapses():
    layer, trainer = firing()
    before = np.asarray(layer.W.value)
    trainer.A_plus = trainer.A_minus = np.eye(4, 12)
    trainer.train(spikes)
    changed = np.asarray(layer.W.value) != before
    assert changed.any() and not changed[np.eye(4, 12) == 0].any()
    trainer.A_plus = np.ones((3, 12))
    with pytest.raises(ValueError, match=r"A_plus .* \(4, 12\)"):
        trainer.train(spikes)


def test_soft_bounds_must_be_finite():
    layer, trainer = firing(bounds="soft")
    trainer.w_max = np.inf
    before = np.asarray(layer.W.value)
    with pytest.raises(ValueError, match="soft bounds w_max must be finite"):
        trainer.train(spikes)
    np.testing.assert_array_equal(layer.W.value, before)


def test_the_change_of_a_step_by_hand():
    found = stdp_change([0, 1], [1, 0], [0.5, 0.25], [0.125, 1.0], A_plus=2.0, A_minus=4.0)
    np.testing.assert_array_equal(found, [[1.0, 0.5 - 0.5], [0.0, -4.0]])
    np.testing.assert_array_equal(
        stdp_change([0, 1], [1, 0], [0.5, 0.25], [0.125, 1.0], 2.0, 4.0, [[1.0], [0.5]]),
        [[1.0, 0.0], [0.0, -2.0]],
    )


def test_a_pre_and_a_post_spike_in_the_same_step_do_not_pair():
    assert not np.any(stdp_weight_change([[1.0], [0.0]], [[1.0], [0.0]]))


def test_a_model_that_does_not_spike_is_refused():
    with pytest.raises(TypeError, match="spikes"):
        STDPTrainer(LinearLayer(3, 2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tau_plus": 0.0}, "tau_plus .* positive"),
        ({"tau_minus": -5.0}, "tau_minus .* positive"),
        ({"w_min": 0.5, "w_max": 0.2}, "w_min must not exceed w_max"),
        ({"learning_rate": np.nan}, "learning_rate must be finite"),
        ({"A_plus": np.inf}, "A_plus must be finite"),
        ({"neighbours": "some"}, "neighbours must be"),
        ({"bounds": "none"}, "bounds"),
    ],
)
def test_an_impossible_option_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        STDPTrainer(SpikingLayer(3, 2, trace_decay=0.95), **options)


def test_recordings_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"\(T, N\) and \(T, M\)"):
        stdp_weight_change(spikes, spikes[:10])


def test_a_recording_with_a_time_constant_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"tau_plus .* positive"):
        stdp_weight_change(spikes, spikes, tau_plus=0.0)


def test_spikes_of_another_number_of_inputs_are_refused():
    with pytest.raises(ValueError, match=r"\(3,\)"):
        STDPTrainer(SpikingLayer(3, 2)).train(spikes)
