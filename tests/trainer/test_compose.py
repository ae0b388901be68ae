"""Sums of rules and stages: against loops in NumPy and calls by hand, and what is refused."""

import logging
from contextlib import contextmanager
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from canns.models.base import decay_factor
from canns.models.brain_inspired import (
    AmariHopfieldNetwork,
    DenseAssociativeMemory,
    LinearLayer,
    SpikingLayer,
)
from canns.state import State
from canns.stimuli import poisson_spikes, random_patterns
from canns.trainer import (
    AntiHebbianTrainer,
    DenseTrainer,
    HebbianTrainer,
    LocalTrainer,
    RuleSum,
    Stage,
    Stages,
    STDPTrainer,
    SubtractiveNormalizationTrainer,
    TrainingHistory,
)


class BrakeTrainer(LocalTrainer):
    """What Oja's rule is without Hebb's."""

    def change(self, W, pre, post):
        return -self.learning_rate * post[:, None] ** 2 * W


class ScalingTrainer(LocalTrainer):
    """A rule with a memory of its own: weights follow the distance of the mean rate from a goal."""

    def __init__(self, model, learning_rate, goal, tau=1000.0):
        super().__init__(model, learning_rate)
        self.goal, self.tau = goal, tau  # Hz, ms
        self.average = State(jnp.full(model.spike.shape, goal))

    def reset(self):
        super().reset()
        self.average.value = jnp.full_like(self.average.value, self.goal)

    def change(self, W, pre, post):
        keep = decay_factor(self.tau, self.model.dt)
        rate = post * 1000 / self.model.dt
        self.average.value = keep * self.average.value + (1 - keep) * rate
        return self.learning_rate * W * (self.goal - self.average.value)[:, None]


class Own(LocalTrainer):
    """A rule that presents its samples in a way of its own."""

    def learn(self, x):
        pass

    def change(self, W, pre, post):
        return jnp.zeros_like(W)


data = np.random.default_rng(1).normal(size=(300, 3)) @ np.array(
    [[2.0, 0, 0], [1, 1, 0], [0.5, 0.2, 0.6]]
).T  # fmt: skip


# --- stages ------------------------------------------------------------------------------------------

PATTERNS = random_patterns(6, 400)


@pytest.fixture(scope="module")
def school():
    """A network that learns six patterns and unlearns two of them."""
    network = AmariHopfieldNetwork(400)
    hebb = HebbianTrainer(network, normalize_by_patterns=False)
    forget = AntiHebbianTrainer(network, normalize_by_patterns=False)
    school = Stages([hebb, Stage(forget, PATTERNS[4:])])
    school.train(iter(list(PATTERNS)))
    return school


def test_stages_of_storage_are_calls_by_hand(school):
    by_hand = AmariHopfieldNetwork(400)
    HebbianTrainer(by_hand, normalize_by_patterns=False).train(PATTERNS)
    AntiHebbianTrainer(by_hand, normalize_by_patterns=False).train(PATTERNS[4:])
    np.testing.assert_array_equal(by_hand.W.value, school.model.W.value)


def test_the_history_has_one_record_per_stage(school):
    assert [h.num_patterns for h in school.history] == [6, 2]
    assert all(isinstance(h, TrainingHistory) for h in school.history)


def test_stages_of_local_rules_are_calls_by_hand():
    layer, same = (LinearLayer(3, 2, weight_scale=0.3) for _ in range(2))
    Stages(
        [Stage(HebbianTrainer(layer, learning_rate=1e-3), epochs=2), BrakeTrainer(layer, 1e-2)]
    ).train(data)
    HebbianTrainer(same, learning_rate=1e-3).train(data, epochs=2)
    BrakeTrainer(same, 1e-2).train(data)
    np.testing.assert_array_equal(layer.W.value, same.W.value)


