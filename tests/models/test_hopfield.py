"""The Amari–Hopfield network: thresholds, noise, and what it refuses."""

import jax
import numpy as np
import pytest

from canns.models.brain_inspired import AmariHopfieldNetwork


def three_neurons(threshold=0.0):
    """Three neurons that have stored (1, -1, 1)."""
    model = AmariHopfieldNetwork(3, threshold=threshold)
    model.W.value = np.array([[0, -1, 1], [-1, 0, -1], [1, -1, 0]])
    return model


def random_network(seed, activation="sign", temperature=1.0, n=60):
    """Random symmetric weights, thresholds and start, all whole numbers; one neuron at a time."""
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.integers(-5, 6, (n, n)), 1)
    model = AmariHopfieldNetwork(
        n,
        asyn=True,
        threshold=rng.integers(-3, 4, n).astype(np.float32),
        activation=activation,
        temperature=temperature,
        seed=seed,
    )
    model.W.value = (weights + weights.T).astype(np.float32)
    model.s.value = rng.choice([-1.0, 1.0], n)
    return model


# --- two and three neurons by hand -------------------------------------------------------------------


def test_three_neurons_roll_to_the_bottom_of_the_valley_and_stay():
    model = three_neurons()
    model.s.value = [1, 1, 1]
    seen = []
    for _ in range(3):
        seen.append((model.s.value.tolist(), float(model.energy)))
        model.update()
    assert seen == [([1, 1, 1], 1.0), ([1, -1, 1], -3.0), ([1, -1, 1], -3.0)]


def test_two_neurons_swap_for_ever_all_at_once_and_agree_one_by_one():
    pair = AmariHopfieldNetwork(2, asyn=False)
    pair.W.value, pair.s.value = [[0.0, 1.0], [1.0, 0.0]], [1.0, -1.0]
    seen = [pair.s.value.tolist()]
    for _ in range(4):
        pair.update()
        seen.append(pair.s.value.tolist())
    assert seen == [[1, -1], [-1, 1], [1, -1], [-1, 1], [1, -1]]
    pair.asyn = True
    pair.update()
    assert pair.s.value[0] == pair.s.value[1]


# --- thresholds --------------------------------------------------------------------------------------


def test_each_neuron_has_a_threshold_of_its_own_and_a_tie_keeps_the_state():
    model = three_neurons(threshold=[0.0, -2.0, 5.0])
    model.update()  # the fields are 0, -2 and 0: neurons 0 and 1 are at their thresholds
    assert model.s.value.tolist() == [1.0, 1.0, -1.0]


def test_thresholds_enter_the_energy():
    model = three_neurons(threshold=[0.0, -2.0, 5.0])
    model.update()
    assert model.energy == -(-1 - 1 + 1) + (0 - 2 - 5)


# --- what it says of itself --------------------------------------------------------------------------


def test_the_overlap_is_the_mean_product():
    overlap = AmariHopfieldNetwork(3).compute_overlap([1, 1, 1], [1, -1, 1])
    assert overlap == np.float32(1 / 3)


@pytest.mark.parametrize(("num_neurons", "capacity"), [(1000, 138), (2, 1)])
def test_the_storage_capacity_is_0138_n_and_at_least_one(num_neurons, capacity):
    assert AmariHopfieldNetwork(num_neurons).storage_capacity == capacity


# --- noise -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cold_pair():
    """A plain network and a noisy one at low temperature, after five rounds from the same start."""
    plain, noisy = random_network(7), random_network(7, "glauber", 1e-3)
    plain.threshold = noisy.threshold = noisy.threshold + np.float32(0.5)  # no ties
    for _ in range(5):
        plain.update()
        noisy.update()
    return plain, noisy


def test_at_low_temperature_the_noisy_network_is_the_plain_one(cold_pair):
    plain, noisy = cold_pair
    np.testing.assert_array_equal(plain.s.value, noisy.s.value)


def test_the_energy_of_the_noisy_network_is_that_of_the_plain_one(cold_pair):
    plain, noisy = cold_pair
    assert plain.energy == noisy.energy


def course(model, rounds=4):
    """The states of `rounds` rounds from `init_state` on."""
    model.init_state()
    seen = []
    for _ in range(rounds):
        model.update()
        seen.append(np.asarray(model.s.value))
    return np.array(seen)


@pytest.fixture(scope="module")
def hot():
    """A network with much noise."""
    return random_network(8, "glauber", 30.0)


def test_init_state_starts_the_noise_again(hot):
    np.testing.assert_array_equal(course(hot), course(hot))


def test_the_noise_is_the_same_without_compilation(hot):
    compiled = course(hot)
    with jax.disable_jit():
        np.testing.assert_array_equal(compiled, course(hot))


def test_every_round_has_noise_of_its_own(hot):
    assert len(np.unique(course(hot), axis=0)) == 4


# --- wrong input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_neurons", 0),
        ("num_neurons", 2.5),
        ("activation", "relu"),
        ("temperature", 0.0),
        ("temperature", -1),
        ("temperature", np.nan),
        ("threshold", [1, 2]),
        ("threshold", np.nan),
    ],
)
def test_an_option_outside_its_range_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        AmariHopfieldNetwork(**{"num_neurons": 3, name: value})


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="shape"):
        three_neurons().W.value = np.zeros((2, 2))


def test_a_state_of_another_length_is_refused():
    with pytest.raises(ValueError, match="shape"):
        three_neurons().s.value = np.ones(4)


def test_the_overlap_of_patterns_of_another_length_is_refused():
    with pytest.raises(ValueError, match="3 entries"):
        three_neurons().compute_overlap(np.ones(2), np.ones(2))


@pytest.mark.parametrize(("activation", "wrong"), [("sign", 0.5), ("glauber", 0.0)])
def test_a_network_of_two_states_refuses_a_third_and_names_its_activation(activation, wrong):
    model = AmariHopfieldNetwork(2, activation=activation)
    with pytest.raises(ValueError, match=activation):
        model.check_state(np.array([1.0, wrong]))
