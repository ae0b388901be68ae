"""What all trainers share: checked patterns, recall and its record, and what is refused."""

from itertools import pairwise
from types import SimpleNamespace
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from canns.checks import patterns as as_patterns
from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.state import State, states
from canns.stimuli import corrupt, random_patterns
from canns.trainer import HebbianTrainer, Trainer

# --- patterns ----------------------------------------------------------------------------------------


def test_an_iterator_of_lists_tuples_and_arrays_is_stacked():
    mixed = iter([[1, 2], (3, 4), jnp.array([5.0, 6.0])])
    assert as_patterns(mixed, 2).tolist() == [[1, 2], [3, 4], [5, 6]]


def test_small_integers_become_float32():
    assert as_patterns(np.ones((2, 3), np.int8), 3).dtype == np.float32


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        pytest.param([[1e300, 0.0]], ValueError, "finite", id="too large"),
        pytest.param([[1j, 0.0]], TypeError, "real numbers", id="complex"),
        pytest.param([[None, 1.0]], TypeError, "real numbers", id="None"),
    ],
)
def test_what_is_no_pattern_is_refused(bad, error, words):
    with pytest.raises(error, match=words):
        as_patterns(bad, 2)


# --- compiled and uncompiled -------------------------------------------------------------------------

CUES = corrupt(random_patterns(2, 16, seed=2), 0.3, seed=9)


@pytest.fixture(
    scope="module",
    params=[(False, "sign"), (True, "sign"), (False, "tanh"), (True, "sigmoid")],
    ids=["at once-sign", "in turn-sign", "at once-tanh", "in turn-sigmoid"],
)
def recalled(request):
    """What a compiled and an uncompiled network recall from the same cues."""
    asyn, activation = request.param
    results = []
    for use_compile in (True, False):
        model = AmariHopfieldNetwork(
            16, asyn=asyn, activation=activation, temperature=4.0, threshold=0.1, seed=3
        )
        trainer = HebbianTrainer(model, use_compile=use_compile)
        trainer.train(random_patterns(2, 16, seed=2))
        states = np.asarray(trainer.predict_batch(CUES, num_iter=4))
        results.append(
            SimpleNamespace(
                model=model,
                trainer=trainer,
                states=states,
                history=trainer.history,
                kept=np.asarray(model.s.value),
            )
        )
    compiled, uncompiled = results
    return SimpleNamespace(compiled=compiled, uncompiled=uncompiled, activation=activation)


def test_compiled_and_uncompiled_recall_the_same_states(recalled):
    a, b = recalled.compiled.states, recalled.uncompiled.states
    np.testing.assert_allclose(a, b, atol=1e-6)
    if recalled.activation == "sign":
        np.testing.assert_array_equal(a, b)


def test_compiled_and_uncompiled_leave_the_last_sample_in_the_model(recalled):
    np.testing.assert_array_equal(recalled.uncompiled.kept, recalled.compiled.states[-1])


def test_compiled_and_uncompiled_record_the_same_energies(recalled):
    a, b = recalled.compiled.history, recalled.uncompiled.history
    np.testing.assert_allclose(a.energy, b.energy, rtol=1e-5, atol=1e-4)


def test_compiled_and_uncompiled_record_the_same_steps(recalled):
    a, b = recalled.compiled.history, recalled.uncompiled.history
    np.testing.assert_array_equal(a.steps, b.steps)


def test_compiled_and_uncompiled_record_the_same_rest(recalled):
    a, b = recalled.compiled.history, recalled.uncompiled.history
    np.testing.assert_array_equal(a.converged, b.converged)


def test_a_batch_is_what_single_calls_give(recalled):
    trainer = recalled.compiled.trainer
    for row, start in zip(recalled.compiled.states, CUES, strict=True):
        np.testing.assert_allclose(trainer.predict(start, num_iter=4), row, atol=1e-6)


def test_recorded_energies_are_those_of_the_states_passed_through(recalled):
    trainer, model = recalled.compiled.trainer, recalled.compiled.model
    for start in CUES:
        trainer.predict(start, num_iter=4)
        model.init_state()
        model.s.value = start
        by_hand = [float(model.energy)]
        for _ in range(len(trainer.history.energy) - 1):
            model.update()
            by_hand.append(float(model.energy))
        np.testing.assert_allclose(trainer.history.energy, by_hand, rtol=1e-5, atol=1e-4)


