"""Weights kept as sums of outer products, against the ordinary matrices they stand for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from canns.weights import OuterProducts, add_outer, field, quadratic_form, sweep, zero_diagonal

XI = np.array(
    [[1, 1, 1, -1, -1, -1], [1, -1, 1, -1, 1, -1], [1, 1, -1, -1, 1, 1]], np.float32
)  # three patterns over six neurons


def integers(seed, *shape, low=-3, high=4):
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.float32)


def rectangular():
    """Five neurons that hear seven, and the matrix by hand."""
    post, pre = integers(0, 2, 5), integers(1, 2, 7)
    by_hand = post[0][:, None] * pre[0] - 2 * post[1][:, None] * pre[1]
    return OuterProducts(post, pre, coef=[1.0, -2.0]), by_hand


def not_symmetric():
    """Seven neurons with other patterns on the two sides and a diagonal taken off."""
    pre = integers(1, 2, 7)
    by_hand = pre.T @ pre[::-1] - np.diag(np.arange(7.0))
    return OuterProducts(pre, pre[::-1], removed=np.arange(7.0)), by_hand


def symmetric():
    """Three patterns over six neurons."""
    return OuterProducts(XI, coef=1 / 2), sum(np.outer(x, x) for x in XI) / 2


@pytest.fixture(
    scope="module", params=[rectangular, not_symmetric, symmetric], ids=lambda make: make.__name__
)
def both(request):
    """A matrix as a sum of outer products, and the same by hand."""
    return request.param()


def vector(m):
    return np.arange(m.shape[1], dtype=np.float32)


def columns(m):
    return integers(2, m.shape[1], 3, low=-2, high=3)


# --- the matrix is the matrix ------------------------------------------------------------------------

# What is asked of a matrix M, with the ordinary one, m, at hand.
QUESTIONS = {
    "M @ x": lambda M, m: M @ vector(m),
    "M @ Y": lambda M, m: M @ columns(m),
    "M.T @ m": lambda M, m: M.T @ m,
    "Y.T @ M.T": lambda M, m: columns(m).T @ M.T,
    "M.diagonal()": lambda M, m: M.diagonal(),
    "M[1]": lambda M, m: M[1],
    "M[-1]": lambda M, m: M[-1],
    "M[1:3]": lambda M, m: M[1:3],
    "M[[0, 2]]": lambda M, m: M[[0, 2]],
    "M[1, 2]": lambda M, m: M[1, 2],
    "M[:, 2]": lambda M, m: M[:, 2],
    "M[1:3, ::2]": lambda M, m: M[1:3, ::2],
    "M[[0, 1], [1, 2]]": lambda M, m: M[[0, 1], [1, 2]],
    "M[m > 0]": lambda M, m: M[m > 0],
    "M[...]": lambda M, m: M[...],
    "M[every second row]": lambda M, m: M[np.arange(len(m)) % 2 == 0],
    "M[0]": lambda M, m: M[0],
    "-M": lambda M, m: -M,
    "2 * M": lambda M, m: 2 * M,
    "M / 2": lambda M, m: M / 2,
    "M + M": lambda M, m: M + M,
    "M - M": lambda M, m: M - M,
    "M + m": lambda M, m: M + m,
    "m + M": lambda M, m: m + M,
    "m - M": lambda M, m: m - M,
    "M * m": lambda M, m: M * m,
    "M > 0": lambda M, m: M > 0,
    "abs(M)": lambda M, m: abs(M),
    "M**2": lambda M, m: M**2,
    "M.mean()": lambda M, m: M.mean(),
    "jnp.abs(M)": lambda M, m: jnp.abs(M),
    "M.reshape(-1)": lambda M, m: M.reshape(-1),
    "list(M)": lambda M, m: np.array(list(M)),
    "np.float64(2) * M": lambda M, m: np.float64(2) * M,
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_answers_like_the_ordinary_matrix(both, question):
    M, m = both
    ask = QUESTIONS[question]
    np.testing.assert_allclose(np.asarray(ask(M, m)), ask(m, m), rtol=1e-6, atol=1e-6)


def test_an_entry_can_be_set_as_in_a_jax_array(both):
    M, _ = both
    assert M.at[0, 0].set(9.0)[0, 0] == 9.0


def test_it_has_the_shape_size_and_length_of_the_ordinary_matrix(both):
    M, m = both
    assert M.shape == m.shape
    assert M.size == m.size
    assert len(M) == len(m)


def test_it_goes_through_jit_as_a_tree_of_arrays(both):
    M, _ = both
    leaves, treedef = jax.tree.flatten(M)
    compiled = jax.jit(lambda w: w.dense())
    np.testing.assert_array_equal(compiled(jax.tree.unflatten(treedef, leaves)), np.asarray(M))


def test_a_product_with_a_very_long_vector_is_exact():
    long = np.random.default_rng(0).choice([-1.0, 1.0], (2, 300_001)).astype(np.float32)
    overlaps = OuterProducts(np.eye(2, dtype=np.float32), long) @ long[0]
    np.testing.assert_array_equal(overlaps, long @ long[0])


# --- sums --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rank", "form"), [(49, OuterProducts), (50, jax.Array)])
def test_a_sum_stays_one_while_its_rank_is_below_half_its_size(rank, form):
    total = OuterProducts.zeros(100) + OuterProducts(np.ones((rank, 100)))
    assert isinstance(total, form)


def test_a_sum_of_a_symmetric_and_another_matrix_is_not_symmetric():
    ramp = np.arange(100.0)[None]
    many = OuterProducts(np.ones((2, 100))) + OuterProducts(np.ones((1, 100)), ramp)
    assert many.rank == 3
    assert not many.symmetric
    np.testing.assert_array_equal(many, 2 + ramp * np.ones((100, 1)))


# --- shapes that do not fit --------------------------------------------------------------------------


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(ValueError, match="multiply"):
        symmetric()[0] @ np.ones(5)


def test_the_sum_of_matrices_of_other_shapes_is_refused():
    with pytest.raises(ValueError, match="add matrices"):
        symmetric()[0] + rectangular()[0]


def test_other_numbers_of_patterns_on_the_two_sides_are_refused():
    with pytest.raises(ValueError, match="expected post"):
        OuterProducts(np.ones((2, 5)), np.ones((1, 7)))


def test_a_diagonal_cannot_be_taken_off_a_matrix_that_is_not_square():
    with pytest.raises(ValueError, match="removed"):
        OuterProducts(np.ones((2, 5)), np.ones((2, 7)), removed=np.ones(5))


# --- storing -----------------------------------------------------------------------------------------


@pytest.fixture(
    params=[
        lambda: OuterProducts.zeros(6),
        lambda: np.zeros((6, 6)),
        lambda: OuterProducts(np.ones((1, 6)), removed=np.arange(6.0)),
    ],
    ids=["a sum of nothing", "an ordinary array", "a sum with a diagonal taken off"],
)
def W0(request):
    return request.param()


def test_an_outer_product_is_added_to_either_form(W0):
    expected = np.asarray(W0) + np.outer(XI[0], XI[0]) * 0.5
    np.testing.assert_array_equal(add_outer(W0, XI[0], coef=0.5), expected)


def test_the_diagonal_of_either_form_can_be_emptied(W0):
    expected = np.asarray(W0) + np.outer(XI[0], XI[0]) * 0.5
    emptied = zero_diagonal(add_outer(W0, XI[0], coef=0.5))
    np.testing.assert_array_equal(emptied, expected * (1 - np.eye(6)))


# --- what a network asks of weights that are not symmetric -------------------------------------------


@pytest.fixture(scope="module")
def sequence():
    """Weights from each of seven patterns to the next one moved on, as a sum and as an array."""
    rng = np.random.default_rng(7)
    xi = rng.choice([-1, 1], (7, 201)).astype(np.float32)
    A = zero_diagonal(OuterProducts(xi, np.roll(xi, 1, axis=0), coef=1 / 7))
    s = rng.choice([-1, 1], 201).astype(np.float32)
    return A, np.asarray(A), s, rng.permutation(201)


def take_sign(h, slack, s, i):
    """The sign of the field; the old state where the field is zero."""
    return jnp.where(jnp.abs(h) <= slack, s, jnp.where(h > 0, 1.0, -1.0))


def test_the_field_of_weights_that_are_not_symmetric(sequence):
    A, dense, s, _ = sequence
    np.testing.assert_allclose(field(A, jnp.asarray(s))[0], dense @ s, atol=1e-3)


@pytest.mark.parametrize("form", [lambda A: A, jnp.asarray], ids=["sum", "array"])
def test_the_quadratic_form_of_weights_that_are_not_symmetric(sequence, form):
    A, dense, s, _ = sequence
    np.testing.assert_allclose(quadratic_form(form(A), jnp.asarray(s)), s @ dense @ s, rtol=1e-4)


def test_both_forms_sweep_alike_with_weights_that_are_not_symmetric(sequence):
    A, dense, s, order = sequence
    swept = [
        sweep(W, jnp.asarray(s), jnp.asarray(order), take_sign) for W in (A, jnp.asarray(dense))
    ]
    np.testing.assert_array_equal(*swept)


def test_weights_that_a_compiled_function_holds_work_as_those_that_it_is_given():
    rng = np.random.default_rng(0)
    for rows in (3, 0):
        W = zero_diagonal(OuterProducts(rng.choice([-1.0, 1.0], (rows, 40)).astype(np.float32)))
        s = jnp.asarray(rng.choice([-1.0, 1.0], 40), jnp.float32)
        order = jnp.asarray(rng.permutation(40))

        def keep(h, slack, s, i):
            return jnp.where(jnp.abs(h) <= slack, s, jnp.sign(h))

        def all_of(W, s, order, keep=keep):
            return sweep(W, s, order, keep), field(W, s), W @ s, W[order], W.T @ s, W * 2.0

        held = jax.jit(lambda s, order, W=W: all_of(W, s, order))(s, order)
        given = jax.jit(all_of)(W, s, order)
        jax.tree.map(np.testing.assert_array_equal, held, given)
