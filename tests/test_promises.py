"""Promises of the core, each with a small mistake that would break it unnoticed elsewhere."""

import functools
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from canns import checks
from canns.models.brain_inspired import AmariHopfieldNetwork, LinearLayer
from canns.recall import Network, batches, energies, settle
from canns.state import (
    PROGRAMS,
    Blueprint,
    Number,
    ParamState,
    Record,
    State,
    boxes,
    guard,
    lift,
    per_model,
    values_of,
)
from canns.stimuli import corrupt, random_patterns
from canns.trainer import HebbianTrainer, OjaTrainer
from canns.trainer.local import LocalTrainer
from canns.weights import (
    OuterProducts,
    add_into,
    eigenvalues,
    entries,
    field,
    frobenius_norm,
    plus,
    sweep,
    with_room,
    zero_diagonal,
)


class Thing:
    """Attributes as given."""

    def __init__(self, **parts):
        vars(self).update(parts)


class Cell:
    size = 3
    gain = Number(2.0)
    bias = Number(0.0, per="size")

    def __init__(self):
        self.v = State(np.zeros(3, np.float32))

    def update(self):
        self.v.value = self.v.value + self.bias


# --- state -------------------------------------------------------------------------------------------


def test_a_lifted_method_brings_back_boxes_that_were_not_named():
    model = Thing(a=State(1.0), b=State(2.0))

    def method():
        model.a.value = model.a.value + 5
        model.b.value = model.b.value + 5

    new, _ = lift(method, boxes(model))({"a": jnp.float32(10.0)})
    assert (float(new["a"]), float(new["b"])) == (15.0, 7.0)
    assert (float(model.a.value), float(model.b.value)) == (1.0, 2.0)


def test_a_number_does_not_change_with_a_float32_array_it_was_assigned_from():
    cell, given = Cell(), np.array([1, 2, 3], np.float32)
    cell.bias = given
    given[:] = 9
    np.testing.assert_array_equal(cell.bias, [1, 2, 3])
    np.testing.assert_array_equal(boxes(cell)["bias"].value, [1, 2, 3])


def test_a_number_can_be_assigned_from_a_box():
    cell = Cell()
    cell.gain = State(np.float32(4.0))
    assert type(cell.gain) is float and cell.gain == 4.0


def test_a_stand_in_for_a_number_has_as_many_entries_as_the_number():
    cell = Cell()

    def shape_inside(bias):
        cell.bias = bias
        assert boxes(cell)["bias"].value.shape == (3,)
        return jnp.sum(boxes(cell)["bias"].value)

    assert float(jax.jit(shape_inside)(2.0)) == 6.0


def test_a_box_under_two_names_is_listed_once_under_the_first():
    box = State(0.0)
    assert list(boxes(Thing(first=box, second=box, more=[box]))) == ["first"]


def test_a_model_that_has_a_value_of_its_own_is_searched_all_the_same():
    assert list(boxes(Thing(value=np.zeros(2), s=State(0.0)))) == ["s"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (np.zeros(2, np.int32), np.zeros(2, np.float32)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (functools.partial(max, key=abs), functools.partial(max, key=float)),
        (Thing(k=1).__init__, Thing(k=2).__init__),
    ],
    ids=["sign of zero", "dtype", "shape", "keyword of a partial", "object of a bound method"],
)
def test_blueprints_tell_apart(one, other):
    assert Blueprint(Thing(part=one)) == Blueprint(Thing(part=one))
    assert Blueprint(Thing(part=one)) != Blueprint(Thing(part=other))


def scaled_by(x, *, gain=2.0):
    return gain * x


class UsesHelper:
    def __init__(self):
        self.s = State(1.0)

    def update(self):
        return scaled_by(self.s.value)


@per_model
def run_update(model, values):
    return lift(model.update, boxes(model))(values)[1]


def test_a_changed_default_of_a_keyword_only_argument_is_seen(monkeypatch):
    model = UsesHelper()
    values = values_of(boxes(model))
    assert float(run_update(model, values)) == 2.0
    monkeypatch.setattr(scaled_by, "__kwdefaults__", {"gain": 5.0})
    assert float(run_update(model, values)) == 5.0


def test_the_program_used_longest_ago_is_the_one_that_goes():
    traced = []

    @per_model
    def program(model, x):
        traced.append(model.k)
        return x + model.k

    for k in range(PROGRAMS):
        program(Thing(k=k), 1.0)
    program(Thing(k=0), 1.0)  # used again: now 1 was used longest ago
    assert traced == list(range(PROGRAMS))  # all of them are kept
    program(Thing(k=PROGRAMS), 1.0)
    program(Thing(k=0), 1.0)
    assert traced == list(range(PROGRAMS + 1))
    program(Thing(k=1), 1.0)
    assert traced[-1] == 1


