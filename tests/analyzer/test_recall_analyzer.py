"""What recall found: kinds of final states, questions to a model, the analyzer of version 1."""

import re

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest

from canns.analyzer import HopfieldAnalyzer, classify, overlaps, settle, state_energies
from canns.analyzer.recall import majority
from canns.models.brain_inspired import (
    AmariHopfieldNetwork,
    DenseAssociativeMemory,
    LinearLayer,
    ModernHopfieldNetwork,
)
from canns.state import states
from canns.stimuli import corrupt, random_patterns
from canns.trainer import DenseTrainer, HebbianTrainer


@pytest.fixture(scope="module")
def xi():
    """Four memories of 60 neurons."""
    return random_patterns(4, 60, seed=12)


@pytest.fixture(scope="module")
def trainer(xi):
    """Of an asynchronous network with a threshold that stores the four."""
    trainer = HebbianTrainer(AmariHopfieldNetwork(60, asyn=True, threshold=0.1))
    trainer.train(xi)
    return trainer


@pytest.fixture
def model(trainer):
    """The network. Whatever is asked of it, its boxes are as before."""
    before = {name: box.value for name, box in states(trainer.model).items()}
    yield trainer.model
    assert all(box.value is before[name] for name, box in states(trainer.model).items())


def untrained():
    return AmariHopfieldNetwork(60)


def test_settling_leaves_the_history_of_the_trainer_and_hands_out_its_own(trainer, xi):
    of_training = trainer.history
    _, history = settle(trainer, corrupt(xi, 0.1, seed=1))
    assert trainer.history is of_training
    assert history.converged.all()


def test_a_trainer_settles_as_its_model_does(trainer, model, xi):
    cues = corrupt(xi, 0.1, seed=1)
    np.testing.assert_array_equal(settle(trainer, cues)[0], settle(model, cues)[0])


def test_settling_finds_what_the_trainer_recalls(trainer, xi):
    cues = corrupt(xi, 0.1, seed=1)
    final, _ = settle(trainer, cues)
    np.testing.assert_array_equal(final, trainer.predict_batch(cues, 100))


def test_uncompiled_settling_is_the_compiled_one(model, xi):
    together = AmariHopfieldNetwork(60)  # the same weights; all neurons at once
    together.W.value = model.W.value
    cues = corrupt(xi, 0.3, seed=2)[:2]
    with jax.disable_jit():
        uncompiled = settle(together, cues, 4)[0]
    np.testing.assert_array_equal(uncompiled, settle(together, cues, 4)[0])


def test_uncompiled_energies_are_the_compiled_ones_and_those_of_the_formula(model, xi):
    with jax.disable_jit():
        slow = state_energies(model, xi)
    np.testing.assert_allclose(slow, state_energies(model, xi), rtol=1e-6)
    W = np.asarray(model.W.value)
    np.testing.assert_allclose(slow, [-0.5 * s @ W @ s + 0.1 * s.sum() for s in xi], rtol=1e-5)


def test_a_state_of_zeros_is_spurious(xi):
    assert classify(np.zeros(60), xi).kind.tolist() == ["spurious"]


def test_a_faint_memory_is_a_memory(xi):
    assert classify(0.01 * xi[2], xi).kind.tolist() == ["memory"]


def test_a_perfect_memory_passes_a_threshold_of_one(xi):
    assert classify(xi[0], xi, threshold=1.0).kind.tolist() == ["memory"]


def test_shares_of_all_kinds_add_up_to_one(xi):
    assert sum(classify(xi, xi).shares.values()) == 1


def test_outcomes_are_drawn_on_the_axes_given(xi):
    fig, ax = plt.subplots()
    assert classify(xi, xi).plot(ax) is ax
    plt.close(fig)


def test_an_analyzer_without_patterns_uses_no_capacity():
    assert HopfieldAnalyzer(untrained()).get_statistics()["capacity_usage"] == 0


def test_an_analyzer_of_a_trainer_classifies_by_its_patterns(trainer, xi):
    assert HopfieldAnalyzer(trainer, xi).classify(xi[1]).best.tolist() == [1]


def test_an_analyzer_keeps_a_matrix_of_patterns_as_a_list(xi):
    assert HopfieldAnalyzer(untrained(), xi).stored_patterns[0].shape == (60,)


def test_an_analyzer_without_patterns_names_no_best_match(model, xi):
    found = HopfieldAnalyzer(model).analyze_recall(xi[0], xi[1])
    assert set(found) == {"input_output_overlap", "output_energy"}


