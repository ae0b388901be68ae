"""Speed and memory, as ratios within one run: python -m tests.bench (PEERS=1: beside other packages).

Every job runs in a process of its own. What this file does not measure itself, the programs beside it do,
one per part of the library, each to be run by itself as well (python -m tests.bench.learning_rules); see
`tools.finish`. The table goes to nbs/tutorials/speed.json, which the chapter
tutorials/speed shows.
"""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from tests.bench.tools import PEERS, ROOT, environment

PROGRAM = ROOT / "tests" / "programs" / "image_memory.py"
RESULTS = ROOT / "nbs" / "tutorials" / "speed.json"
PROGRAMS = sorted(p.stem for p in Path(__file__).parent.glob("[!_]*.py") if p.stem != "tools")

PRELUDE = """
import json, time
import numpy as np
from statistics import median
from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.stimuli import corrupt, photographs, random_patterns
from canns.trainer import HebbianTrainer

def timed(job, repeats):
    job()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - start)
    return median(seconds)

def ours(patterns, cues, **options):
    trainer = HebbianTrainer(AmariHopfieldNetwork(patterns.shape[1], **options))
    trainer.train(patterns)
    return np.asarray(trainer.predict_batch(cues))
"""

DENSE = """
patterns = photographs()
cues = corrupt(patterns, 0.3)

def dense():
    W = patterns.T @ patterns / len(patterns)
    np.fill_diagonal(W, 0)
    S = cues.T
    while True:
        H = W @ S
        new = np.where(H == 0, S, np.sign(H))
        if (new == S).all():
            return new.T
        S = new

assert (ours(patterns, cues) == patterns).all() and (dense() == patterns).all()
print(json.dumps([timed(dense, 3), timed(lambda: ours(patterns, cues), 15)]))
"""

ONE_AT_A_TIME = """
patterns = random_patterns(20, 2000)
cues = corrupt(patterns, 0.3)
W = patterns.T @ patterns / 20
np.fill_diagonal(W, 0)

def loop():
    rng, S = np.random.default_rng(0), cues.copy()
    for s in S:
        changed = True
        while changed:
            changed = False
            for i in rng.permutation(2000):
                h = W[i] @ s
                if h * s[i] < 0:
                    s[i], changed = -s[i], True
    return S

assert (ours(patterns, cues, asyn=True) == patterns).all() and (loop() == patterns).all()
print(json.dumps([timed(loop, 3), timed(lambda: ours(patterns, cues, asyn=True), 9)]))
"""

LARGE = """
import sys
N = int(sys.argv[1])
patterns = random_patterns(10, N)
cues = corrupt(patterns, 0.3)
begin = time.perf_counter()
exact = int((ours(patterns, cues) == patterns).all(axis=1).sum())
first = time.perf_counter() - begin
import jax
negate, held = jax.jit(lambda x: -x), jax.numpy.array(cues)
touch = timed(lambda: negate(held).block_until_ready(), 15)
print(json.dumps([exact, first, timed(lambda: ours(patterns, cues), 7), touch]))
"""

IMPORTS = (
    "import numpy, jax, skimage.data, skimage.color, skimage.transform, skimage.filters\n"
    "import matplotlib.pyplot"
)


def run(*command: str, python: str = sys.executable) -> tuple[float, float, str]:
    """Wall time in s, peak memory in MB and output of one process."""
    env = os.environ | {"PYTHONPATH": str(ROOT) if python == sys.executable else ""}
    start = time.perf_counter()
    process = subprocess.Popen(
        [python, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:60]} ended with status {process.returncode}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6, output


def measure(*command: str) -> list:
    """What a program printed as JSON on its last line."""
    return json.loads(run("-c", PRELUDE + command[0], *command[1:])[2].splitlines()[-1])


def alternately(first: list[str], second: list[str], repeats: int) -> tuple[float, float, float]:
    """Median wall times of two processes run in turn, and the first one's peak memory in MB."""
    pairs = [(run(*first), run(*second)) for _ in range(repeats)]
    return (
        median(a[0] for a, _ in pairs),
        median(b[0] for _, b in pairs),
        max(a[1] for a, _ in pairs),
    )


def main() -> None:
    """Measure all, print and save the table."""
    rows = []

    def row(job: str, measured: str, goal: str, holds: bool | None) -> None:
        rows.append({"job": job, "measured": measured, "goal": goal, "holds": holds})
        print(f"{job}\n    {measured}   (goal: {goal})", flush=True)

    dense, sum_ = measure(DENSE)
    row(
        "four photographs, store and recall, beside dense NumPy",
        f"{dense * 1e3:,.0f} ms / {sum_ * 1e3:.1f} ms = {dense / sum_:,.0f} times faster",
        "at least 300 times",
        dense / sum_ >= 300,
    )

    loop, swept = measure(ONE_AT_A_TIME)
    row(
        "20 patterns in 2,000 neurons, one neuron at a time, beside a NumPy loop",
        f"{loop * 1e3:,.0f} ms / {swept * 1e3:.1f} ms = {loop / swept:,.0f} times faster",
        "none",
        None,
    )

    program, imports, peak = alternately([str(PROGRAM)], ["-c", IMPORTS], 7)
    row(
        "the program of four photographs as a process, beside one that only imports",
        f"{program:.2f} s / {imports:.2f} s = {program / imports:.2f} times",
        "at most 2.0 times",
        program / imports <= 2,
    )
    row("its peak memory", f"{peak:.0f} MB", "at most 600 MB", peak <= 600)

    ours, jax_only, _ = alternately(["-c", "import canns.trainer"], ["-c", "import jax.numpy"], 9)
    row(
        "import canns.trainer, beside import jax.numpy",
        f"{ours:.2f} s / {jax_only:.2f} s = {ours / jax_only:.2f} times",
        "at most 1.3 times",
        ours / jax_only <= 1.3,
    )

    large = {}
    for n in (10**5, 10**6):
        _, megabytes, output = run("-c", PRELUDE + LARGE, str(n))
        large[n] = (*json.loads(output.splitlines()[-1]), megabytes)
    exact, first, warm, *_, megabytes = large[10**6]
    row(
        "a million neurons, ten patterns, ten cues with 30 % flipped",
        f"{exact} of 10 exact; {megabytes:.0f} MB; {first:.2f} s at the first call, {warm:.2f} s later",
        "10 exact, under 1,500 MB",
        exact == 10 and megabytes < 1500,
    )
    growth = [large[10**6][i] / large[10**5][i] for i in (1, 2, 3)]
    row(
        "ten times as many neurons (10^5 to 10^6): growth of time",
        f"{growth[0]:.1f} times at the first call, {growth[1]:.1f} times later",
        "at most 10 times",
        max(growth[:2]) <= 10,
    )

    row(
        "for comparison: growth of the time to write one array, 10 cues by N, once",
        f"{growth[2]:.0f} times",
        "none",
        None,
    )

    if PEERS:
        python = environment("canns==1.5.0", "scikit-image")
        seconds, megabytes, _ = run(str(PROGRAM), python=python)
        row(
            "the same program with canns 1.5.0",
            f"{seconds:.1f} s, {megabytes:,.0f} MB: {seconds / program:.0f} times the time, "
            f"{megabytes / peak:.0f} times the memory",
            "none",
            None,
        )

    for program in PROGRAMS:
        _, _, output = run("-m", f"tests.bench.{program}")
        for line in json.loads(output.splitlines()[-1]):
            row(**line)

    about = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    RESULTS.write_text(
        json.dumps({"machine": about, "rows": rows}, indent=1) + "\n", encoding="utf-8"
    )
    print(f"saved in {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