def test_one_thread_at_a_time_is_in_a_guard():
    model, inside, tried = Thing(), threading.Event(), threading.Event()

    def other():
        tried.set()
        with guard(model):
            inside.set()

    with guard(model), guard(model):
        thread = threading.Thread(target=other)
        thread.start()
        tried.wait(10)
        assert not inside.wait(0.2)
    thread.join(10)
    assert inside.is_set()


SHARED = State(2.0)


class ReadsShared:
    def __init__(self):
        self.s = State(1.0)

    def update(self):
        return SHARED.value * self.s.value


def test_what_a_box_outside_of_the_model_holds_now_is_seen():
    model = ReadsShared()
    values = values_of(boxes(model))
    assert float(run_update(model, values)) == 2.0
    SHARED.value = 5.0
    try:
        assert float(run_update(model, values)) == 5.0
    finally:
        SHARED.value = 2.0


class HasRecord:
    count = Record(0)


@per_model
def inner(model, x):
    return 2 * x


@per_model
def outer(model, x):
    return inner(model, x) + model.count


def test_a_record_is_refused_also_after_a_compiled_call_inside():
    with pytest.raises(RuntimeError, match="a record that changes"):
        outer(HasRecord(), 1.0)


@jax.tree_util.register_pytree_node_class
class SlowToUnpack:
    """An argument that is not unpacked before another thread had a chance to come in."""

    waits: threading.Event | None = None
    begun: threading.Event | None = None

    def tree_flatten(self):
        if self.waits is not None:
            self.begun.set()
            self.waits.wait(0.5)
        return (), None

    @classmethod
    def tree_unflatten(cls, _, parts):
        return cls()


def test_two_threads_with_models_of_one_blueprint_do_not_mix_them_up():
    @per_model
    def program(model, given):
        return jnp.float32(model.k)

    slow, answers = SlowToUnpack(), []
    slow.waits, slow.begun = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: answers.append(float(program(Thing(k=3), slow))))
    thread.start()
    slow.begun.wait(10)
    answers.append(float(program(Thing(k=3), 1.0)))
    slow.waits.set()
    thread.join(30)
    assert answers == [3.0, 3.0]


# --- recall ------------------------------------------------------------------------------------------


def test_samples_of_the_second_batch_toss_coins_of_their_own():
    net = AmariHopfieldNetwork(20, activation="glauber", temperature=5.0)
    trainer = HebbianTrainer(net)
    trainer.train(random_patterns(2, 20))
    cues = np.repeat(random_patterns(1, 20, seed=1), 1100, axis=0)
    assert [(a, b) for a, b, _ in batches(1100, 20)] == [(0, 1024), (1024, 1100)]
    states = np.asarray(trainer.predict_batch(cues, 3))
    assert (states[:76] != states[1024:]).any(axis=1).mean() > 0.9


def test_a_batch_is_filled_up_as_long_as_that_is_less_than_32768_numbers():
    assert batches(3, 2**15) == [(0, 3, 4)]
    assert batches(3, 2**15 + 1) == [(0, 2, 2), (2, 3, 1)]


def test_the_model_holds_the_last_of_a_crowd_whoever_is_slow():
    net = AmariHopfieldNetwork(60)
    trainer = HebbianTrainer(net)
    memories = random_patterns(5, 60, seed=3)
    trainer.train(memories)
    cues = corrupt(random_patterns(199, 60, seed=4), 0.4, seed=5)
    cues = np.concatenate([cues, memories[:1]])  # the last one rests at once
    states = trainer.predict_batch(cues, 40)
    assert trainer.history.steps.max() > trainer.history.steps[-1]
    np.testing.assert_array_equal(net.s.value, states[-1])


class Ticks:
    """One neuron counts down to zero, and a shared key advances with every step of any sample."""

    noise_attr = None

    def __init__(self):
        self.W = ParamState(np.eye(2, dtype=np.float32))
        self.s = State(np.zeros(2, np.float32))
        self.key = State(jax.random.key(0))

    def update(self):
        self.key.value = jax.random.split(self.key.value)[0]
        self.s.value = jnp.maximum(self.s.value - 1, 0)


