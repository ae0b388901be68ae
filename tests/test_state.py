"""Boxes, the bridge from methods to pure functions, and when a program is compiled again."""

import gc
import weakref
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from canns.state import Blueprint, ParamState, State, lift, per_model, states


class LeakyIntegrator:
    """A voltage that decays with a time constant and is pushed by a current."""

    def __init__(self, tau=20.0, dt=1.0):
        self.tau, self.dt = tau, dt  # ms
        self.v = State(0.0)
        self.w = ParamState(2.0)

    def update(self, current):
        change = self.dt / self.tau * (self.w.value * current - self.v.value)
        self.v.value = self.v.value + change
        return self.v.value


class Pair:
    """Two of them, with one box under a second name."""

    def __init__(self):
        self.cells = [LeakyIntegrator(10.0), LeakyIntegrator(50.0)]
        self.first = self.cells[0].v


@pytest.fixture
def neuron():
    return LeakyIntegrator()


@pytest.fixture
def foreign():
    """A model of another library's boxes, with a reference to itself."""
    model = SimpleNamespace(x=SimpleNamespace(value=np.ones(2)), name="n", n=3)
    model.me = model
    return model


@pytest.fixture
def runs():
    """The time constants that `drive` was compiled for, in order."""
    return []


@pytest.fixture
def drive(runs):
    """A compiled function that drives a neuron for 100 ms from its present state."""

    @per_model
    def compiled(model, values, currents):
        runs.append(model.tau)
        return jax.lax.scan(lift(model.update, states(model)), values, currents)[1]

    def call(model):
        values = {name: box.value for name, box in states(model).items()}
        return compiled(model, values, jnp.ones(100))

    return call


# --- boxes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [np.float32(0.5), 1j], ids=["a fraction", "a complex number"])
def test_a_box_of_whole_numbers_refuses_others(wrong):
    box = State(jnp.arange(1)[0])
    with pytest.raises(TypeError, match="int32"):
        box.value = wrong


def test_a_box_can_hold_a_random_key():
    box = State(jax.random.key(0))
    new = jax.random.split(box.value)[0]
    box.value = new
    np.testing.assert_array_equal(jax.random.key_data(box.value), jax.random.key_data(new))


# --- finding and lifting -----------------------------------------------------------------------------


def test_boxes_of_another_library_are_found_in_a_model_that_refers_to_itself(foreign):
    assert list(states(foreign)) == ["x"]


def test_boxes_get_their_contents_back_when_a_lifted_method_fails(foreign):
    def fail():
        foreign.x.value = np.zeros(2)
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        lift(fail, states(foreign))({"x": np.full(2, 7.0)})
    assert foreign.x.value.tolist() == [1.0, 1.0]


# --- compiling once ----------------------------------------------------------------------------------


def test_an_attribute_that_returns_finds_its_program_again(neuron, drive, runs):
    for tau in (20.0, 5.0, 20.0):
        neuron.tau = tau
        drive(neuron)
    assert runs == [20.0, 5.0]


def test_a_patched_method_is_compiled_again(neuron, drive, monkeypatch):
    assert drive(neuron)[-1] > 0
    monkeypatch.setattr(LeakyIntegrator, "update", lambda self, current: self.v.value)
    assert drive(neuron).tolist() == [0.0] * 100


def test_the_blueprint_notices_a_patched_method_of_a_part(monkeypatch):
    before = Blueprint(Pair())
    with monkeypatch.context() as patch:
        patch.setattr(LeakyIntegrator, "update", lambda self, current: self.v.value)
        assert Blueprint(Pair()) != before
    assert Blueprint(Pair()) == before


def test_compiled_programs_do_not_keep_models_alive(drive):
    neuron = LeakyIntegrator()
    drive(neuron)
    alive = weakref.ref(neuron)
    del neuron
    gc.collect()
    assert alive() is None


def test_the_blueprint_of_a_model_that_refers_to_itself_is_equal_to_itself(foreign):
    assert Blueprint(foreign) == Blueprint(foreign)


def test_blueprints_differ_with_a_plain_attribute(neuron):
    assert Blueprint(neuron) != Blueprint(LeakyIntegrator(tau=1.0))


def test_boxes_compare_entry_by_entry_and_can_still_be_kept_in_a_set():
    from canns.models.brain_inspired import AmariHopfieldNetwork

    net = AmariHopfieldNetwork(3)
    assert (net.W == 0).sum() == 9 and np.sum(net.s != 1) == 0
    assert len({net.W, net.s, net.W}) == 2
