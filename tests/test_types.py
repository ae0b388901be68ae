"""A type checker helps whoever uses the library: it knows what calls return, and finds wrong ones.

That the library and the program pass is what `make types` says.
"""

import subprocess
import sys
from pathlib import Path

START = """
import jax
import numpy as np

from canns.models.brain_inspired import AmariHopfieldNetwork, LinearLayer
from canns.trainer import HebbianTrainer, LocalTrainer

network = AmariHopfieldNetwork(num_neurons=4)
trainer = HebbianTrainer(network)
layer = LinearLayer(2, 1)
patterns = np.ones((1, 4), np.float32)
"""

KNOWN = {
    "trainer.predict(patterns[0])": "jax.Array",
    "trainer.predict_batch(patterns)": "jax.Array",
    "network.energy": "jax.Array",
    "layer.forward(patterns[0, :2])": "jax.Array",
    "network.s.shape": "tuple[int, ...]",
    "network.num_neurons": "int",
}

WRONG = {
    "network.temprature": "attr-defined",
    "AmariHopfieldNetwork(num_neurons='four')": "arg-type",
    "AmariHopfieldNetwork(neurons=4)": "call-arg",
    "trainer.train()": "call-arg",
    "trainer.predict(patterns[0], num_iter='many')": "arg-type",
    "trainer.recall(patterns)": "attr-defined",
    "LocalTrainer(layer)": "abstract",
}


def checked(program: str, root: Path, folder: Path) -> list[str]:
    """What the strict checker says of a program, without the file's name."""
    path = folder / "program.py"
    path.write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", path]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [line.partition("program.py:")[2] for line in done.stdout.splitlines()[:-1]]


def test_a_typed_program_runs(root):
    program = root / "tests" / "programs" / "typed_user.py"
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout == "typed, and it ran\n"


def test_the_checker_knows_what_calls_return(root, tmp_path):
    lines = ["from typing import assert_type", START]
    lines += [f"assert_type({call}, {kind})" for call, kind in KNOWN.items()]
    found = checked("\n".join(lines), root, tmp_path)
    assert not found, "\n".join(["", *found])


def test_the_checker_finds_wrong_calls(root, tmp_path):
    first = START.count("\n") + 1
    found = checked("\n".join([START, *WRONG]), root, tmp_path)
    missed = [
        f"{call}: no {error}"
        for line, (call, error) in enumerate(WRONG.items(), first + 1)
        if not any(f.startswith(f"{line}:") and f"[{error}]" in f for f in found)
    ]
    assert not missed, "\n".join(["", *missed, "but:", *found])