def test_a_memory_of_rows_can_have_stages():
    memory = DenseAssociativeMemory(10)
    stages = Stages([DenseTrainer(memory), DenseTrainer(memory)])
    stages.train(random_patterns(2, 10))
    assert len(stages.history) == 2


@pytest.fixture(scope="module")
def nested():
    """Stages within stages that store a pattern and take it out again."""
    network = AmariHopfieldNetwork(10)
    stages = Stages([Stages([HebbianTrainer(network)]), AntiHebbianTrainer(network)])
    stages.train(random_patterns(1, 10))
    return stages


def test_stages_can_be_a_stage(nested):
    np.testing.assert_allclose(nested.model.W.value, 0, atol=1e-6)


def test_stages_within_stages_are_one_record(nested):
    assert len(nested.history) == 2


def test_what_a_trainer_counts_is_undone_if_a_later_stage_fails():
    network = AmariHopfieldNetwork(10)
    hebb = HebbianTrainer(network)
    with pytest.raises(ValueError, match="shape"):
        Stages([hebb, Stage(AntiHebbianTrainer(network), [[1.0]])]).train(random_patterns(1, 10))
    assert hebb.num_stored == 0
    assert hebb.history is None
    assert not np.any(network.W.value)


def test_each_trainer_keeps_its_options_unless_the_stages_are_given_some():
    network = AmariHopfieldNetwork(10)
    hebb = HebbianTrainer(network, use_compile=False)
    stages = Stages([hebb, AntiHebbianTrainer(network)])
    assert not hebb.use_compile
    stages.configure_progress(show_progress=False, use_compile=True)
    assert hebb.use_compile
    assert Stages([hebb], use_compile=False).stages[0].trainer.use_compile is False


def test_a_stage_says_its_trainer_and_options():
    hebb = HebbianTrainer(AmariHopfieldNetwork(10))
    assert "Hebbian" in repr(Stage(hebb, random_patterns(1, 10), epochs=2))
    assert "epochs=2" in repr(Stage(hebb, epochs=2))


# --- a sum of STDP and scaling, with bounds and traces -----------------------------------------------

spikes = poisson_spikes(60.0, 250, 6, seed=12)


def spiking_layer():
    layer = SpikingLayer(6, 2, tau_m=20.0, tau_trace=15.0, weight_scale=0.0)
    layer.W.value = np.random.default_rng(9).uniform(0.2, 0.4, (2, 6))
    return layer


def stdp_of(layer, **options):
    return STDPTrainer(layer, 1.0, A_plus=0.15, A_minus=0.04, w_max=0.42, **options)


def rules_of(layer):
    return [stdp_of(layer, tau_minus=30.0), ScalingTrainer(layer, 2e-4, goal=40.0, tau=50.0)]


@pytest.fixture(scope="module")
def loop():
    """Weights, how often one was at its bound, how near to none a spike was."""
    layer = spiking_layer()
    W, average = np.array(layer.W.value, float), np.full(2, 40.0)
    trace_pre, trace_post, v, hits, near = np.zeros(6), np.zeros(2), np.zeros(2), 0, 1.0
    for x in spikes.astype(float):
        v = layer.leak * v + W @ x
        near = min(near, np.abs(v - 1).min())
        spike = (v >= 1).astype(float)
        v = np.where(spike > 0, 0, v)
        trace_pre, trace_post = trace_pre * np.exp(-1 / 15), trace_post * np.exp(-1 / 30)
        stdp = 0.15 * np.outer(spike, trace_pre) - 0.04 * np.outer(trace_post, x)
        trace_pre, trace_post = trace_pre + x, trace_post + spike
        average = average * np.exp(-1 / 50) + (1 - np.exp(-1 / 50)) * 1000 * spike
        W = np.clip(W + stdp + 2e-4 * W * (40 - average)[:, None], 0, 0.42)
        hits += np.sum(W == 0.42)
    return SimpleNamespace(W=W, hits=hits, near=near)


