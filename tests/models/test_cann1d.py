"""The ring: its conveniences, its contract as a model, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from canns.models.basic import CANN1D
from canns.models.basic.cann1d import bump_heights, circulant
from canns.state import State, states
from canns.trainer import HebbianTrainer


def moving_stimulus(ring):
    """Six stimuli, from 0 to 1."""
    return np.asarray(ring.get_stimulus_by_pos(np.linspace(0, 1, 6)))


# --- compiled and uncompiled -------------------------------------------------------------------------


def test_a_compiled_run_gives_what_an_uncompiled_one_gives():
    ring, slow = CANN1D(num=40), CANN1D(num=40)
    stimuli = moving_stimulus(ring)
    u, r = ring.run(stimuli)
    with jax.disable_jit():
        slow_u, slow_r = slow.run(stimuli)
    np.testing.assert_allclose(u, slow_u, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(r, slow_r, rtol=1e-5, atol=1e-6)


def test_a_run_leaves_the_last_stimulus_in_its_box():
    ring = CANN1D(num=40)
    stimuli = moving_stimulus(ring)
    ring.run(stimuli)
    np.testing.assert_array_equal(ring.inp.value, stimuli[-1])


class Overriding(CANN1D):
    """A ring with an update of its own, which does the same."""

    def update(self, inp=0.0):
        super().update(inp)


def numbers(k):
    return {"k": k, "J0": 4.0 + k / 10, "a": 0.5 + k / 100}


def with_ordinary_matrix(ring):
    ring.W.value = np.asarray(ring.conn_mat)
    return ring


@pytest.mark.parametrize("k", [8.1, 4.0, 3])
def test_a_subclass_with_an_ordinary_matrix_runs_like_the_ring(k):
    ring, plain = Overriding(num=40, A=k, **numbers(k)), CANN1D(num=40, **numbers(k))
    stimuli = moving_stimulus(CANN1D(num=40))
    u, plain_u = with_ordinary_matrix(ring).run(stimuli)[0], plain.run(stimuli)[0]
    np.testing.assert_allclose(u, plain_u, rtol=1e-4, atol=1e-5)


def test_new_numbers_compile_nothing(compilations):
    class Fresh(Overriding):
        """Of a class that no test has run yet."""

    stimuli = moving_stimulus(CANN1D(num=40))
    counts = []
    for k in (8.1, 4.0, 3):
        ring = with_ordinary_matrix(Fresh(num=40, A=k, **numbers(k)))
        compilations.new()
        ring.run(stimuli)
        counts.append(len(compilations.new()))
    assert counts[0] > 0
    assert counts[1:] == [0, 0]


@pytest.mark.parametrize("name", ["tau", "k", "a", "A", "J0", "dt"])
def test_a_hundred_values_of_a_number_are_one_program(compilations, name):
    ring = CANN1D(num=40)
    stimuli = moving_stimulus(ring)
    ring.run(stimuli)
    compilations.new()
    ends = []
    for factor in np.linspace(0.5, 2, 100):
        ring.init_state()
        setattr(ring, name, factor * getattr(CANN1D, name).default)
        ends.append(np.asarray(ring.run(stimuli)[0])[-1])
    assert compilations.new() == []
    assert np.array_equal(ends[0], ends[-1]) == (name in ("a", "A", "J0"))  # of weights and stimuli


def test_a_number_is_given_back_as_it_was_given():
    ring = CANN1D(num=40, k=3)
    assert ring.k == 3
    ring.k = 3.5
    assert ring.k == 3.5


def test_each_neuron_may_have_a_time_constant_of_its_own():
    slow, ring = CANN1D(num=40, tau=2.0), CANN1D(num=40)
    ring.tau = np.full(40, 2.0)
    stimuli = moving_stimulus(ring)
    np.testing.assert_allclose(ring.run(stimuli)[0], slow.run(stimuli)[0], rtol=1e-6)


@pytest.mark.parametrize("name", ["tau", "k", "a", "J0", "dt"])
@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf])
def test_a_number_without_a_sense_is_refused_later_too_and_the_old_one_stays(name, value):
    ring = CANN1D(num=40)
    before = getattr(ring, name)
    with pytest.raises(ValueError, match=rf"\b{name}\b.*got"):
        setattr(ring, name, value)
    assert getattr(ring, name) == before


# --- a ring of another range -------------------------------------------------------------------------


def ring_of_degrees():
    return CANN1D(num=90, a=15.0, A=2.0, J0=60.0, k=1.0, z_min=0, z_max=180, tau=10, dt=1)


@pytest.fixture(scope="module")
def degrees():
    """A ring of 180 degrees, never run."""
    return ring_of_degrees()


@pytest.fixture(scope="module")
def remembering():
    """A ring of 180 degrees that was shown 175, and then left alone."""
    ring = ring_of_degrees()
    ring.run(np.tile(ring.get_stimulus_by_pos(175.0), (100, 1)))
    ring.run(np.zeros((1000, 90)))
    return ring


def test_preferred_values_run_from_z_min_and_leave_z_max_out(degrees):
    assert degrees.x[0] == 0
    assert degrees.x[-1] == 178
    assert degrees.dx == 2


@pytest.mark.parametrize(
    ("difference", "short_way"), [(179.0, -1), (-179.0, 1), (90.0, 90), (-90.0, 90), (361.0, 1)]
)
def test_a_distance_goes_the_short_way_round(degrees, difference, short_way):
    assert degrees.dist(np.array([difference])).tolist() == [short_way]


def test_a_direction_near_the_seam_is_remembered(remembering):
    assert abs(remembering.decode() - 175) < 1e-2


def test_a_remembered_bump_has_the_height_of_the_closed_form(remembering):
    height = bump_heights(1.0, 15.0, 60.0, 0.5)[-1]
    assert abs(remembering.u.value.max() / height - 1) < 1e-2


def test_a_table_of_places_gives_a_table_of_stimuli(degrees):
    assert degrees.get_stimulus_by_pos([[1, 2, 3], [4, 5, 6]]).shape == (2, 3, 90)


def test_once_round_the_ring_is_the_same_stimulus(degrees):
    np.testing.assert_allclose(
        degrees.get_stimulus_by_pos(1.0), degrees.get_stimulus_by_pos(181.0), rtol=1e-5
    )


def test_a_stimulus_can_be_compiled(degrees):
    np.testing.assert_allclose(
        jax.jit(degrees.get_stimulus_by_pos)(33.0), degrees.get_stimulus_by_pos(33.0), rtol=1e-4
    )


def test_the_first_weights_are_a_symmetric_matrix(degrees):
    W = np.asarray(degrees.conn_mat)
    assert degrees.conn_mat.shape == (90, 90)
    assert np.allclose(W, W.T, atol=1e-5)


def test_a_ring_has_a_shape_and_no_energy(degrees):
    assert degrees.shape == (90,)
    assert np.isnan(degrees.energy)


def test_init_state_silences_the_ring_and_leaves_its_weights_alone():
    ring = ring_of_degrees()
    ring.run(np.tile(ring.get_stimulus_by_pos(175.0), (10, 1)))
    assert np.any(ring.u.value) and np.any(ring.r.value)
    before = np.asarray(ring.conn_mat)
    ring.init_state()
    np.testing.assert_array_equal(ring.conn_mat, before)
    assert not np.any(ring.u.value)
    assert not np.any(ring.r.value)


def test_a_silent_ring_without_input_stays_silent():
    ring = ring_of_degrees()
    ring.init_state()
    ring.update()
    assert not np.any(ring.u.value)


# --- with a trainer ----------------------------------------------------------------------------------


@pytest.fixture
def noisy():
    """A stimulus at 0.7 under noise."""
    stimulus = np.asarray(CANN1D(num=64).get_stimulus_by_pos(0.7))
    return stimulus + np.random.default_rng(0).normal(size=64)


def test_a_trainer_lets_a_noisy_cue_settle_to_a_bump(noisy):
    ring = CANN1D(num=64)
    ring.W.value = np.asarray(ring.conn_mat)
    settled = HebbianTrainer(ring).predict(noisy, num_iter=300)
    height = bump_heights(ring.k, 0.5, 4.0, ring.rho)[-1]
    z = float(ring.decode(settled))
    bump = height / ring.A * ring.get_stimulus_by_pos(z)
    np.testing.assert_allclose(settled, bump, atol=2e-3 * height)
    assert abs(z - 0.7) < 0.2


@pytest.mark.parametrize("start", ["ordinary zeros", "sum of waves"])
def test_hebbs_rule_adds_to_either_form_of_the_weights(noisy, start):
    ring = CANN1D(num=64)
    if start == "ordinary zeros":
        ring.W.value = np.zeros((64, 64), np.float32)
    expected = np.asarray(ring.conn_mat) + 2 * np.outer(noisy, noisy)
    HebbianTrainer(ring, zero_diagonal=False, learning_rate=2.0).train([noisy])
    np.testing.assert_allclose(ring.conn_mat, expected, rtol=1e-4, atol=1e-4)


# --- wrong input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num", 0),
        ("num", 2.5),
        ("num", True),
        ("tau", 0),
        ("tau", np.nan),
        ("dt", 0),
        ("dt", 1.5),
        ("a", -1),
        ("J0", 0),
        ("k", 0),
        ("k", np.nan),
        ("k", -1),
        ("A", np.inf),
        ("z_min", 4.0),
        ("z_max", np.nan),
    ],
)
def test_a_number_outside_its_range_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"\b{name}\b.*got"):
        CANN1D(**({"num": 64} | {name: value}))


@pytest.mark.parametrize(
    ("method", "argument", "words"),
    [
        ("run", np.zeros(32), "stimuli"),
        ("run", np.zeros((4, 31)), "stimuli"),
        ("run", np.full((4, 32), np.nan), "finite"),
        ("update", np.zeros(31), "inp"),
        ("update", np.zeros((1, 32)), "inp"),
    ],
)
def test_a_wrong_stimulus_is_refused_before_anything_changes(method, argument, words):
    ring = CANN1D(num=32, k=2.0)
    ring.update(ring.get_stimulus_by_pos(0.0))
    before = [np.asarray(box.value) for box in states(ring).values()]
    with pytest.raises(ValueError, match=words):
        getattr(ring, method)(argument)
    for old, box in zip(before, states(ring).values(), strict=True):
        np.testing.assert_array_equal(old, box.value)


def test_a_kernel_that_is_not_symmetric_is_refused():
    with pytest.raises(ValueError, match="symmetric"):
        circulant([1.0, 2.0, 3.0])


# --- the exercises -----------------------------------------------------------------------------------


def test_twice_the_neurons_with_half_of_each_strength_give_the_same_bump():
    one, two = CANN1D(num=64), CANN1D(num=128, J0=2.0, k=4.05)
    heights = [bump_heights(ring.k, ring.a, ring.J0, ring.rho)[-1] for ring in (one, two)]
    assert abs(heights[0] - heights[1]) < 1e-9


def test_weights_moved_by_one_neuron_carry_the_bump_one_neuron_per_tau():
    ring = CANN1D(num=128)
    ring.W.value = np.roll(np.asarray(ring.conn_mat), 1, axis=0)
    ring.u.value = ring.get_stimulus_by_pos(-2.0)
    z = np.asarray(ring.decode(ring.run(np.zeros((600, 128)))[0]), float)
    assert abs((z[-1] - z[200]) / (0.1 * 399) / ring.dx - 1) < 0.01


class Tired(CANN1D):
    """A ring whose neurons tire, with a box `v` of its own."""

    def __init__(self, num, m, tau_v=50.0, **options):
        super().__init__(num, **options)
        self.m, self.tau_v = m, tau_v
        self.v = State(jnp.zeros(num))

    def update(self, inp=0.0):
        u, v = self.u.value, self.v.value
        super().update(inp - v)
        self.v.value = v + self.dt / self.tau_v * (self.m * u - v)


@pytest.mark.parametrize(("m", "travels"), [(0.015, False), (0.03, True)])
def test_a_bump_of_tired_neurons_travels_above_a_critical_fatigue(m, travels):
    tired = Tired(num=64, m=m)  # tau / tau_v = 0.02 lies between the two
    height = bump_heights(tired.k * (1 + m) ** 2, tired.a, tired.J0, tired.rho)[-1]
    tired.u.value = height / tired.A * tired.get_stimulus_by_pos(0.0)
    tired.v.value = m * height / tired.A * tired.get_stimulus_by_pos(-0.05)
    z = np.asarray(tired.decode(tired.run(np.zeros((4000, 64)))[0]), float)
    assert (abs(z[-1] - z[-1000]) > 0.1) == travels