def test_a_shared_box_has_advanced_as_often_as_the_slowest_batch(monkeypatch):
    monkeypatch.setattr("canns.recall.batches", lambda count, size: [(0, 2, 2), (2, 4, 2)])
    model = Ticks()
    cues = np.array([[9, 0], [1, 0], [1, 0], [2, 0]], np.float32)
    settle(Network(model), cues, 30)
    slow = Ticks()
    monkeypatch.undo()
    settle(Network(slow), cues[:2], 30)
    expected = np.asarray(jax.random.key_data(slow.key.value))
    np.testing.assert_array_equal(jax.random.key_data(model.key.value), expected)


def test_a_change_of_just_the_tolerance_counts_as_none():
    model = Ticks()
    _, history = settle(Network(model), np.array([[5, 0]], np.float32), 30, tolerance=1.0)
    assert history.converged.tolist() == [True] and history.steps.tolist() == [0]


def test_batches_together_say_who_came_to_rest_and_who_cycles(monkeypatch):
    net = AmariHopfieldNetwork(2)
    net.W.value = np.array([[0, 1], [1, 0]], np.float32)
    monkeypatch.setattr("canns.recall.batches", lambda count, size: [(0, 1, 1), (1, 2, 1)])
    _, history = settle(Network(net), np.array([[1, 1], [1, -1]], np.float32), 7)
    assert history.converged.tolist() == [True, False]
    assert history.cycle.tolist() == [False, True]
    assert history.steps.tolist() == [0, 7]


# --- weights -----------------------------------------------------------------------------------------


def some(seed=0, rank=2, n=9, **options):
    rng = np.random.default_rng(seed)
    return OuterProducts(rng.integers(-3, 4, (rank, n)).astype(np.float32), **options)


def test_room_is_made_only_when_it_lacks_and_given_up_at_half_the_size():
    W = with_room(some(rank=2, n=20), 3)
    assert W.room == 5
    assert with_room(W, 3) is W
    assert isinstance(with_room(some(rank=2, n=20), 7), OuterProducts)
    assert not isinstance(with_room(some(rank=2, n=20), 8), OuterProducts)


def test_adding_in_the_room_is_adding():
    W, post = some(rank=2, n=20), np.full((1, 20), 7, np.float32)
    full = add_into(with_room(W, 1), jnp.asarray(post), jnp.asarray([0.5]))
    np.testing.assert_array_equal(full, np.asarray(W) + 0.5 * post.T @ post)
    np.testing.assert_array_equal(full.diagonal(), np.diag(np.asarray(full)))
    np.testing.assert_array_equal(full.peak, np.abs(np.asarray(full.post)).max(axis=1))


def test_room_never_passes_half_the_size():
    W = OuterProducts.zeros(41)
    for k in range(20):
        W = plus(W, some(seed=k, rank=1, n=41))
        assert isinstance(W, OuterProducts) and W.room <= 20
    assert not isinstance(plus(W, some(rank=1, n=41)), OuterProducts)


def test_a_sum_with_nothing_on_two_sides_stays_symmetric():
    nothing = OuterProducts.zeros(9, 9)
    assert plus(some(), nothing).symmetric


def test_emptying_the_diagonal_twice_and_after_more_keeps_what_is_off_it():
    W = zero_diagonal(plus(zero_diagonal(some(rank=1)), some(seed=1, rank=1)))
    x = np.arange(9, dtype=np.float32)
    dense = np.asarray(W)
    assert (np.diag(dense) == 0).all()
    np.testing.assert_allclose(W @ x, dense @ x, rtol=1e-5)


def test_the_slack_of_a_field_covers_all_terms():
    W = OuterProducts([[4.0, 2.0, 1.0]], removed=[8.0, 0.0, 0.0])
    _, slack = field(W, jnp.ones(3))
    eps = 2 * np.finfo(np.float32).eps
    np.testing.assert_allclose(slack, eps * np.array([7 * 4 + 8, 28, 28]), rtol=1e-6)
    slacks = []

    def rule(h, slack, s, i):
        slacks.append(None)
        return slack

    found = sweep(W, jnp.ones(3), jnp.array([0]), rule)
    np.testing.assert_allclose(found[0], eps * (4 * 7 + 8), rtol=1e-6)


def test_a_transpose_knows_its_own_largest_entries():
    W = OuterProducts([[1.0, 2.0]], [[5.0, -9.0]])
    assert W.T.peak.tolist() == [9.0] and W.peak.tolist() == [2.0]


def test_norm_and_entries_with_a_diagonal_taken_off():
    W = OuterProducts([[1.0, 2.0, 3.0]], removed=[5.0, 0.0, -1.0])
    dense = np.asarray(W)
    assert frobenius_norm(W) == pytest.approx(np.linalg.norm(dense))
    i, j = np.array([0, 1, 2, 0]), np.array([0, 1, 2, 2])
    np.testing.assert_array_equal(entries(W, i, j), dense[i, j])