def test_the_loop_meets_its_bound_and_rounding_decides_about_no_spike(loop):
    assert loop.hits > 0
    assert np.ptp(loop.W) > 0.05
    assert loop.near > 1e-3


@pytest.mark.parametrize(
    ("put_together", "use_compile"),
    [
        pytest.param(RuleSum, True, id="compiled"),
        pytest.param(RuleSum, False, id="uncompiled"),
        pytest.param(lambda rules: RuleSum(rules[::-1]), True, id="in the other order"),
        pytest.param(
            lambda rules: RuleSum([RuleSum(rules[:1]), RuleSum(rules[1:])]), True, id="sum of sums"
        ),
    ],
)
def test_a_sum_of_rules_does_what_a_loop_does(loop, put_together, use_compile):
    layer = spiking_layer()
    trainer = put_together(rules_of(layer))
    trainer.configure_progress(use_compile=use_compile)
    trainer.train(spikes)
    np.testing.assert_allclose(layer.W.value, loop.W, atol=2e-5)


def test_bounds_that_are_more_than_a_cut_stay_part_of_what_a_rule_wants():
    layer = LinearLayer(4, 2)
    layer.W.value = np.full((2, 4), 0.1)
    RuleSum(
        [
            HebbianTrainer(layer, learning_rate=1e-3),
            SubtractiveNormalizationTrainer(layer, total=2.0),
        ]
    ).train(np.ones((50, 4)))
    np.testing.assert_allclose(layer.W.value, 0.5, atol=0.01)


def test_soft_bounds_stay_part_of_what_a_rule_wants():
    layer, alone = spiking_layer(), spiking_layer()
    RuleSum([stdp_of(layer, bounds="soft")]).train(spikes)
    stdp_of(alone, bounds="soft").train(spikes)
    np.testing.assert_allclose(layer.W.value, alone.W.value, atol=1e-5)


def sum_of_two_shares(layer, first, second):
    """Two copies of a rule that share its learning rate."""
    trainer = RuleSum([rules_of(layer)[0], rules_of(layer)[0]])
    trainer.learning_rate = [first, second]
    return trainer


@pytest.mark.parametrize(
    "put_together",
    [
        pytest.param(lambda layer: RuleSum(rules_of(layer)[:1]), id="alone"),
        pytest.param(lambda layer: sum_of_two_shares(layer, 0.25, 0.75), id="two shares"),
    ],
)
def test_a_rule_alone_or_in_two_shares_is_itself(put_together):
    layer, plain = spiking_layer(), spiking_layer()
    put_together(layer).train(spikes)
    rules_of(plain)[0].train(spikes)
    np.testing.assert_allclose(layer.W.value, plain.W.value, atol=1e-5)


@contextmanager
def compilations():
    """A list that grows by a message for each program that is compiled in the block."""
    found = []

    class Listener(logging.Handler):
        def emit(self, record):
            if "Compiling" in record.getMessage():
                found.append(record.getMessage())

    log, listener = logging.getLogger("jax"), Listener()
    propagate, log.propagate = log.propagate, False
    log.addHandler(listener)
    try:
        with jax.log_compiles():
            yield found
    finally:
        log.removeHandler(listener)
        log.propagate = propagate


def test_a_second_call_compiles_nothing_whatever_the_learning_rates_and_the_history():
    trainer = sum_of_two_shares(spiking_layer(), 0.25, 0.75)
    trainer.train(spikes)
    with compilations() as found:
        jax.jit(lambda x: x + 1)(1.0)
    assert found  # a new program is noticed
    with compilations() as found:
        trainer.learning_rate = [0.1, 0.2]
        trainer.train(spikes[:100])
        trainer.rules[0].learning_rate = 0.3
        trainer.train(spikes[:50], epochs=2, reset=False)
    assert not found


