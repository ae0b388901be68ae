"""Many patterns stored and recalled, and the capacity curve: python -m tests.bench.analyzer"""

import time

import numpy as np

from canns.analyzer.capacity import capacity_curve
from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.stimuli import corrupt, random_patterns
from canns.trainer import HebbianTrainer
from tests.bench.tools import PEERS, finish, peer, row, timed

# canns 1.x recalls one pattern at a time: measured on a few probes. It stores by making all outer products
# at once, 4 P N^2 bytes: too many here, so it gets the patterns in portions.
PEER = """
import json, sys, time
import numpy as np
from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.trainer import HebbianTrainer

P, N, probes = json.loads(sys.argv[1])
patterns = np.where(np.random.default_rng(0).random((P, N)) < 0.5, 1.0, -1.0).astype(np.float32)
cues = patterns[: probes + 1].copy()
for cue in cues:
    cue[np.random.default_rng(1).choice(N, N // 10, replace=False)] *= -1
trainer = HebbianTrainer(AmariHopfieldNetwork(num_neurons=N, asyn=False, activation="sign"))
start = time.perf_counter()
for portion in np.split(patterns, P // 10):
    trainer.train(list(portion))
stored = time.perf_counter() - start
trainer.predict(cues[0])
start = time.perf_counter()
recalled = [np.asarray(trainer.predict(cue)) for cue in cues[1:]]
each = (time.perf_counter() - start) / probes
overlap = float(np.mean(np.array(recalled) * patterns[1 : probes + 1]))
print(json.dumps([stored, each, overlap]))
"""


def store_and_recall() -> list[dict]:
    """410 patterns in 4,096 neurons, 512 probes."""
    N, P, probes = 4096, 410, 512
    patterns = random_patterns(P, N)
    cues = corrupt(patterns[np.arange(probes) % P], 0.1)

    def dense() -> np.ndarray:
        W = patterns.T @ patterns  # float32, and exact: the sums are whole numbers
        np.fill_diagonal(W, 0)
        S = cues
        for _ in range(20):
            H = S @ W
            new = np.where(H == 0, S, np.sign(H))
            if (new == S).all():
                break
            S = new
        return S

    def ours() -> np.ndarray:
        trainer = HebbianTrainer(AmariHopfieldNetwork(N))
        trainer.train(patterns)
        return np.asarray(trainer.predict_batch(cues))

    assert (dense() == ours()).all()
    slow, fast = timed(dense, ours, repeats=3)
    rows = [
        row(
            "410 patterns in 4,096 neurons, 512 probes, beside dense NumPy (float32, all probes at once)",
            f"{slow:.2f} s / {fast:.2f} s = {slow / fast:.1f} times faster",
            "at least 3 times",
            slow / fast >= 3,
        )
    ]
    if PEERS:
        few = 4
        stored, each, overlap = peer(PEER, "canns==1.5.0", data=[P, N, few])
        assert overlap > 0.99
        total = stored + probes * each
        rows.append(
            row(
                f"the same with canns 1.5.0, one probe at a time ({few} of {probes} measured)",
                f"{stored:.1f} s + {probes} × {each:.2f} s = {total:.0f} s: {total / fast:,.0f} times ours",
                "at least 100 times",
                total / fast >= 100,
            )
        )
    return rows


def settled(W: np.ndarray, S: np.ndarray, rounds: int = 100) -> np.ndarray:
    """Neurons change all together until none of them moves; `S` is one state or several, as rows."""
    for _ in range(rounds):
        H = S @ W
        new = np.where(H == 0, S, np.sign(H))
        if (new == S).all():
            break
        S = new
    return S


def curve() -> list[dict]:
    """24 loads, 20 trials, up to 128 probes each, in 1,000 neurons."""
    N, loads, trials, probes = 1000, np.linspace(0.02, 0.25, 24), 20, 128
    start = time.perf_counter()
    measured = capacity_curve(HebbianTrainer, N, loads, trials=trials, probes=probes)
    ours = time.perf_counter() - start
    counts = np.round(loads * N).astype(int)
    recalls = np.minimum(counts, probes)

    # NumPy: the patterns of trial 0, one load in three; one by one, only every fourth probe.
    seed = int(np.random.SeedSequence([0, 0]).generate_state(3)[0])
    patterns = random_patterns(counts.max(), N, seed=seed)
    some = np.arange(1, len(loads), 3)
    seconds = {"storing": [], "each": [], "batch": []}
    for k in some:
        P, asked = counts[k], recalls[k]
        start = time.perf_counter()
        xi = patterns[:P].astype(float)
        W = xi.T @ xi
        np.fill_diagonal(W, 0)
        seconds["storing"].append(time.perf_counter() - start)
        start = time.perf_counter()
        for b in range(0, asked, 4):
            overlap = np.mean(settled(W, xi[b]) * xi[b])
            # where the last round leaves a cycle depends on nothing but its number
            assert abs(overlap - measured.overlaps[k, 0, b]) < 1e-6
        seconds["each"].append((time.perf_counter() - start) / len(range(0, asked, 4)))
        W32, xi32 = W.astype(np.float32), xi.astype(np.float32)[:asked]
        start = time.perf_counter()
        settled(W32, xi32)
        seconds["batch"].append((time.perf_counter() - start) / asked)

    def whole(recall: str) -> float:
        """All loads and trials, by their numbers of recalls."""
        storing, each = (np.interp(loads, loads[some], seconds[k]) for k in ("storing", recall))
        return trials * np.sum(storing + recalls * each)

    one_by_one, batched = whole("each"), whole("batch")
    share = np.sum(np.ceil(recalls[some] / 4)) / (trials * recalls.sum())
    about = f"{trials * recalls.sum():,} recalls in 1,000 neurons, 24 loads, 20 trials"
    return [
        row(
            f"a capacity curve: {about}, first call, compilation included",
            f"{ours:.0f} s",
            "under 60 s",
            ours < 60,
        ),
        row(
            "the same in plain NumPy, one probe at a time "
            f"(measured on {share:.1%} of the recalls, the rest by their number)",
            f"{one_by_one:.0f} s / {ours:.0f} s = {one_by_one / ours:.0f} times the time",
            "at least 20 times",
            one_by_one / ours >= 20,
        ),
        row(
            "the same in NumPy, all probes of a trial at once, in float32 (measured on one trial of 8 loads)",
            f"{batched:.0f} s / {ours:.0f} s = {batched / ours:.1f} times the time",
        ),
    ]


if __name__ == "__main__":
    finish(store_and_recall() + curve())