def test_eigenvalues_with_coefficients_of_both_signs_and_a_diagonal_taken_off():
    W = some(rank=2, n=9, coef=[1.0, -0.5], removed=np.full(9, 2.0, np.float32))
    expected = np.sort(np.linalg.eigvalsh(np.asarray(W, np.float64)))[::-1]
    np.testing.assert_allclose(eigenvalues(W, True), expected, atol=1e-4)


# --- checks and trainers -----------------------------------------------------------------------------


def test_limits_belong_to_what_is_allowed():
    assert checks.count(2, "k", at_least=2) == 2
    assert checks.share(np.array([0.0, 1.0]), "p") is not None
    assert checks.samples(1, "tau") == 1
    checks.bounds(0.5, 0.5)


def test_checked_patterns_are_a_copy_also_of_float32():
    data = np.ones((2, 3), np.float32)
    checked = checks.patterns(data, 3)
    data[:] = 0
    assert (checked == 1).all()


class Plain(LocalTrainer):
    def change(self, W, pre, post):
        return self.learning_rate * jnp.ones_like(W)


def test_no_epoch_at_all_is_refused():
    with pytest.raises(ValueError, match="epochs"):
        Plain(LinearLayer(3, 2)).train(np.ones((1, 3)), epochs=0)


class Grows(LocalTrainer):
    """Runs away at a known sample."""

    def change(self, W, pre, post):
        return jnp.where(pre[0] > 2, jnp.inf, 0.0) * jnp.ones_like(W)


def test_the_sample_that_ran_away_is_named_by_place_and_by_row():
    data = np.zeros((6, 3), np.float32)
    data[4, 0] = 3
    order = np.random.default_rng(1).permutation(6)
    place = int(np.flatnonzero(order == 4)[0])
    assert place != 4
    with pytest.raises(FloatingPointError, match=rf"sample {place + 1} of 6 \(train_data\[4\]\)"):
        Grows(LinearLayer(3, 2)).train(data, shuffle=True, seed=1)


def test_exactly_the_capacity_is_no_warning(recwarn):
    net = AmariHopfieldNetwork(100)
    trainer = HebbianTrainer(net)
    trainer.train(random_patterns(net.storage_capacity, 100))
    assert not [w for w in recwarn if "patterns stored" in str(w.message)]


# --- stored nothing, learned boxes, what is kept -----------------------------------------------------


def test_patterns_with_no_weight_are_nothing_stored():
    from canns.weights import is_zero

    assert is_zero(OuterProducts(np.ones((1, 4)), coef=0.0))
    assert is_zero(OuterProducts(np.ones((1, 4)), np.zeros((1, 4))))
    assert not is_zero(OuterProducts(np.ones((1, 4)), coef=0.5))


class LearnsMore(LocalTrainer):
    """Weights stay; another learned box runs away."""

    def __init__(self, model):
        super().__init__(model)
        self.bias = ParamState(np.float32(1.0))

    def change(self, W, pre, post):
        self.bias.value = self.bias.value * jnp.where(pre[0] > 2, jnp.inf, 1.0)
        return jnp.zeros_like(W)


def test_a_learned_box_that_is_not_the_weights_may_not_run_away_either():
    trainer = LearnsMore(LinearLayer(3, 2))
    with pytest.raises(FloatingPointError, match="sample 2 of 3"):
        trainer.train(np.array([[0, 0, 0], [3, 0, 0], [0, 0, 0]], np.float32))
    assert float(trainer.bias.value) == 1.0


class CountsAndFails(HebbianTrainer):
    def stored(self, patterns):
        super().stored(patterns)
        raise KeyboardInterrupt


def test_an_interrupt_while_storing_leaves_weights_and_counts_as_they_were():
    net = AmariHopfieldNetwork(20)
    trainer = CountsAndFails(net)
    before = np.asarray(net.W.value)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(random_patterns(2, 20))
    assert trainer.num_stored == 0
    np.testing.assert_array_equal(np.asarray(net.W.value), before)


def test_a_rule_is_found_twice_also_deep_inside():
    from canns.trainer import RuleSum

    layer = LinearLayer(3, 2)
    rule = Plain(layer)
    with pytest.raises(ValueError, match="twice"):
        RuleSum([RuleSum([RuleSum([rule])]), rule])


def test_an_answer_of_a_feedforward_model_leaves_the_record_of_learning():
    trainer = Plain(LinearLayer(3, 2))
    trainer.train(np.ones((2, 3)))
    before = trainer.history
    assert before is not None
    trainer.predict_batch(np.ones((2, 3)))
    assert trainer.history is before
    trainer.predict(np.ones(3))
    assert trainer.history is before


