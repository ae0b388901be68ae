"""Hebb's rule: options, names of boxes, the form of the weights, and what is refused."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.state import ParamState, State
from canns.stimuli import random_patterns
from canns.trainer import AntiHebbianTrainer, HebbianTrainer

x = random_patterns(2, 20, activity=0.2, seed=1)
OFF_DIAGONAL = 1 - np.eye(20)
OPTIONS = [
    pytest.param({}, x.T @ x / 2 * OFF_DIAGONAL, id="default"),
    pytest.param(
        {"normalize_by_patterns": False}, x.T @ x * OFF_DIAGONAL, id="normalize_by_patterns"
    ),
    pytest.param({"zero_diagonal": False}, x.T @ x / 2, id="zero_diagonal"),
    pytest.param({"learning_rate": 0.5}, x.T @ x / 4 * OFF_DIAGONAL, id="learning_rate"),
    pytest.param(
        {"subtract_mean": True},
        (x - x.mean()).T @ (x - x.mean()) / 2 * OFF_DIAGONAL,
        id="subtract_mean",
    ),
]


@pytest.mark.parametrize("use_compile", [True, False])
@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_each_option_does_to_the_sum_of_products_what_it_says(options, expected, use_compile):
    model = AmariHopfieldNetwork(20)
    HebbianTrainer(model, use_compile=use_compile, **options).train(list(x))
    np.testing.assert_allclose(np.asarray(model.W.value), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("use_compile", [True, False])
@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_patterns_are_added_to_dense_weights_that_are_there(options, expected, use_compile):
    first = np.arange(400.0).reshape(20, 20)
    model = AmariHopfieldNetwork(20)
    model.W.value = first
    HebbianTrainer(model, use_compile=use_compile, **options).train(list(x))
    kept = first if "zero_diagonal" in options else first * OFF_DIAGONAL
    np.testing.assert_allclose(np.asarray(model.W.value), expected + kept, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_the_anti_hebbian_rule_has_the_same_options_and_the_other_sign(options, expected):
    model = AmariHopfieldNetwork(20)
    AntiHebbianTrainer(model, **options).train(x)
    np.testing.assert_allclose(np.asarray(model.W.value), -expected, rtol=1e-5, atol=1e-5)


def test_a_model_may_call_its_boxes_by_other_names():
    model = SimpleNamespace(
        J=ParamState(np.zeros((20, 20))),
        r=State(np.ones(20)),
        weight_attr="J",
        predict_state_attr="r",
        update=lambda: None,
    )
    HebbianTrainer(model).train(x)
    np.testing.assert_allclose(model.J.value, x.T @ x / 2 * OFF_DIAGONAL, rtol=1e-6)


@pytest.fixture(scope="module")
def stored():
    return random_patterns(25, 40, seed=2)


def one_by_one(trainer, patterns):
    for row in patterns:
        trainer.train([row])


@pytest.fixture(scope="module")
def overfull(stored):
    """A network of 40 neurons that was given 25 patterns one by one, its trainer, the warnings."""
    model = AmariHopfieldNetwork(40)
    trainer = HebbianTrainer(model, normalize_by_patterns=False)
    with pytest.warns(UserWarning, match="patterns stored") as caught:
        one_by_one(trainer, stored)
    return model, trainer, caught


def test_too_many_patterns_are_warned_of_once_when_the_capacity_is_passed(overfull):
    _, _, caught = overfull
    assert len(caught) == 1
    assert "6 patterns stored, more than the 5" in str(caught[0].message)


def test_weights_are_dense_once_the_rank_passes_half_the_size(overfull):
    assert isinstance(overfull[0].W.value, jax.Array)  # rank 25 is beyond 40 / 2


def test_patterns_stored_one_by_one_are_all_in_the_weights(overfull, stored):
    np.testing.assert_array_equal(overfull[0].W.value, stored.T @ stored * (1 - np.eye(40)))


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        pytest.param(np.ones(40), ValueError, "shape", id="one pattern not in a list"),
        pytest.param(np.ones((2, 39)), ValueError, r"\(40,\)", id="too short"),
        pytest.param([np.ones(40), np.ones(39)], ValueError, r"\(40,\)", id="second too short"),
        pytest.param([], ValueError, "empty", id="no pattern"),
        pytest.param(np.full((1, 40), np.nan), ValueError, "finite", id="nan"),
        pytest.param(np.full((1, 40), np.inf), ValueError, "finite", id="infinite"),
        pytest.param(np.zeros((1, 40)), ValueError, r"\+1 and -1", id="zeros"),
        pytest.param(np.full((1, 40), 2.0), ValueError, r"\+1 and -1", id="twos"),
        pytest.param([["x"] * 40], TypeError, "real numbers", id="letters"),
        pytest.param(None, TypeError, "list of patterns", id="nothing"),
    ],
)
def test_what_is_no_pattern_of_the_network_is_refused_and_changes_nothing(
    overfull, bad, error, words
):
    model, trainer, _ = overfull
    before = np.asarray(model.W.value)
    with pytest.raises(error, match=words):
        trainer.train(bad)
    np.testing.assert_array_equal(model.W.value, before)


@pytest.mark.parametrize("rate", [np.nan, np.inf])
def test_a_learning_rate_that_is_not_finite_is_refused(rate):
    with pytest.raises(ValueError, match="learning_rate must be finite"):
        HebbianTrainer(AmariHopfieldNetwork(40), learning_rate=rate)