# --- a large batch, whose slow samples are parted from the others ------------------------------------

CROWD = random_patterns(24, 120, seed=5)
CROWD_CUES = corrupt(CROWD[np.arange(200) % 24], 0.3, seed=6)


def course(network, cue, num_iter):
    """States and energies of one sample, in a plain loop over the steps."""
    network.init_state()
    network.s.value = cue
    passed, energies = [cue], [float(network.energy)]
    for _ in range(num_iter):
        network.update()
        passed.append(np.asarray(network.s.value))
        energies.append(float(network.energy))
    return passed, energies


@pytest.fixture(scope="module", params=[(False, 9), (True, 3)], ids=["at once", "in turn"])
def crowd(request):
    """A large batch recalled at once, and twelve of its samples in a plain loop."""
    asyn, num_iter = request.param
    network = AmariHopfieldNetwork(120, asyn=asyn)
    trainer = HebbianTrainer(network)
    with pytest.warns(UserWarning, match="24 patterns stored"):  # too many, on purpose
        trainer.train(CROWD)
    states = np.asarray(trainer.predict_batch(CROWD_CUES, num_iter))
    history = trainer.history
    chosen = [*map(int, np.flatnonzero(~history.converged)[:6]), *range(6)]
    courses = {b: course(network, CROWD_CUES[b], num_iter) for b in chosen}
    moves = {b: [(x != y).any() for x, y in pairwise(c[0])] for b, c in courses.items()}
    return SimpleNamespace(
        asyn=asyn, num_iter=num_iter, states=states, history=history, courses=courses, moves=moves
    )


def test_some_of_a_crowd_come_to_rest_and_some_do_not(crowd):
    assert crowd.history.converged.any()
    assert not crowd.history.converged.all()


def test_only_neurons_that_move_all_at_once_can_end_in_a_cycle(crowd):
    assert crowd.history.cycle.any() == (not crowd.asyn)


def test_states_of_a_crowd_are_those_of_a_plain_loop(crowd):
    for b, (passed, _) in crowd.courses.items():
        np.testing.assert_array_equal(crowd.states[b], passed[-1])


def test_steps_of_a_crowd_are_those_of_a_plain_loop(crowd):
    for b, moves in crowd.moves.items():
        assert crowd.history.steps[b] == sum(moves)


def test_a_sample_of_a_crowd_has_converged_if_its_last_step_moved_nothing(crowd):
    for b, moves in crowd.moves.items():
        assert crowd.history.converged[b] == (not moves[-1])


def test_a_sample_of_a_crowd_is_in_a_cycle_if_it_is_where_it_was_two_steps_ago(crowd):
    for b, (passed, _) in crowd.courses.items():
        back = crowd.num_iter > 1 and crowd.moves[b][-1] and (passed[-1] == passed[-3]).all()
        assert crowd.history.cycle[b] == back


def test_energies_of_a_crowd_are_those_of_a_plain_loop(crowd):
    recorded = crowd.history.energy
    for b, (_, energies) in crowd.courses.items():
        np.testing.assert_allclose(recorded[b], energies[: recorded.shape[1]], rtol=1e-5)


# --- noise -------------------------------------------------------------------------------------------

ALIKE = np.tile(CROWD[0, :16], (6, 1))


def noisy_trainer(**options):
    model = AmariHopfieldNetwork(16, asyn=True, activation="glauber", temperature=20.0)
    trainer = HebbianTrainer(model, **options)
    trainer.train(CROWD[:2, :16])
    return trainer


@pytest.fixture(scope="module")
def together():
    """Where six equal cues end when they are recalled together."""
    return np.asarray(noisy_trainer().predict_batch(ALIKE, 5))


def test_each_sample_tosses_its_own_coins(together):
    assert len(np.unique(together, axis=0)) == 6


def test_a_sample_tosses_the_same_coins_alone(together):
    np.testing.assert_array_equal(noisy_trainer().predict(ALIKE[0], 5), together[0])


@pytest.mark.parametrize("use_compile", [True, False])
def test_a_sample_tosses_the_same_coins_among_fewer(together, use_compile):
    trainer = noisy_trainer(use_compile=use_compile)
    np.testing.assert_array_equal(trainer.predict_batch(ALIKE[:3], 5), together[:3])


