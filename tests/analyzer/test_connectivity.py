"""Views of weights: dense and structured, square and not, against NumPy; and what they refuse."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from canns.analyzer import analyze_weights, marchenko_pastur, spectrum
from canns.analyzer.connectivity import symmetry_error, weights_of
from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.stimuli import random_patterns
from canns.weights import OuterProducts, frobenius_norm, zero_diagonal


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture(scope="module")
def hebbian():
    """Hebbian weights of 300 neurons with 20 memories, as a sum of outer products."""
    return zero_diagonal(OuterProducts(random_patterns(20, 300, seed=1), coef=1 / 300))


def dense_spectrum(W):
    """Eigenvalues of the matrix written out, the largest first."""
    return np.linalg.eigvalsh(np.asarray(W, np.float64))[::-1]


@pytest.mark.parametrize("both", [False, True], ids=["one side", "two sides"])
@pytest.mark.parametrize("taken_off", [False, True], ids=["with diagonal", "without"])
def test_outer_products_have_the_norm_and_the_symmetry_of_the_matrix(rng, both, taken_off):
    pre = rng.choice([-1.0, 1.0], (5, 40)) if both else None
    removed = rng.normal(size=40) if taken_off else None
    W = OuterProducts(rng.choice([-1.0, 1.0], (5, 40)), pre, rng.normal(size=5), removed)
    full = np.asarray(W, np.float64)
    assert np.isclose(frobenius_norm(W), np.linalg.norm(full), rtol=1e-5)
    error = np.linalg.norm(full - full.T) / np.linalg.norm(full)
    assert np.isclose(symmetry_error(W), error, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("W", [np.zeros((3, 3)), OuterProducts.zeros(3)], ids=["array", "sum"])
def test_weights_of_zero_have_no_symmetry(W):
    assert np.isnan(symmetry_error(W))


def test_a_box_of_weights_is_looked_at_as_its_matrix(hebbian):
    model = AmariHopfieldNetwork(300)
    model.W.value = hebbian
    assert weights_of(model.W) is hebbian


def test_a_matrix_that_is_not_square_has_singular_values(rng):
    tall = rng.normal(size=(30, 12))
    view = analyze_weights(tall)
    np.testing.assert_allclose(view.spectrum, np.linalg.svd(tall, compute_uv=False), rtol=1e-5)
    np.testing.assert_allclose([view.mean, view.std], [tall.mean(), tall.std()], rtol=1e-5)


def test_a_matrix_that_is_not_square_has_no_symmetry(rng):
    view = analyze_weights(rng.normal(size=(30, 12)))
    assert np.isnan(view.symmetry_error)
    assert "30 x 12" in repr(view)


def test_outer_products_that_are_not_square_have_the_mean_and_spread_of_the_matrix(rng):
    W = OuterProducts(rng.normal(size=(3, 30)), rng.normal(size=(3, 12)), [1.0, -2.0, 0.5])
    view, full = analyze_weights(W), np.asarray(W)
    np.testing.assert_allclose(view.mean, full.mean(), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(view.std, full.std(), rtol=1e-4)


@pytest.mark.parametrize("coef", [[1.0, -2.0, 0.5], [1.0, 2.0, 0.5]], ids=["signs", "positive"])
@pytest.mark.parametrize("removed", ["nothing", "one number", "many numbers"])
def test_outer_products_have_the_spectrum_of_the_matrix(rng, coef, removed):
    diagonal = {"nothing": None, "one number": np.full(30, 0.7)}.get(removed, rng.normal(size=30))
    W = OuterProducts(rng.normal(size=(3, 30)), None, coef, diagonal)
    np.testing.assert_allclose(spectrum(W), dense_spectrum(W), atol=2e-4)


def test_more_patterns_than_neurons_have_the_spectrum_of_the_matrix(rng):
    W = OuterProducts(rng.normal(size=(40, 6)), coef=rng.normal(size=40))
    np.testing.assert_allclose(spectrum(W), dense_spectrum(W), atol=1e-3)


def test_the_sample_of_outer_products_is_that_of_the_matrix(hebbian):
    sampled = analyze_weights(hebbian, 5000, seed=3).sample
    again = analyze_weights(np.asarray(hebbian), 5000, seed=3).sample
    np.testing.assert_allclose(sampled, again, atol=1e-6)
    assert abs(sampled.std() / np.asarray(hebbian).std() - 1) < 0.05


def test_a_model_that_never_learned_is_refused():
    with pytest.raises(ValueError, match="train first"):
        analyze_weights(AmariHopfieldNetwork(5))


@pytest.mark.parametrize(("entry", "words"), [(0.0, "train first"), (np.nan, "not finite")])
def test_a_matrix_that_shows_nothing_is_refused(entry, words):
    with pytest.raises(ValueError, match=words):
        analyze_weights(np.full((4, 4), entry))


def test_a_sample_of_nothing_is_refused(hebbian):
    with pytest.raises(ValueError, match="num_samples"):
        analyze_weights(hebbian, num_samples=0)


@pytest.mark.parametrize("question", [symmetry_error, spectrum])
def test_symmetry_and_eigenvalues_need_a_square_matrix(question):
    with pytest.raises(ValueError, match=re.escape("(2, 3)")):
        question(np.ones((2, 3)))


@pytest.mark.parametrize("load", [0.0, 1.5])
def test_the_law_of_the_spectrum_refuses_a_load_out_of_range(load):
    with pytest.raises(ValueError, match="load"):
        marchenko_pastur(1.0, load)


@pytest.mark.parametrize("wrong", [3.0, object(), np.ones(4)], ids=["number", "object", "vector"])
def test_what_has_no_weights_is_refused(wrong):
    with pytest.raises(TypeError, match="expected a matrix, or a model with weights"):
        weights_of(wrong)


def test_looking_at_weights_leaves_them_as_they_were(hebbian):
    model = AmariHopfieldNetwork(300)
    model.W.value = hebbian
    analyze_weights(model)
    assert model.W.value is hebbian


@pytest.mark.parametrize("view", ["plot_matrix", "plot_histogram", "plot_spectrum"])
def test_a_view_is_drawn_on_the_axes_given(hebbian, view):
    fig, ax = plt.subplots()
    assert getattr(analyze_weights(hebbian), view)(ax) is ax
    plt.close(fig)
