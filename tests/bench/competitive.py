"""Kohonen's map: time for each sample, and how good the map is."""

import json

import jax
import numpy as np

from canns.models.brain_inspired.linear import LinearLayer
from canns.trainer.competitive import SOMTrainer, quantization_error, topographic_error
from tests.bench.tools import PEERS, finish, peer, row, timed

SHAPE, SAMPLES, INPUTS = (20, 20), 10_000, 16

# Eight clouds in a space of 16 dimensions; both sides draw the same ones.
DATA = """
import numpy as np
rng = np.random.default_rng(0)
data = rng.random((8, 16))[rng.integers(8, size=10_000)] + 0.1 * rng.standard_normal((10_000, 16))
start = data[:400].astype(np.float32)
data = data.astype(np.float32)
"""

MINISOM = (
    DATA
    + """
import json, time
from statistics import median
from minisom import MiniSom

def run():
    som = MiniSom(20, 20, 16, sigma=10.0, learning_rate=0.5, random_seed=0)
    som._weights[...] = start.reshape(20, 20, 16)
    begin = time.perf_counter()
    som.train(data, len(data))
    return time.perf_counter() - begin, som

seconds, soms = zip(*(run() for _ in range(6)))
som = soms[-1]
print(json.dumps({
    "seconds": median(seconds[1:]),
    "weights": som.get_weights().reshape(400, 16).tolist(),
    "sum": float(data.sum(dtype=float)),
    "quantization": som.quantization_error(data),
    "topographic": som.topographic_error(data),
}))
"""
)


def main() -> None:
    """Train one map, beside MiniSom on the same samples from the same start if asked for."""
    drawn: dict = {}
    exec(DATA, drawn)
    data, start = drawn["data"], drawn["start"]
    layer = LinearLayer(INPUTS, 400)
    # MiniSom's schedule ends with a third of the rate and of the radius that it starts with
    trainer = SOMTrainer(layer, SHAPE, 0.5, radius=10.0, final_rate=1 / 3, final_radius=10 / 3)

    def ours() -> None:
        layer.W.value = start
        trainer.train(data)
        jax.block_until_ready(layer.W.value)

    (seconds,) = timed(ours)
    lost = float(quantization_error(layer.W.value, data))
    broken = float(topographic_error(layer.W.value, data, SHAPE))
    each = seconds / SAMPLES * 1e6
    print(
        f"{each:.1f} µs for each sample, quantisation error {lost:.3f}, topographic error {broken:.3f}"
    )
    job = "a map of 20 × 20 units, 10,000 samples of 16 numbers, time for each sample"
    if not PEERS:
        finish(
            [row(job, f"{each:.1f} µs; errors: quantisation {lost:.3f}, topographic {broken:.3f}")]
        )
        return

    other = peer(MINISOM, "minisom", "numpy")
    assert np.isclose(other["sum"], data.sum(dtype=float)), "the two sides have drawn other samples"
    W = np.array(other["weights"])
    np.testing.assert_allclose(float(quantization_error(W, data)), other["quantization"], rtol=1e-3)
    assert abs(float(topographic_error(W, data, SHAPE)) - other["topographic"]) < 0.002
    theirs = other["seconds"] / SAMPLES * 1e6
    print(json.dumps({k: v for k, v in other.items() if k != "weights"}))
    measured = (
        f"{theirs:.1f} µs / {each:.1f} µs = {theirs / each:.1f} times faster; quantisation error "
        f"{lost:.3f} and {other['quantization']:.3f}, topographic error {broken:.3f} and "
        f"{other['topographic']:.3f}"
    )
    holds = (
        each <= theirs
        and lost <= 1.05 * other["quantization"]
        and broken <= other["topographic"] + 0.01
    )
    finish([row(f"{job}, beside MiniSom", measured, "at least as fast, a map as good", holds)])


if __name__ == "__main__":
    main()
