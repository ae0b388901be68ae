"""Triplet STDP against a loop in NumPy and against the pair rule, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest

from canns.models.brain_inspired import LinearLayer, SpikingLayer
from canns.trainer import TripletSTDPTrainer, stdp_weight_change, triplet_weight_change

rng = np.random.default_rng(5)
spikes = (rng.random((400, 12)) < 0.1).astype(np.float32)
pre, post = rng.random((300, 4)) < 0.05, rng.random((300, 3)) < 0.05


def loop(W, neighbours):
    """Weights after all `spikes`, how often the neurons fired, how near to none a spike was."""
    W, v, fired, near = np.array(W, float), np.zeros(4), 0, 1.0
    (r1, r2), (o1, o2) = np.zeros((2, 12)), np.zeros((2, 4))
    for x in spikes:
        v = np.exp(-1 / 15) * v + W @ x
        near = min(near, np.abs(v - 1).min())
        y = (v >= 1).astype(float)
        v[y > 0] = 0
        r1, r2, o1, o2 = (
            q * np.exp(-1 / tau) for q, tau in ((r1, 12), (r2, 60), (o1, 25), (o2, 80))
        )
        grow = np.outer(y * (0.02 + 0.05 * o2), r1)
        shrink = np.outer(o1, x * (0.04 + 0.03 * r2))
        W = np.clip(W + 0.5 * (grow - shrink), 0, 0.6)
        r1, r2, o1, o2 = (
            np.where(s > 0, s, q) if neighbours == "nearest" else q + s
            for q, s in ((r1, x), (r2, x), (o1, y), (o2, y))
        )
        fired += y.sum()
    return W, fired, near


@pytest.fixture(scope="module", params=["all", "nearest"])
def learned(request):
    """What a loop and the trainer make of the same start, with all parameters given."""
    layer = SpikingLayer(12, 4, tau_m=15.0)
    layer.W.value = np.random.default_rng(6).uniform(0.1, 0.5, (4, 12))
    expected, fired, near = loop(layer.W.value, request.param)
    trainer = TripletSTDPTrainer(
        layer, 0.5, 0.02, 0.05, 0.04, 0.03, w_max=0.6,
        tau_plus=12.0, tau_minus=25.0, tau_x=60.0, tau_y=80.0, neighbours=request.param,
    )  # fmt: skip
    trainer.train(spikes)
    return SimpleNamespace(W=layer.W.value, expected=expected, fired=fired, near=near)


def test_the_neurons_of_the_loop_fire_and_rounding_decides_about_no_spike(learned):
    assert learned.fired > 50
    assert learned.near > 1e-5


def test_the_trainer_does_what_a_loop_does_with_both_ways_of_pairing(learned):
    np.testing.assert_allclose(learned.W, learned.expected, atol=1e-5)


def test_amplitudes_and_time_constants_are_numbers(compilations):
    learned = []
    for first, then in (((0.02, 20.0), (0.05, 60.0)), ((0.05, 60.0), None)):
        layer = SpikingLayer(12, 4, tau_m=15.0)
        start = layer.W.value = np.random.default_rng(6).uniform(0.1, 0.5, (4, 12))
        trainer = TripletSTDPTrainer(layer, 0.5, A2_plus=first[0], tau_y=first[1])
        trainer.train(spikes)
        if then:
            compilations.new()
            layer.W.value = start
            trainer.A2_plus, trainer.tau_y = then
            trainer.train(spikes)
        learned.append(np.asarray(layer.W.value))
    assert compilations.new() == []
    np.testing.assert_array_equal(*learned)


def test_without_triplets_it_is_the_pair_rule():
    np.testing.assert_allclose(
        triplet_weight_change(pre, post, 0.3, 0.0, 0.2, 0.0),
        stdp_weight_change(pre, post, 0.3, 0.2, 16.8, 33.7),
        atol=1e-5,
    )


def test_a_model_that_does_not_spike_is_refused():
    with pytest.raises(TypeError, match="spikes"):
        TripletSTDPTrainer(LinearLayer(3, 2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tau_y": 0.0}, "tau_y .* positive"),
        ({"tau_minus": -5.0}, "tau_minus .* positive"),
        ({"w_min": 0.5, "w_max": 0.2}, "w_min must not exceed w_max"),
        ({"learning_rate": np.nan}, "learning_rate must be finite"),
        ({"A3_plus": np.inf}, "must be finite"),
        ({"neighbours": "some"}, "neighbours must be"),
    ],
)
def test_an_impossible_option_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        TripletSTDPTrainer(SpikingLayer(12, 4), **options)


def test_recordings_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"\(T, N\) and \(T, M\)"):
        triplet_weight_change(pre, post[:10])


def test_a_recording_with_a_time_constant_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"tau_y .* positive"):
        triplet_weight_change(pre, post, tau_y=0.0)


def test_spikes_of_another_number_of_inputs_are_refused():
    with pytest.raises(ValueError, match=r"\(12,\)"):
        TripletSTDPTrainer(SpikingLayer(12, 4)).train(np.ones((5, 3)))
