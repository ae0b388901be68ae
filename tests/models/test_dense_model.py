"""Dense associative memories: energies, boxes of rows, networks without memories."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from canns.models.brain_inspired import DenseAssociativeMemory, ModernHopfieldNetwork
from canns.models.brain_inspired.dense import (
    Exponential,
    Memories,
    Polynomial,
    RectifiedPolynomial,
    attention_update,
    dense_field,
)
from canns.recall import Network, settle

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


# --- steps and fields --------------------------------------------------------------------------------

H = np.arange(-999, 1000, 2)


@pytest.mark.parametrize("n", [2, 3, 4, 9, 40])
@pytest.mark.parametrize("F", [Polynomial, RectifiedPolynomial])
def test_the_steps_are_exact_up_to_a_factor(F, n):
    least = -(10**9) if F is Polynomial else 0
    steps = [max(int(x + 1), least) ** n - max(int(x - 1), least) ** n for x in H]
    ours = np.asarray(F(n).steps(jnp.asarray(H, jnp.float32)), float)
    expected = np.array([step / max(steps) for step in steps])
    np.testing.assert_allclose(ours / ours.max(), expected, rtol=3e-7 * n, atol=1e-30)


def test_the_steps_of_the_exponential_are_exact_up_to_a_factor():
    ours = np.asarray(Exponential().steps(jnp.asarray(H, jnp.float32)))
    np.testing.assert_allclose(ours, np.exp(H - 999.0), rtol=1e-6, atol=1e-37)


def test_the_field_of_three_neurons_by_hand():
    field, _ = dense_field(Polynomial(3), [[1.0, 1, 1], [1, -1, -1]], [1.0, 1, -1])
    np.testing.assert_allclose(9 * np.asarray(field), [4, -24, 24], rtol=1e-5)


def test_all_at_once_two_neurons_may_swap_for_ever_and_one_by_one_they_agree():
    pair = DenseAssociativeMemory(2, Polynomial(4))
    pair.W.value, pair.s.value = [[1, 1]], [1, -1]
    seen = [pair.s.value.tolist()]
    for _ in range(3):
        pair.update()
        seen.append(pair.s.value.tolist())
    assert seen == [[1, -1], [-1, 1], [1, -1], [-1, 1]]
    pair.asyn = True
    pair.update()
    assert pair.s.value[0] == pair.s.value[1]


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


# --- room for more memories --------------------------------------------------------------------------


@pytest.mark.parametrize("F", FUNCTIONS, ids=str)
@pytest.mark.parametrize("sign", [1, -1])
def test_free_rows_are_not_heard(memories, F, sign):
    xi, s = memories
    xi, s = (xi[:5, :12], sign * xi[0, :12])  # of 16 rows, 11 are free; most overlaps have one sign
    with_room, exact = dense_field(F, Memories(xi), s), dense_field(F, xi, s)
    scale = np.abs(exact[0]).max() / np.abs(with_room[0]).max()  # the common factor
    np.testing.assert_allclose(scale * with_room[0], exact[0], rtol=1e-6, atol=1e-6)


def test_one_by_one_free_rows_are_not_heard_even_if_all_overlaps_are_far_below_zero():
    model = DenseAssociativeMemory(300, Exponential(), asyn=True)
    model.W.value = -np.ones((2, 300))
    model.s.value = np.ones(300)
    model.update()
    assert (model.s.value == -1).all()


def test_attention_does_not_hear_free_rows(memories):
    xi, s = memories
    np.testing.assert_allclose(
        attention_update(Memories(xi), -s, 0.1), attention_update(xi, -s, 0.1), rtol=1e-5
    )


@pytest.mark.parametrize(
    "network", [DenseAssociativeMemory, ModernHopfieldNetwork], ids=lambda cls: cls.__name__
)
def test_a_hundred_memories_stored_one_by_one_compile_a_recall_for_each_step_of_room(
    compilations, network
):
    xi = np.random.default_rng(9).choice([-1.0, 1.0], (100, 40)).astype(np.float32)
    model = network(40)
    for k in range(1, 101):
        model.W.value = np.concatenate([np.asarray(model.W.value), xi[k - 1 : k]])
        settle(Network(model), xi[k - 1 : k])
    assert len(compilations.new()) <= 6  # the keys, and room for 16, 32, 64 and 128
    assert model.W.value.tolist() == xi.tolist()


def test_a_hundred_sharpnesses_are_one_program(compilations):
    xi = np.random.default_rng(9).choice([-1.0, 1.0], (5, 40)).astype(np.float32)
    model = ModernHopfieldNetwork(40)
    model.W.value = xi
    settle(Network(model), xi)
    compilations.new()
    ends = []
    for model.beta in np.geomspace(1e-3, 1, 100):
        ends.append(np.asarray(settle(Network(model), xi)[0]))
    assert compilations.new() == []
    np.testing.assert_allclose(ends[0][0], xi.mean(axis=0), atol=0.1)  # too soft: the mean of all
    np.testing.assert_array_equal(ends[-1], xi)


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