# --- what is refused, and that nothing has changed then ----------------------------------------------


class Box:
    """Somebody else's variable."""

    def __init__(self, value):
        self.value = value


def namespace(**boxes):
    return SimpleNamespace(update=print, **boxes)


@pytest.fixture
def trained():
    """A trainer that has stored one pattern of four entries, and recalled it once."""
    trainer = HebbianTrainer(AmariHopfieldNetwork(4))
    trainer.train([[1, 1, -1, -1]])
    trainer.predict([1, 1, 1, -1])
    return trainer


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        pytest.param(lambda t: t.predict([1, 1, 1]), ValueError, r"\(4,\)", id="three entries"),
        pytest.param(lambda t: t.predict([1, 1, 0.5, 1]), ValueError, r"0\.5", id="half active"),
        pytest.param(lambda t: t.predict([1, 1, np.nan, 1]), ValueError, "finite", id="nan"),
        pytest.param(
            lambda t: t.predict([1, 1, -1, 1], num_iter=-1), ValueError, "num_iter", id="-1 steps"
        ),
        pytest.param(
            lambda t: t.predict([1, 1, -1, 1], num_iter=1.5), ValueError, "num_iter", id="1.5 steps"
        ),
        pytest.param(
            lambda t: t.predict([1, 1, -1, 1], tolerance=-1.0), ValueError, "tolerance",
            id="negative tolerance",
        ),
        pytest.param(lambda t: t.predict_batch([]), ValueError, "empty", id="no pattern"),
        pytest.param(
            lambda t: t.predict_batch([[1, 1, -1, 1], [1]]), ValueError, r"patterns\[1\]",
            id="one pattern too short",
        ),
        pytest.param(
            lambda t: t.predict_batch(np.ones(4)), ValueError, "into a list", id="not in a list"
        ),
        pytest.param(lambda t: t.predict("four"), ValueError, "shape", id="a word"),
        pytest.param(
            lambda t: HebbianTrainer(SimpleNamespace()), TypeError, r"update\(\)", id="no model"
        ),
        pytest.param(lambda t: HebbianTrainer(namespace()), TypeError, "weights", id="no weights"),
        pytest.param(
            lambda t: HebbianTrainer(namespace(W=t.model.W)), TypeError, "activity",
            id="no activity",
        ),
        pytest.param(
            lambda t: HebbianTrainer(t.model, weight_attr="J"), TypeError, "'J'", id="no such weights"
        ),
        pytest.param(
            lambda t: HebbianTrainer(namespace(W=t.model.W, s=Box(np.ones(3)))).predict([1, 1, 1]),
            ValueError, r"\(3, 3\)", id="weights of another size",
        ),
        pytest.param(
            lambda t: HebbianTrainer(namespace(W=t.model.W, s=Box(np.ones((2, 2))))).predict([1, 1]),
            ValueError, "one row of neurons", id="activity in a square",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_changes_nothing(trained, call, error, words):
    model, history = trained.model, trained.history
    W, s = np.asarray(model.W.value), np.asarray(model.s.value)
    with pytest.raises(error, match=words):
        call(trained)
    np.testing.assert_array_equal(model.W.value, W)
    np.testing.assert_array_equal(model.s.value, s)
    assert trained.history is history


def test_an_activity_of_another_name_is_refused_and_changes_nothing():
    model = AmariHopfieldNetwork(4)
    trainer = HebbianTrainer(model)
    trainer.train([[1, 1, -1, -1]])
    history, W, s = trainer.history, np.asarray(model.W.value), np.asarray(model.s.value)
    with pytest.raises(TypeError, match="'u'"):
        HebbianTrainer(model, state_attr="u")
    np.testing.assert_array_equal(model.W.value, W)
    np.testing.assert_array_equal(model.s.value, s)
    assert trainer.history is history


class Interrupted(AmariHopfieldNetwork):
    """A network whose user loses patience at the n-th call of a method."""

    countdown: ClassVar = {}

    def strike(self, method):
        self.countdown[method] = self.countdown.get(method, 0) - 1
        if self.countdown[method] == 0:
            raise KeyboardInterrupt

    def update(self, prev_energy=None):
        super().update()
        self.strike("update")

    def init_state(self):
        super().init_state()
        self.strike("init_state")


def contents(model):
    return {
        name: np.asarray(jax.random.key_data(box.value) if "key" in name else box.value)
        for name, box in states(model).items()
    }


@pytest.mark.parametrize(
    ("method", "use_compile", "at"),
    [("update", False, 2), ("update", True, 1), ("init_state", False, 1), ("init_state", True, 1)],
)
def test_an_interrupt_leaves_every_box_as_it_was(monkeypatch, method, use_compile, at):
    model = Interrupted(4, asyn=True)
    trainer = HebbianTrainer(model, use_compile=use_compile)
    trainer.train([[1, 1, -1, -1]])
    model.s.value = [1, -1, 1, -1]
    model.key.value = jax.random.key(99)
    before = contents(model)
    monkeypatch.setattr(Interrupted, "countdown", {method: at})
    with pytest.raises(KeyboardInterrupt):
        trainer.predict([1, -1, 1, -1])
    jax.tree.map(np.testing.assert_array_equal, contents(model), before)


# --- models of other kinds ---------------------------------------------------------------------------


class ShyBox(Box):
    """A variable that refuses stand-ins."""

    def __setattr__(self, name, value):
        if isinstance(value, jax.core.Tracer):
            raise RuntimeError("no tracers, please")
        super().__setattr__(name, value)


class ForeignNetwork:
    weight_attr = "synapses"

    def __init__(self, n):
        self.s = ShyBox(np.ones(n, np.float32))
        self.synapses = ShyBox(np.zeros((n, n), np.float32))

    def update(self):
        self.s.value = jnp.sign(self.synapses.value @ self.s.value + 1e-9)


def test_a_library_whose_variables_refuse_stand_ins_works_uncompiled_with_a_warning():
    pattern = random_patterns(8, 300, seed=1)[0, :20]
    trainer = HebbianTrainer(ForeignNetwork(20))
    trainer.train([pattern])
    with pytest.warns(UserWarning, match="no tracers"):
        answer = trainer.predict(corrupt(pattern, 0.2))
    assert (answer == pattern).all()


class Forgetful(AmariHopfieldNetwork):
    def init_state(self):
        super().init_state()
        self.W.value = np.zeros((4, 4))


def test_an_init_state_that_wipes_the_weights_does_no_harm():
    trainer = HebbianTrainer(Forgetful(4))
    trainer.train([[1, 1, -1, -1]])
    assert trainer.predict([1, 1, 1, -1]).tolist() == [1, 1, -1, -1]


class Meddling(AmariHopfieldNetwork):
    def update(self, prev_energy=None):
        super().update()
        self.W.value = self.W.value * 2


def test_dynamics_that_write_to_a_parameter_are_refused():
    trainer = HebbianTrainer(Meddling(4))
    trainer.train([[1, 1, -1, -1]])
    with pytest.raises(TypeError, match="parameter"):
        trainer.predict([1, 1, 1, -1])


def test_no_step_at_all_returns_the_cue_and_records_one_energy():
    trainer = HebbianTrainer(AmariHopfieldNetwork(4))
    assert trainer.predict([1, 1, -1, 1], num_iter=0).tolist() == [1, 1, -1, 1]
    assert not trainer.history.converged
    assert trainer.history.energy.shape == (1,)


class Nearest:
    """A memory with a row of weights for each of three patterns."""

    memory_rows = True

    def __init__(self):
        self.W, self.s = State(np.eye(3, 4)), State(np.zeros(4))

    def update(self, prev_energy=None):
        self.s.value = self.W.value[jnp.argmax(self.W.value @ self.s.value)]


class RecallOnly(Trainer):
    memory_rows = True

    def train(self, train_data):
        raise NotImplementedError


def test_a_trainer_that_can_handle_rows_recalls_from_a_memory_of_rows():
    assert RecallOnly(Nearest()).predict([0.1, 0.7, 0.2, 0]).tolist() == [0, 1, 0, 0]


def test_a_rule_that_changes_connections_refuses_a_memory_of_rows():
    with pytest.raises(TypeError, match="memory_rows"):
        HebbianTrainer(Nearest())


def test_a_trainer_that_can_handle_rows_takes_a_model_without():
    model = AmariHopfieldNetwork(4)
    assert RecallOnly(model).model is model