class OwnPredict(HebbianTrainer):
    def predict(self, pattern, num_iter=20, *, tolerance=1e-6):
        return super().predict(pattern, num_iter, tolerance=tolerance)


def test_a_trainer_with_a_predict_of_its_own_has_one_record_of_a_batch():
    memories = random_patterns(2, 30)
    trainer = OwnPredict(AmariHopfieldNetwork(30))
    trainer.train(memories)
    trainer.predict_batch([memories[0], memories[1], -memories[0]])
    assert trainer.history.steps.tolist() == [0, 0, 0]


class Notes(LinearLayer):
    """Writes an attribute that is no box, and fails."""

    def forward(self, x):
        self.seen = "something"
        raise KeyboardInterrupt


def test_an_interrupt_while_answering_leaves_every_attribute_as_it_was():
    layer = Notes(3, 2, seed=1)
    trainer = Plain(layer)
    before = dict(vars(layer))
    with pytest.raises(KeyboardInterrupt):
        trainer.predict_batch(np.ones((3, 3)))
    assert vars(layer) == before


class NotingEnergy(AmariHopfieldNetwork):
    @property
    def energy(self):
        self.looked = True
        return super().energy


def test_asking_for_energies_leaves_every_attribute_as_it_was():
    net = NotingEnergy(6)
    names = list(vars(net))
    assert energies(Network(net), np.ones((2, 6), np.float32)).shape == (2,)
    assert [name for name in vars(net) if name == "looked"] == [] and set(names) <= set(vars(net))


def test_a_cycle_is_seen_in_the_first_step_after_the_slow_ones_are_parted():
    net = AmariHopfieldNetwork(2)
    net.W.value = np.array([[0, 1], [1, 0]], np.float32)
    cues = np.ones((128, 2), np.float32)
    cues[-8:, 1] = -1  # these swap for ever; the others rest after one step
    _, history = settle(Network(net), cues, 2)
    assert history.cycle.tolist() == [False] * 120 + [True] * 8


class Wanders:
    """Goes on as long as its own coin shows heads; a shared key advances with every step."""

    noise_attr = "noise"

    def __init__(self, seed):
        self.W = ParamState(np.eye(1, dtype=np.float32))
        self.s = State(np.zeros(1, np.float32))
        self.noise = State(jax.random.key(seed))
        self.key = State(jax.random.key(0))

    def update(self):
        self.key.value = jax.random.split(self.key.value)[0]
        self.noise.value, coin = jax.random.split(self.noise.value)
        self.s.value = self.s.value + jax.random.bernoulli(coin, 0.7)


def test_what_fills_up_a_batch_does_not_advance_a_shared_box():
    for seed in range(8):
        model = Wanders(seed)
        _, history = settle(Network(model), np.zeros((3, 1), np.float32), 50)
        key = jax.random.key(0)
        for _ in range(history.steps.max() + 1):
            key = jax.random.split(key)[0]
        np.testing.assert_array_equal(
            jax.random.key_data(model.key.value), jax.random.key_data(key)
        )


def test_a_number_is_after_a_recall_what_was_assigned():
    net = AmariHopfieldNetwork(6)
    net.threshold = given = 3
    settle(Network(net), np.ones((2, 6), np.float32), 3)
    assert net.threshold is given


class CountsSwaps:
    """Swaps for ever, and counts how often: never again what it was."""

    def __init__(self):
        self.W = ParamState(np.eye(2, dtype=np.float32))
        self.s = State(np.zeros(2, np.float32))
        self.n = State(0)

    def update(self):
        self.s.value = -self.s.value
        self.n.value = self.n.value + 1


def test_who_swaps_and_counts_is_in_no_cycle():
    model = CountsSwaps()
    _, history = settle(Network(model), np.ones((1, 2), np.float32), 7)
    assert history.cycle.tolist() == [False] and history.converged.tolist() == [False]
    assert int(model.n.value) == 7


def test_a_number_takes_what_a_box_holds_also_while_compiled():
    def read_back(x):
        cell = Cell()
        cell.gain = State(x)
        return cell.gain * 2

    assert float(jax.jit(read_back)(4.0)) == 8.0


@pytest.mark.parametrize("count", [1, 3, 17])
def test_a_feedforward_model_answers_the_same_uncompiled(count):
    inputs = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    answers = [
        np.asarray(OjaTrainer(LinearLayer(3, 2, seed=1), use_compile=on).predict_batch(inputs))
        for on in (True, False)
    ]
    np.testing.assert_allclose(*answers, rtol=1e-5, atol=1e-6)
