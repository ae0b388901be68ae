"""Dense associative memories: energies, boxes of rows, networks without memories."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from canns.models.brain_inspired import DenseAssociativeMemory, ModernHopfieldNetwork
from canns.models.brain_inspired.dense import Exponential, Polynomial, RectifiedPolynomial

FUNCTIONS = [Polynomial(2), Polynomial(3), Polynomial(4), RectifiedPolynomial(3), Exponential()]


def energy_in_full(F, xi, s):
    """The energy in exact whole numbers, or in double precision."""
    h = [int(x) for x in np.asarray(xi, int) @ np.asarray(s, int)]
    if isinstance(F, Exponential):
        return -np.sum(np.exp(np.array(h, float)))
    if isinstance(F, RectifiedPolynomial):
        h = [max(x, 0) for x in h]
    return -sum(x**F.degree for x in h)


@pytest.fixture(scope="module")
def memories():
    """30 memories of 50 neurons, and a random state."""
    rng = np.random.default_rng(8)
    return rng.choice([-1.0, 1.0], (30, 50)), rng.choice([-1.0, 1.0], 50)


# --- energy and capacity -----------------------------------------------------------------------------


@pytest.mark.parametrize("F", FUNCTIONS, ids=str)
def test_the_energy_is_the_exact_one_on_its_own_scale(memories, F):
    xi, s = memories
    model = DenseAssociativeMemory(50, F)
    model.W.value, model.s.value = xi, s
    exact = energy_in_full(F, xi, s)
    exact = -np.log(-exact) if isinstance(F, Exponential) else exact / 50**F.degree
    np.testing.assert_allclose(model.energy, exact, rtol=1e-5)


@pytest.mark.parametrize("F", FUNCTIONS, ids=str)
def test_a_network_of_50_neurons_can_store_six_patterns(F):
    assert DenseAssociativeMemory(50, F).storage_capacity >= 6


@pytest.mark.parametrize(
    ("F", "num_neurons", "capacity"),
    [
        (Polynomial(2), 1000, 138),
        (Polynomial(3), 1000, 46000),
        (RectifiedPolynomial(3), 1000, 92000),
        (Exponential(), 20, 1024),
    ],
    ids=str,
)
def test_the_capacity_follows_the_law_of_the_function(F, num_neurons, capacity):
    assert F.capacity(num_neurons) == capacity


# --- the box of the memories -------------------------------------------------------------------------


def network_with_a_memory():
    model = DenseAssociativeMemory(4)
    model.W.value = [[1, 1, -1, -1]]
    return model


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (np.ones((2, 3)), ValueError, "rows of 4"),
        (np.ones(4), ValueError, "rows of 4"),
        (1j * np.ones((1, 4)), TypeError, "complex"),
    ],
    ids=["other columns", "no rows", "complex numbers"],
)
def test_wrong_rows_are_refused_and_the_old_ones_stay(wrong, error, words):
    model = network_with_a_memory()
    with pytest.raises(error, match=words):
        model.W.value = wrong
    assert model.W.value.tolist() == [[1, 1, -1, -1]]


def test_the_box_takes_any_number_of_rows_as_floats():
    model = network_with_a_memory()
    model.W.value = np.concatenate([model.W.value, -model.W.value])
    assert model.W.shape == (2, 4)
    assert model.W.dtype == jnp.float32


# --- networks without memories, or with one ----------------------------------------------------------


@pytest.mark.parametrize(("F", "asyn"), [(Polynomial(3), False), (Exponential(), True)], ids=str)
def test_without_memories_nothing_moves_and_the_energy_is_zero(F, asyn):
    empty = DenseAssociativeMemory(4, F, asyn)
    empty.s.value = [1, -1, 1, 1]
    empty.update()
    assert empty.s.value.tolist() == [1, -1, 1, 1]
    assert empty.energy == 0


def test_a_continuous_network_without_memories_stays_silent():
    empty = ModernHopfieldNetwork(4)
    empty.update()
    assert empty.energy == 0
    assert not empty.s.value.any()


@pytest.fixture
def lone():
    """A continuous network at rest at its only memory."""
    model = ModernHopfieldNetwork(3, beta=2.0)
    model.W.value, model.s.value = [[1.0, 2, 2]], [1.0, 2, 2]
    return model


def test_a_lone_memory_has_energy_zero(lone):
    assert abs(lone.energy) < 1e-6


def test_a_lone_memory_is_at_rest(lone):
    lone.update()
    assert lone.s.value.tolist() == [1, 2, 2]


# --- compiled and uncompiled -------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_round_without_compilation(memories):
    xi, s = memories
    rounds = []
    for off in (False, True):
        model = DenseAssociativeMemory(8, Polynomial(3), asyn=True, seed=5)
        model.W.value, model.s.value = xi[:, :8], s[:8]
        with jax.disable_jit(off):
            model.update()
        rounds.append(np.asarray(model.s.value))
    np.testing.assert_array_equal(*rounds)


# --- wrong input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("F", "degree"), [(Polynomial, 1), (Polynomial, 2.5), (RectifiedPolynomial, 0)]
)
def test_a_degree_below_two_or_with_a_fraction_is_refused(F, degree):
    with pytest.raises(ValueError, match="degree"):
        F(degree)


@pytest.mark.parametrize("num_neurons", [0, 2.5])
def test_a_network_without_a_whole_neuron_is_refused(num_neurons):
    with pytest.raises(ValueError, match="num_neurons"):
        DenseAssociativeMemory(num_neurons)


@pytest.mark.parametrize("beta", [0, np.nan])
def test_a_sharpness_that_is_not_positive_is_refused(beta):
    with pytest.raises(ValueError, match="beta"):
        ModernHopfieldNetwork(3, beta=beta)


def test_a_state_other_than_plus_and_minus_one_is_refused():
    with pytest.raises(ValueError, match=r"found an entry 0\.5"):
        DenseAssociativeMemory(3).check_state(np.array([1.0, 0.5, 1]))
