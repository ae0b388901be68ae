"""The spiking layer: against a plain loop, and what it refuses."""

import numpy as np
import pytest

from canns.models.base import decay_factor
from canns.models.brain_inspired import SpikingLayer
from canns.recall import Network, respond
from canns.state import states

OPTIONS = {
    "threshold": 0.8,
    "v_reset": -0.2,
    "dt": 0.5,
    "tau_m": 8.0,
    "tau_trace": 15.0,
    "refractory": 1.5,
    "inhibition": 0.3,
    "weight_scale": 0.4,
    "seed": 3,
}  # everything turned on


def by_hand(W, inputs):
    """Spikes, voltages and the two traces after each step, of a layer with `OPTIONS`."""
    post, pre = W.shape
    v, rest, r_pre, r_post = np.zeros(post), np.zeros(post), np.zeros(pre), np.zeros(post)
    for x in inputs:
        v = np.exp(-0.5 / 8) * v + W @ x
        v[rest > 0] = -0.2
        fired = v >= 0.8
        v = v - 0.3 * (fired.sum() - fired)
        v[fired] = -0.2
        rest = np.where(fired, 3, np.maximum(rest - 1, 0))
        r_pre = np.exp(-0.5 / 15) * r_pre + x
        r_post = np.exp(-0.5 / 15) * r_post + fired
        yield fired, v, r_pre, r_post


@pytest.fixture(scope="module")
def records():
    """400 steps of a layer and of the loop, and the layer's weights before and boxes after a reset."""
    layer = SpikingLayer(30, 7, **OPTIONS)
    W = np.asarray(layer.W.value, float)
    inputs = (np.random.default_rng(0).random((400, 30)) < 0.05).astype(float)
    ours = []
    for x in inputs:
        spikes = layer.forward(x)
        boxes = (layer.v.value, layer.trace_pre.value, layer.trace_post.value)
        ours.append([np.asarray(a) for a in (spikes, *boxes)])
    layer.reset_state()
    after = {name: np.asarray(box.value) for name, box in states(layer).items()}
    names = ("spikes", "v", "trace_pre", "trace_post")
    ours, loop = (
        dict(zip(names, map(np.array, zip(*steps, strict=True)), strict=True))
        for steps in (ours, by_hand(W, inputs))
    )
    return ours, loop, W, after


def test_the_layer_fires_when_the_loop_fires(records):
    ours, loop, *_ = records
    np.testing.assert_array_equal(ours["spikes"], loop["spikes"])


def test_the_layer_fires_often_enough_to_be_compared(records):
    assert records[1]["spikes"].sum() > 50


def test_the_voltages_are_those_of_the_loop(records):
    ours, loop, *_ = records
    np.testing.assert_allclose(ours["v"], loop["v"], atol=1e-4)


@pytest.mark.parametrize("trace", ["trace_pre", "trace_post"])
def test_the_traces_are_those_of_the_loop(records, trace):
    ours, loop, *_ = records
    np.testing.assert_allclose(ours[trace], loop[trace], rtol=1e-4, atol=1e-6)


def test_a_reset_empties_every_box_except_the_weights(records):
    after = records[-1]
    assert not any(np.any(value) for name, value in after.items() if name != "W")


def test_a_reset_leaves_the_weights_alone(records):
    *_, W, after = records
    assert (after["W"] == W.astype(np.float32)).all()


# --- numbers -----------------------------------------------------------------------------------------


def test_factor_and_time_constant_follow_each_other():
    layer = SpikingLayer(3, 2, tau_m=20.0)
    assert layer.leak == decay_factor(20.0)
    layer.leak = 0.5
    np.testing.assert_allclose(layer.tau_m, 1 / np.log(2))
    layer.tau_trace = 19.5
    np.testing.assert_allclose(layer.trace_decay, np.exp(-1 / 19.5))
    layer.trace_decay = 1.0
    assert layer.tau_trace == np.inf


def test_time_constants_count_in_steps_of_dt():
    layer = SpikingLayer(3, 2, dt=0.1, tau_m=20.0)
    np.testing.assert_allclose(layer.leak, np.exp(-0.1 / 20))
    np.testing.assert_allclose(layer.tau_m, 20.0)
    layer.dt = 0.2  # the factors per step stay
    np.testing.assert_allclose(layer.tau_m, 40.0)


def test_the_box_of_those_who_rest_is_always_there():
    layer = SpikingLayer(3, 2)
    assert layer.resting.shape == (2,)
    layer.W.value = np.ones((2, 3))
    layer.refractory = 2.0
    fired = [layer.forward(np.ones(3)).tolist() for _ in range(4)]
    assert fired == [[1, 1], [0, 0], [0, 0], [1, 1]]


def test_each_neuron_may_have_numbers_of_its_own():
    layer = SpikingLayer(1, 3, threshold=[1.0, 2.0, 4.0], leak=[1.0, 0.5, 1.0])
    layer.W.value = np.ones((3, 1))
    fired = np.array([layer.forward([1.0]) for _ in range(4)])
    assert fired.sum(axis=0).tolist() == [4, 0, 1]
    with pytest.raises(ValueError, match=r"threshold must be a number or 3"):
        layer.threshold = [1.0, 2.0]


NUMBERS = ("threshold", "v_reset", "leak", "trace_decay", "dt", "refractory", "inhibition")


def test_other_numbers_are_the_same_program_and_matter(compilations):
    layer = SpikingLayer(30, 7, **OPTIONS)
    inputs = (np.random.default_rng(0).random((40, 30)) < 0.05).astype(np.float32)
    respond(Network(layer), inputs)
    compilations.new()
    ends = []
    for name in NUMBERS:
        for factor in np.linspace(0.5, 1, 20):
            other = SpikingLayer(30, 7, **OPTIONS)
            setattr(other, name, factor * getattr(layer, name))
            compilations.new()  # random weights are made anew
            respond(Network(other), inputs)
            assert compilations.new() == []
            ends.append(
                (name, factor, np.asarray(other.v.value), np.asarray(other.trace_post.value))
            )
    for name in NUMBERS:
        first, *_, last = [end for end in ends if end[0] == name]
        assert not all(np.array_equal(a, b) for a, b in zip(first[2:], last[2:], strict=True)), name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dt", 0.0),
        ("tau_m", -1.0),
        ("tau_trace", 0.0),
        ("leak", 1.2),
        ("trace_decay", -0.1),
        ("v_reset", 1.0),
        ("threshold", np.nan),
        ("refractory", -1.0),
        ("inhibition", -0.1),
        ("tau_m", np.inf),
    ],
)
def test_a_number_outside_its_range_is_refused_by_its_name(name, value):
    with pytest.raises(ValueError, match=name):
        SpikingLayer(3, 2, **{name: value})