@pytest.mark.parametrize(
    "question",
    [
        lambda model, xi: settle(model, xi),
        lambda model, xi: state_energies(model, xi),
        lambda model, xi: HopfieldAnalyzer(model, xi).pattern_energies,
        lambda model, xi: HopfieldAnalyzer(model).compute_weight_symmetry_error(),
    ],
    ids=["settle", "state_energies", "pattern_energies", "symmetry"],
)
def test_a_model_that_never_learned_is_refused(xi, question):
    with pytest.raises(ValueError, match="train first"):
        question(untrained(), xi)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (lambda model, xi: settle(model, xi[:, :-1]), "(60,)"),
        (lambda model, xi: settle(model, 0.5 * xi), "+1 and -1"),
        (lambda model, xi: settle(model, xi, num_iter=-1), "num_iter"),
        (lambda model, xi: state_energies(model, xi[:, :-1]), "(60,)"),
        (lambda model, xi: HopfieldAnalyzer(model, xi[:, :-1]), "(60,)"),
        (lambda model, xi: HopfieldAnalyzer(model).classify(xi), "set_patterns"),
        (lambda model, xi: HopfieldAnalyzer(model).compute_overlap(xi[0], xi[0, :-1]), "(1, 59)"),
    ],
)
def test_a_question_that_does_not_fit_the_model_is_refused(model, xi, question, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        question(model, xi)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (lambda xi: classify(xi, xi[:, :-1]), "(60,)"),
        (lambda xi: classify(xi, 0.5 * xi), "+1 and -1"),
        (lambda xi: classify(xi, xi, threshold=0.5), "threshold"),
        (lambda xi: classify(xi, np.zeros((0, 60))), "empty"),
        (lambda xi: overlaps(xi, xi[:, :-1]), "(4, 59)"),
        (lambda xi: majority(xi), "odd"),
    ],
)
def test_patterns_that_do_not_fit_are_refused(xi, question, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        question(xi)


def slowly(s, patterns, theta):
    """The definitions once more, for one state, as a plain loop over memories."""
    m = [float(np.mean(s * x)) for x in patterns]
    if max(m) >= theta:
        return "memory", 1
    if min(m) <= -theta:
        return "negative", 1
    for k in (3, 5, 7):
        if k <= len(patterns):
            nearest = sorted(range(len(m)), key=lambda j: -abs(m[j]))[:k]
            vote = np.sign(sum(np.sign(m[j]) * patterns[j] for j in nearest))
            if np.mean(vote * s) >= theta:
                return "mixture", k
    return "spurious", 0


def test_kinds_are_those_of_a_plain_loop():
    rng = np.random.default_rng(4)
    for P in (1, 2, 3, 6):  # small networks, where chance makes all kinds
        some = rng.choice([-1.0, 1.0], (P, 15))
        tried = rng.choice([-1.0, 1.0], (300, 15))
        seen = classify(tried, some, 0.8)
        m = tried @ some.T / 15
        tied = [len(np.unique(np.abs(row))) < P for row in m]  # then "the nearest" is ambiguous
        for b in np.flatnonzero(~np.array(tied)):
            assert slowly(tried[b], some, 0.8 - 1e-6) == (seen.kind[b], seen.mixed[b])


@pytest.fixture(params=["dense", "modern"])
def rows(request, xi):
    """A trainer of a network with a row of weights for each memory, and the cues' share of noise."""
    model = {
        "dense": DenseAssociativeMemory(60, asyn=True),
        "modern": ModernHopfieldNetwork(60, beta=0.5),
    }[request.param]
    trainer = DenseTrainer(model)
    trainer.train(xi)
    return trainer


def test_a_network_with_a_row_for_each_memory_settles_as_its_trainer_recalls(rows, xi):
    cues = corrupt(xi, 0.2, seed=1)
    before = {name: box.value for name, box in states(rows.model).items()}
    final, history = settle(rows.model, cues)
    assert history.converged.all()
    assert classify(final, xi).shares["memory"] == 1
    assert all(box.value is before[name] for name, box in states(rows.model).items())
    np.testing.assert_array_equal(final, settle(rows, cues)[0])
    np.testing.assert_array_equal(final, rows.predict_batch(cues, 100))


def test_a_network_with_a_row_for_each_memory_tells_its_energies(rows, xi):
    found = state_energies(rows.model, xi)
    np.testing.assert_array_equal(found, state_energies(rows, xi))
    for s, energy in zip(xi, found, strict=True):
        rows.model.s.value = s
        np.testing.assert_allclose(energy, rows.model.energy, rtol=1e-5)
    mean = HopfieldAnalyzer(rows.model, xi).get_statistics()["mean_pattern_energy"]
    np.testing.assert_allclose(mean, found.mean(), rtol=1e-6)


def test_an_analyzer_of_a_model_that_never_learned_answers_what_patterns_alone_tell(xi):
    analyzer = HopfieldAnalyzer(untrained(), xi)
    assert analyzer.classify(xi[2]).best.tolist() == [2]
    assert analyzer.estimate_capacity() == 8
    assert analyzer.get_statistics() == {
        "num_patterns": 4,
        "capacity_estimate": 8,
        "capacity_usage": 0.5,
    }
    found = analyzer.analyze_recall(xi[0], xi[1])
    assert found["best_match_idx"] == 1
    assert "output_energy" not in found


def test_other_numbers_of_cues_and_steps_compile_nothing(model, xi):
    settle(model, xi[:2], 5)
    state_energies(model, xi)
    seen = []

    def note(event, *_, **__):
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    settle(model, -xi[2:], 9)
    state_energies(model, xi[:1])
    assert not seen


def test_a_layer_that_answers_inputs_does_not_settle():
    layer = LinearLayer(3, 2, seed=1)
    with pytest.raises(TypeError, match="LinearLayer answers inputs"):
        settle(layer, np.ones((1, 3)))


def test_what_is_no_model_is_refused(xi):
    with pytest.raises(TypeError, match="needs a model"):
        settle(object(), xi)
