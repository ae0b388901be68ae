"""The projection rule: portions, mixtures, matrices of both kinds, and what it refuses."""

import warnings

import numpy as np
import pytest

from canns.models.brain_inspired import AmariHopfieldNetwork, LinearLayer
from canns.stimuli import random_patterns
from canns.trainer import DiederichOpperTrainer, ProjectionTrainer

ALIKE = random_patterns(40, 200, correlation=0.5, seed=1)


def projector(patterns):
    """The projector onto the space of the patterns, by NumPy's pseudo-inverse."""
    columns = patterns.T.astype(float)
    return columns @ np.linalg.pinv(columns)


def learned_in_portions():
    trainer = ProjectionTrainer(AmariHopfieldNetwork(200))
    for portion in (ALIKE[:1], ALIKE[1:25], ALIKE[25:]):
        trainer.train(portion)
    return trainer


@pytest.fixture(scope="module")
def untouched():
    """A trainer that no test may change."""
    return learned_in_portions()


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        pytest.param(np.ones(200), ValueError, "list", id="not in a list"),
        pytest.param(np.ones((2, 199)), ValueError, r"\(199,\)", id="another length"),
        pytest.param([], ValueError, "empty", id="empty"),
        pytest.param(np.full((1, 200), np.nan), ValueError, "nan", id="nan"),
        pytest.param(np.full((1, 200), 2.0), ValueError, r"2\.0", id="no state"),
        pytest.param([["x"] * 200], TypeError, "numbers", id="text"),
        pytest.param(None, TypeError, "NoneType", id="nothing"),
    ],
)
def test_bad_patterns_are_refused_and_nothing_changes(untouched, bad, error, words):
    before = np.asarray(untouched.model.W.value)
    with pytest.raises(error, match=words):
        untouched.train(bad)
    assert untouched.num_stored == 40
    assert untouched.directions.shape == (40, 200)
    np.testing.assert_array_equal(untouched.model.W.value, before)


def test_weights_between_two_kinds_of_neurons_are_refused():
    with pytest.raises(ValueError, match=r"\(3, 3\).*\(2, 3\)"):
        ProjectionTrainer(LinearLayer(3, 2)).train([[1.0, 2.0, 3.0]])


def test_patterns_that_are_known_add_nothing_and_it_says_so():
    trainer = learned_in_portions()
    with pytest.warns(UserWarning, match="3 of 3"):
        trainer.train(ALIKE[:3])
    with pytest.warns(UserWarning, match="1 of 2"):
        trainer.train([-ALIKE[7], random_patterns(1, 200, seed=9)[0]])
    assert trainer.directions.shape == (41, 200)
    assert trainer.num_stored == 45


@pytest.mark.parametrize(("zero_diagonal", "use_compile"), [(True, True), (False, False)], ids=str)
def test_the_weights_are_the_projector_compiled_or_not(zero_diagonal, use_compile):
    model = AmariHopfieldNetwork(200)
    trainer = ProjectionTrainer(model, zero_diagonal=zero_diagonal, use_compile=use_compile)
    trainer.train(list(ALIKE))
    expected = projector(ALIKE) * (1 - np.eye(200)) if zero_diagonal else projector(ALIKE)
    np.testing.assert_allclose(model.W.value, expected, atol=2e-6)


def test_the_projector_is_added_to_a_dense_matrix():
    model = AmariHopfieldNetwork(30)
    model.W.value = np.eye(30)
    ProjectionTrainer(model, zero_diagonal=False).train(ALIKE[:5, :30])
    expected = np.eye(30) + projector(ALIKE[:5, :30])
    np.testing.assert_allclose(model.W.value, expected, atol=1e-5)


def test_a_layer_gives_back_what_it_knows():
    five = ALIKE[:5, :30].astype(float)
    layer = LinearLayer(30, 30, weight_scale=0.0)
    ProjectionTrainer(layer, zero_diagonal=False).train(five)
    np.testing.assert_allclose(layer.forward(five[2]), five[2], atol=1e-5)


def test_a_warning_that_is_raised_leaves_everything_as_it_was():
    trainer = learned_in_portions()
    before = np.asarray(trainer.model.W.value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="1 of 2"):
            trainer.train([-ALIKE[7], random_patterns(1, 200, seed=9)[0]])
    assert trainer.directions.shape == (40, 200)
    assert trainer.num_stored == 40
    np.testing.assert_array_equal(trainer.model.W.value, before)


def test_more_patterns_than_hebb_can_hold_are_nothing_to_warn_about():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learned_in_portions()


def test_no_number_of_patterns_compiles_anything(compilations):
    model = AmariHopfieldNetwork(200)
    compilations.new()
    for count in (60, 1, 7, 33):
        ProjectionTrainer(AmariHopfieldNetwork(200)).train(ALIKE[:count])
    trainer = ProjectionTrainer(model)
    for pattern in random_patterns(60, 200, seed=5):
        trainer.train([pattern])
    assert compilations.new() == []


@pytest.mark.parametrize("zero_diagonal", [True, False], ids=["cleared", "kept"])
def test_the_delta_rule_is_that_of_a_plain_loop(zero_diagonal):
    rng, x = np.random.default_rng(3), random_patterns(5, 30, seed=2)
    start = rng.normal(size=(30, 30)).astype(np.float32)
    model = AmariHopfieldNetwork(30)
    model.W.value = start
    trainer = DiederichOpperTrainer(model, 0.7, zero_diagonal=zero_diagonal)
    trainer.train(x, epochs=2)
    W, others = start.astype(float), 1 - np.eye(30) if zero_diagonal else np.ones((30, 30))
    for xi in np.concatenate([x, x]).astype(float):
        W = W * others
        W = W + 0.7 / 30 * np.outer(xi - W @ xi, xi) * others
    np.testing.assert_allclose(model.W.value, W, atol=1e-5)


def test_a_hundred_learning_rates_of_the_delta_rule_are_one_program(compilations):
    trainer = DiederichOpperTrainer(AmariHopfieldNetwork(30))
    trainer.train(random_patterns(5, 30))
    compilations.new()
    for rate in np.linspace(0.1, 1.9, 100):
        trainer.learning_rate = rate
        trainer.train(random_patterns(5, 30))
    assert compilations.new() == []
