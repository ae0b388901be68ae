"""What the programs of the benchmark share: fair timing, and peers in environments of their own."""

import json
import os
import re
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Neither by its path nor by its folder must a peer find the canns of this repository.
ELSEWHERE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
PEERS = os.environ.get("PEERS") == "1"


def timed(*jobs: Callable, repeats: int = 5) -> list[float]:
    """Median time of each job in seconds, run in turn after one run each to warm up."""
    for job in jobs:
        job()
    seconds: list[list[float]] = [[] for _ in jobs]
    for _ in range(repeats):
        for job, record in zip(jobs, seconds, strict=True):
            start = time.perf_counter()
            job()
            record.append(time.perf_counter() - start)
    return [median(record) for record in seconds]


def row(job: str, measured: str, goal: str = "none", holds: bool | None = None) -> dict:
    """One line of the table."""
    return {
        "job": job,
        "measured": measured,
        "goal": goal,
        "holds": None if holds is None else bool(holds),
    }


def compared(job: str, other: str, theirs: float, ours: float, goal: float) -> dict:
    """A line of the table for two times in seconds."""
    measured = f"{theirs * 1e3:,.0f} ms ({other}) / {ours * 1e3:,.1f} ms = {theirs / ours:,.1f} times faster"
    return row(
        f"{job}, beside {other}", measured, f"at least {goal:g} times", theirs / ours >= goal
    )


def finish(rows: list[dict]) -> None:
    """Hand the rows to ``python -m tests.bench``: the last line of a program's output."""
    print(json.dumps(rows))


def environment(*requirements: str) -> str:
    """Path of the Python of an environment under .bench that has these packages; made if need be."""
    folder = ROOT / ".bench" / "+".join(re.sub(r"\W+", "-", r) for r in requirements)
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "-qq", *requirements]
        subprocess.run(install, check=True, env=ELSEWHERE, cwd=folder)
        (folder / "ready").touch()
    return str(python)


def peer(code: str, *requirements: str, data: Any = None) -> Any:
    """What `code` printed as JSON on its last line, run where `requirements` are installed.

    `data` is handed over as JSON in ``sys.argv[1]``. Without requirements the code runs with the canns of
    this repository, in a process of its own as well.
    """
    python, folder, env = sys.executable, ROOT, ELSEWHERE | {"PYTHONPATH": str(ROOT)}
    if requirements:
        python, env = environment(*requirements), ELSEWHERE
        folder = Path(python).parents[1]
    command = [python, "-c", code, json.dumps(data)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder, check=False)
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        raise SystemExit(f"{requirements} ended with status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])