def test_reset_reaches_the_traces_of_the_rules():
    trainer = RuleSum(rules_of(spiking_layer()))
    trainer.train(spikes)
    assert np.any(trainer.rules[0].trace_pre.value)
    trainer.reset()
    assert not np.any(trainer.rules[0].trace_pre.value)


def test_a_sum_that_runs_away_leaves_traces_and_weights_as_they_were():
    trainer = RuleSum(rules_of(spiking_layer()))
    trainer.train(spikes)
    boxes = (trainer.rules[0].trace_pre, trainer.model.W)
    before = [np.asarray(box.value) for box in boxes]
    trainer.learning_rate = [1.0, 1e30]
    trainer.w_min, trainer.w_max = -np.inf, np.inf
    with pytest.raises(FloatingPointError, match="no longer finite"):
        trainer.train(spikes)
    for box, value in zip(boxes, before, strict=True):
        np.testing.assert_array_equal(box.value, value)


# --- what is refused, and that nothing has changed then ----------------------------------------------


@pytest.fixture
def bench():
    """A layer with a rule, another layer, and a layer that spikes."""
    layer = LinearLayer(3, 2)
    return SimpleNamespace(
        layer=layer,
        one=HebbianTrainer(layer),
        other=HebbianTrainer(LinearLayer(3, 2)),
        spiking=SpikingLayer(2, 1),
    )


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        pytest.param(lambda b: RuleSum([]), ValueError, "empty", id="sum of nothing"),
        pytest.param(lambda b: Stages([]), ValueError, "empty", id="no stage"),
        pytest.param(
            lambda b: RuleSum([b.one, b.other]), ValueError, "model", id="sum over two models"
        ),
        pytest.param(
            lambda b: Stages([b.one, b.other]), ValueError, "model", id="stages of two models"
        ),
        pytest.param(lambda b: RuleSum([b.one, b.one]), ValueError, "twice", id="a rule twice"),
        pytest.param(
            lambda b: RuleSum([b.one, Own(b.layer)]), TypeError, "way of its own",
            id="a rule with its own way",
        ),
        pytest.param(
            lambda b: RuleSum([b.one, b.layer]), TypeError, "LinearLayer", id="a model for a rule"
        ),
        pytest.param(
            lambda b: Stages([b.one, "scaling"]), TypeError, "number 2 is a str",
            id="a word for a stage",
        ),
        pytest.param(
            lambda b: RuleSum([b.one, Stages([b.one])]), TypeError, "Stages", id="stages in a sum"
        ),
        pytest.param(
            lambda b: RuleSum([b.one, HebbianTrainer(b.layer, state_attr="x")]),
            ValueError, "same boxes", id="other boxes",
        ),
        pytest.param(
            lambda b: RuleSum([STDPTrainer(b.spiking), STDPTrainer(b.spiking, w_min=2, w_max=3)]),
            ValueError, "bounds", id="bounds without a weight between them",
        ),
        pytest.param(lambda b: Stages([b.one]).train(), ValueError, "no data", id="no data"),
        pytest.param(
            lambda b: Stages([b.one]).train([[1.0]]), ValueError, r"\(3,\)", id="one input"
        ),
        pytest.param(
            lambda b: Stages([Stage(b.one, data[:5]), Stage(b.one, data[:5], epochs=0)]).train(),
            ValueError, "epochs", id="a second stage of no epoch",
        ),
        pytest.param(
            lambda b: Stages([b.one], speed=3), TypeError, "speed", id="an unknown option"
        ),
        pytest.param(
            lambda b: RuleSum([HebbianTrainer(b.layer, learning_rate=np.ones((9, 9)))]).train(data),
            ValueError, r"\(2, 3\)", id="a learning rate of another shape",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_changes_nothing(bench, make, error, words):
    before = np.asarray(bench.layer.W.value)
    with pytest.raises(error, match=words):
        make(bench)
    assert (bench.layer.W.value == before).all()
    assert bench.one.history is None
