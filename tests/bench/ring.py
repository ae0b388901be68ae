"""A ring of neurons over many steps: python -m tests.bench.ring (PEERS=1: beside canns 1.5.0)."""

import numpy as np

from canns.models.basic import CANN1D
from tests.bench.tools import PEERS, finish, peer, row, timed

N, STEPS = 512, 10_000
POSITIONS = np.linspace(0, 8 * np.pi, STEPS)  # four times round the ring
CHECKED = slice(499, None, 500)  # steps whose currents and rates are compared

OLD = f"""
import json, time
from statistics import median
import brainpy.math as bm
import jax
import numpy as np
from canns.models.basic import CANN1D

bm.set_dt(0.1)
positions = np.linspace(0, 8 * np.pi, {STEPS})

def make(mode):
    model = CANN1D(num={N})
    # a closed ring, without two neurons at the same place
    model.x = bm.linspace(-bm.pi, bm.pi, {N} + 1)[:-1]
    model.conn_mat = model.make_conn()
    model.set_accl_mode(mode)
    return model

def loop(model):
    stimuli = jax.vmap(lambda z: bm.as_jax(model.get_stimulus_by_pos(z)))(positions)

    def step(inp):
        model.update(inp)
        return model.u.value, model.r.value

    run = bm.jit(lambda: bm.for_loop(step, (stimuli,), progress_bar=False))

    def job():
        model.u.value = bm.zeros({N})
        return jax.block_until_ready(jax.tree.map(bm.as_jax, run()))

    return job

jobs = {{mode: loop(make(mode)) for mode in ("normal", "fft")}}
results, seconds = {{}}, {{}}
for mode, job in jobs.items():
    u, r = job()
    results[mode] = [np.asarray(a)[499::500].tolist() for a in (u, r)]
    seconds[mode] = []
for _ in range(5):
    for mode, job in jobs.items():
        start = time.perf_counter()
        job()
        seconds[mode].append(time.perf_counter() - start)
print(json.dumps([results, {{mode: median(s) for mode, s in seconds.items()}}]))
"""


def numpy_loop(
    W: np.ndarray, stimuli: np.ndarray, k: float, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """The same steps in NumPy, in single precision."""
    u, k, rate = np.zeros(N, np.float32), np.float32(k), np.float32(rate)
    currents, rates = np.empty((STEPS, N), np.float32), np.empty((STEPS, N), np.float32)
    for t in range(STEPS):
        squared = u * u
        r = squared / (1 + k * squared.sum())
        u = u + rate * (W @ r - u + stimuli[t])
        currents[t], rates[t] = u, r
    return currents, rates


def same(ours: tuple, theirs: tuple) -> None:
    """Stop unless currents and rates agree to 1e-4 of the largest."""
    for a, b in zip(ours, theirs, strict=True):
        difference = np.abs(np.asarray(a) - np.asarray(b)).max() / np.asarray(a).max()
        if not difference < 1e-4:
            raise SystemExit(f"the two sides differ by {difference:.1e}")


def main() -> None:
    """Measure, and print the table as JSON."""
    ring = CANN1D(N)
    stimuli = np.asarray(ring.get_stimulus_by_pos(POSITIONS))
    W = np.asarray(ring.conn_mat)
    learned = CANN1D(N)
    learned.W.value = W  # an ordinary array, as after learning

    def ours(ring: CANN1D) -> tuple[np.ndarray, np.ndarray]:
        ring.init_state()
        u, r = ring.run(stimuli)
        return np.asarray(u), np.asarray(r)

    def loop() -> tuple[np.ndarray, np.ndarray]:
        return numpy_loop(W, stimuli, ring.k, ring.dt / ring.tau)

    result = ours(ring)
    same(result, loop())
    same(result, ours(learned))
    slow, fast, dense = timed(loop, lambda: ours(ring), lambda: ours(learned), repeats=5)
    title = "a ring of 512 neurons, 10,000 steps, "
    rows = [
        row(
            title + "beside the same loop in NumPy",
            f"{slow * 1e3:,.0f} ms / {fast * 1e3:.0f} ms = {slow / fast:.1f} times faster",
            "at least 3 times",
            slow / fast >= 3,
        ),
        row(
            title + "with learned weights (an ordinary matrix), beside the same loop in NumPy",
            f"{slow * 1e3:,.0f} ms / {dense * 1e3:.0f} ms = {slow / dense:.1f} times faster",
        ),
    ]
    if PEERS:
        results, seconds = peer(OLD, "canns==1.5.0", "scikit-image")
        checked = tuple(a[CHECKED] for a in result)
        for mode, name in (("normal", "as it comes"), ("fft", "in its fastest exact mode")):
            same(checked, results[mode])
            old = seconds[mode]
            rows.append(
                row(
                    title + f"beside the compiled loop of canns 1.5.0, {name}",
                    f"{old * 1e3:,.0f} ms / {fast * 1e3:.0f} ms = {old / fast:.1f} times faster",
                    "faster",
                    old > fast,
                )
            )
    finish(rows)


if __name__ == "__main__":
    main()
