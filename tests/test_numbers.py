"""What a person may want to change compiles nothing again, and changes nothing else."""

from itertools import pairwise

import jax
import numpy as np
import pytest

from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.recall import SIZES, Network, batches, settle
from canns.state import Number, State, boxes, is_number, lift, values_of
from canns.stimuli import corrupt, random_patterns
from canns.trainer import HebbianTrainer

pytestmark = pytest.mark.filterwarnings("ignore:.*patterns stored:UserWarning")

N = 200
MEMORIES = random_patterns(5, N)
CUES = corrupt(MEMORIES, 0.3)


def trained(memories=MEMORIES, **options):
    """The trainer of a network that has stored memories."""
    trainer = HebbianTrainer(AmariHopfieldNetwork(memories.shape[1], **options))
    trainer.train(memories)
    return trainer


def test_the_counter_counts(compilations):
    jax.jit(lambda x: x * 3.25)(np.ones(7))
    assert len(compilations.new()) == 1


@pytest.mark.parametrize("activation", ["tanh", "glauber", "sigmoid"])
def test_a_hundred_temperatures_are_one_program(compilations, activation):
    trainer = trained(activation=activation, asyn=activation == "glauber")
    cues = (CUES + 1) / 2 if activation == "sigmoid" else CUES
    trainer.predict_batch(cues)
    compilations.new()
    answers = []
    for temperature in np.geomspace(0.1, 200, 100):
        trainer.model.temperature = temperature
        answers.append(np.asarray(trainer.predict_batch(cues)))
    assert compilations.new() == []
    assert not np.array_equal(answers[0], answers[-1])


def test_a_hundred_vectors_of_thresholds_are_one_program_and_one_number_is_the_same(compilations):
    trainer = trained()
    trainer.predict_batch(CUES)  # with one number for all
    compilations.new()
    rng = np.random.default_rng(0)
    for _ in range(100):
        trainer.model.threshold = 20 * rng.standard_normal(N)
        trainer.predict_batch(CUES)
    assert compilations.new() == []
    trainer.model.threshold = np.full(N, 1e9)
    assert (trainer.predict_batch(CUES) == -1).all()


def test_a_hundred_tolerances_are_one_program(compilations):
    trainer = trained(activation="tanh", temperature=0.5)
    trainer.predict_batch(CUES, num_iter=3)
    compilations.new()
    steps = []
    for tolerance in np.geomspace(1e-8, 10, 100):
        trainer.predict_batch(CUES, num_iter=60, tolerance=tolerance)
        steps.append(trainer.history.steps.sum())
    assert compilations.new() == []
    assert steps[0] > steps[-1] == 0


def test_any_number_of_steps_is_one_program(compilations):
    trainer = trained(activation="glauber", temperature=30.0)
    jax.clear_caches()
    compilations.new()
    for num_iter in range(1, 101):
        trainer.predict_batch(CUES, num_iter)
        assert trainer.history.energy.shape[1] <= num_iter + 1
    assert compilations.new().count("jit(run)") <= 2
    trainer.predict_batch(CUES, 300)
    assert trainer.history.energy.shape == (5, 301)


def test_a_hundred_sizes_of_a_batch_are_eight_programs(compilations):
    trainer = trained()
    cues = corrupt(np.repeat(MEMORIES, 20, axis=0), 0.3)
    trainer.predict(cues[0])
    compilations.new()
    for size in range(1, 101):
        trainer.predict_batch(cues[:size])
        assert trainer.history.steps.shape == (size,)
    assert len(compilations.new()) <= 8


def test_storing_one_by_one_with_a_recall_after_each_is_eight_programs(compilations):
    trainer = HebbianTrainer(AmariHopfieldNetwork(N, seed=3), normalize_by_patterns=False)
    many = random_patterns(100, N, seed=7)
    jax.clear_caches()
    compilations.new()
    for k, pattern in enumerate(many):
        trainer.train([pattern])
        trainer.predict(pattern)
        assert trainer.num_stored == k + 1
    assert len(compilations.new()) <= 8
    exact = many.T @ many
    np.fill_diagonal(exact, 0)
    np.testing.assert_array_equal(np.asarray(trainer.model.W), exact)


