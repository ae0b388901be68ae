"""Storage rules beyond Hebb's beside their form in NumPy: python -m tests.bench.storage."""

import numpy as np

from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.stimuli import random_patterns
from canns.trainer.projection import ProjectionTrainer
from canns.trainer.storkey import StorkeyTrainer
from tests.bench.tools import finish, row, timed

N, P = 2000, 400
patterns = random_patterns(P, N)


def ours(rule: type) -> AmariHopfieldNetwork:
    """A network that has stored the patterns."""
    model = AmariHopfieldNetwork(N)
    rule(model).train(patterns)
    model.W.value.post.block_until_ready()
    return model


def projection_in_numpy() -> np.ndarray:
    """Solve for the inverse of the overlaps, then one product."""
    W = patterns.T @ np.linalg.solve(patterns @ patterns.T, patterns)
    np.fill_diagonal(W, 0)
    return W


def storkey_in_numpy() -> np.ndarray:
    """One product for the fields and one of rank two for the weights, per pattern."""
    W = np.zeros((N, N), np.float32)
    signs = np.array([[1], [-1]], np.float32) / N
    for x in patterns:
        h = W @ x
        rows = np.stack([x - h, h])
        W *= np.float32(1 + 2 / N)
        W += (signs * rows).T @ rows
        np.fill_diagonal(W, 0)
    return W


def main() -> None:
    """Check that the weights are equal, and measure."""
    rows = []
    for name, rule, in_numpy, repeats in (
        ("projection", ProjectionTrainer, projection_in_numpy, 9),
        ("Storkey", StorkeyTrainer, storkey_in_numpy, 2),
    ):
        np.testing.assert_allclose(np.asarray(ours(rule).W.value), in_numpy(), atol=2e-5)
        stored, unfolded, plain = timed(
            lambda rule=rule: ours(rule),
            lambda rule=rule: np.asarray(ours(rule).W.value),
            in_numpy,
            repeats=repeats,
        )
        rows.append(
            row(
                f"{name} rule, {P} patterns in {N:,} neurons, beside NumPy with BLAS (equal weights)",
                f"{stored * 1e3:,.0f} ms as a sum of outer products, {unfolded * 1e3:,.0f} ms as a matrix, "
                f"NumPy {plain * 1e3:,.0f} ms: {unfolded / plain:.2f} times its time",
                "at most 2 times",
                unfolded <= 2 * plain,
            )
        )
        print(rows[-1]["measured"], flush=True)
    finish(rows)


if __name__ == "__main__":
    main()
