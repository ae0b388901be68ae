"""STDP from recorded spikes, beside a NumPy loop: python -m tests.bench.recorded_spikes."""

import numpy as np

from canns.trainer import stdp_weight_change
from tests.bench.tools import compared, finish, timed

STEPS, SIZE = 10_000, 1000
A_PLUS, A_MINUS = 5e-5, 5.25e-5
rng = np.random.default_rng(0)
pre, post = ((rng.random((STEPS, SIZE)) < 0.02).astype(np.float32) for _ in range(2))


def recorded_loop(steps: int) -> np.ndarray:
    """One step of time after another, in NumPy."""
    change = np.zeros((SIZE, SIZE), np.float32)
    decay = np.float32(np.exp(-1 / 20))
    r_pre, r_post = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)
    for x, y in zip(pre[:steps], post[:steps], strict=True):
        r_pre, r_post = decay * r_pre, decay * r_post
        change += A_PLUS * np.outer(y, r_pre) - A_MINUS * np.outer(r_post, x)
        r_pre, r_post = r_pre + x, r_post + y
    return change


np.testing.assert_allclose(
    stdp_weight_change(pre[:500], post[:500], A_PLUS, A_MINUS),
    recorded_loop(500),
    rtol=1e-3,
    atol=1e-7,
)
(ours,) = timed(lambda: np.asarray(stdp_weight_change(pre, post, A_PLUS, A_MINUS)), repeats=5)
(loop,) = timed(lambda: recorded_loop(STEPS // 10), repeats=1)
finish(
    [
        compared(
            "STDP from recorded spikes, 1,000 by 1,000 neurons, 10,000 steps",
            "a NumPy loop over time (ten times its time for 1,000 steps)",
            10 * loop,
            ours,
            100,
        )
    ]
)