# --- filling up is inert --------------------------------------------------------------------------


@pytest.mark.parametrize("asyn", [False, True])
@pytest.mark.parametrize("activation", ["sign", "glauber"])
def test_a_batch_that_is_filled_up_gives_the_same_bits(asyn, activation):
    options = {"asyn": asyn, "activation": activation, "temperature": 30.0}
    trainer = trained(**options)
    cues = corrupt(np.repeat(MEMORIES, 20, axis=0), 0.4)
    whole = np.asarray(trainer.predict_batch(cues, 15))
    record = trainer.history
    for size in (1, 3, 7, 23, 77):
        np.testing.assert_array_equal(trainer.predict_batch(cues[:size], 15), whole[:size])
        history = trainer.history
        np.testing.assert_array_equal(history.steps, record.steps[:size])
        np.testing.assert_array_equal(history.converged, record.converged[:size])
        np.testing.assert_array_equal(history.cycle, record.cycle[:size])
        width = history.energy.shape[1]
        np.testing.assert_array_equal(history.energy, record.energy[:size, :width])


@pytest.mark.parametrize("count", [1, 3, 5, 17])
def test_room_for_more_patterns_gives_the_same_bits(count):
    memories = random_patterns(count, 300, seed=count)
    cues = corrupt(memories, 0.35, seed=1)
    at_once = trained(memories)
    one_by_one = HebbianTrainer(AmariHopfieldNetwork(300), learning_rate=1 / count)
    for pattern in memories:
        one_by_one.train([pattern])
    assert one_by_one.model.W.value.room >= at_once.model.W.value.room
    np.testing.assert_array_equal(one_by_one.predict_batch(cues), at_once.predict_batch(cues))
    np.testing.assert_array_equal(one_by_one.history.steps, at_once.history.steps)
    np.testing.assert_allclose(one_by_one.history.energy, at_once.history.energy, rtol=1e-6)


def test_a_large_batch_of_large_patterns_is_cut_and_not_filled_up():
    assert batches(10, 10**6) == [(0, 10, 10)]
    for count in (3, 11, 99, 1500, 5000):
        cut = batches(count, 10**6)
        assert cut[0][0] == 0 and cut[-1][1] == count
        assert all(a[1] == b[0] for a, b in pairwise(cut))
        assert all(stop - start <= room and room in SIZES for start, stop, room in cut)
        assert sum(room for *_, room in cut) - count <= 0.05 * count + 1


def test_a_batch_in_pieces_is_the_batch_in_one(monkeypatch):
    trainer = trained(activation="glauber", temperature=30.0, asyn=True)
    cues = corrupt(np.repeat(MEMORIES, 5, axis=0), 0.4)[:23]
    whole = np.asarray(trainer.predict_batch(cues, 9))
    energy, noise = trainer.history.energy, jax.random.key_data(trainer.model.noise.value)
    pieces = [(0, 10, 10), (10, 20, 10), (20, 23, 4)]
    monkeypatch.setattr("canns.recall.batches", lambda count, size: pieces)
    np.testing.assert_array_equal(trainer.predict_batch(cues, 9), whole)
    np.testing.assert_array_equal(trainer.history.energy, energy)
    np.testing.assert_array_equal(jax.random.key_data(trainer.model.noise.value), noise)


def test_memory_of_a_record_follows_the_steps_taken():
    trainer = trained()
    trainer.predict_batch(np.repeat(MEMORIES, 40, axis=0), num_iter=10**9)
    assert trainer.history.energy.shape == (200, 1)


# --- the attribute itself -------------------------------------------------------------------------


class Neuron:
    """Something with numbers."""

    size = 3
    gain = Number(2.0)
    bias = Number(0.0, per="size")
    limit = Number(None)

    def __init__(self):
        self.v = State(np.ones(3))

    def update(self):
        self.v.value = self.gain * self.v.value + self.bias


