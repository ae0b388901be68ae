"""The projection rule: portions, mixtures, matrices of both kinds, and what it refuses."""

import numpy as np
import pytest

from canns.models.brain_inspired import AmariHopfieldNetwork, LinearLayer
from canns.stimuli import random_patterns
from canns.trainer import ProjectionTrainer

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