def test_a_number_gives_back_what_was_assigned_and_programs_take_it_from_its_box():
    neuron = Neuron()
    assert neuron.gain == 2.0 and neuron.bias == 0.0 and neuron.limit is None
    neuron.gain, neuron.bias, neuron.limit = 3, [1, 2, 3], 1.5
    assert neuron.gain == 3 and neuron.limit == 1.5
    np.testing.assert_array_equal(neuron.bias, [1, 2, 3])
    assert set(boxes(neuron)) == {"gain", "bias", "limit", "v"}
    assert [name for name, box in boxes(neuron).items() if not is_number(box)] == ["v"]
    step = jax.jit(lift(neuron.update, boxes(neuron)))
    values = values_of(boxes(neuron))
    new, _ = step(values)
    np.testing.assert_array_equal(new["v"], [4, 5, 6])
    new, _ = step({**values, "gain": 10.0})
    np.testing.assert_array_equal(new["v"], [11, 12, 13])
    slope = jax.grad(lambda gain: step({**values, "gain": gain})[0]["v"].sum())(1.0)
    assert slope == 3.0


def test_objects_of_a_class_do_not_share_their_numbers_nor_do_copies():
    import copy

    first, second = Neuron(), Neuron()
    first.gain = 5.0
    other = copy.copy(first)
    other.gain = 7.0
    assert (first.gain, second.gain, other.gain) == (5.0, 2.0, 7.0)
    deep = copy.deepcopy(first)
    deep.bias = 1.0
    assert first.bias == 0.0 and deep.gain == 5.0


def test_a_number_does_not_change_with_the_array_it_was_assigned_from():
    neuron, given = Neuron(), np.array([1.0, 2.0, 3.0])
    neuron.bias = given
    given[:] = 9
    np.testing.assert_array_equal(neuron.bias, [1, 2, 3])


@pytest.mark.parametrize(
    ("name", "value", "error", "words"),
    [
        ("temperature", 0.0, ValueError, "temperature must be positive"),
        ("temperature", float("nan"), ValueError, "temperature must be positive"),
        ("temperature", "warm", TypeError, "temperature must be a real number"),
        ("temperature", None, TypeError, "temperature must be a real number"),
        ("temperature", True, TypeError, "temperature must be a real number"),
        ("temperature", np.ones(200), ValueError, "temperature must be one number"),
        ("threshold", float("inf"), ValueError, "threshold must be finite"),
        ("threshold", np.zeros(3), ValueError, "threshold must be a number or 200 of them"),
        ("threshold", 1j, TypeError, "threshold must be a real number"),
        ("activation", "sing", ValueError, "activation must be one of"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_assigned(name, value, error, words):
    net = AmariHopfieldNetwork(N)
    before = getattr(net, name)
    with pytest.raises(error, match=words):
        setattr(net, name, value)
    assert getattr(net, name) == before
    with pytest.raises(error, match=words):
        AmariHopfieldNetwork(N, **{name: value})


def test_another_activation_later_is_another_program_and_works():
    trainer = trained()
    assert (trainer.predict_batch(CUES) == MEMORIES).all()
    trainer.model.activation = "glauber"
    trainer.model.temperature = 1e-3
    assert (trainer.predict_batch(CUES) == MEMORIES).all()
    trainer.model.temperature = 1e6
    noisy = np.asarray(trainer.predict_batch(CUES))
    assert abs((noisy * MEMORIES).mean()) < 0.2


def test_the_model_says_what_to_write_when_a_box_is_replaced():
    net = AmariHopfieldNetwork(4)
    with pytest.raises(TypeError, match=r"model\.W\.value = "):
        net.W = np.zeros((4, 4))
    assert Network(net).size() == 4


def test_recall_can_be_asked_without_a_trainer():
    trainer = trained()
    final, history = settle(Network(trainer.model), CUES)
    np.testing.assert_array_equal(final, MEMORIES)
    assert history[0].energy.shape == (history.energy.shape[1],)
    assert history[0].converged and "1 of 1 converged" in repr(history[0])


def test_fresh_networks_with_other_numbers_of_patterns_share_programs(compilations):
    many = random_patterns(32, 300, seed=3)
    trained(many[:1]).predict(many[0])
    compilations.new()
    for count in range(1, 33):
        trainer = trained(many[:count])
        assert trainer.model.W.value.rank == count <= trainer.model.W.value.room <= 1.25 * count
        trainer.predict(many[0])
    assert len(compilations.new()) <= 15
