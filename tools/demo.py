"""The main job, for someone who has never seen it: four photographs, damaged, recalled from memory.

Runs the program of README.md as a process of its own, then the chapter that tells its story, and leaves
the chapter and its figures in _demo/. Nothing else in the repository is touched.
"""

import base64
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "_demo"
CHAPTER = ROOT / "nbs" / "tutorials" / "image_memory.ipynb"

# Runs a program, then counts the images that came back without one wrong pixel.
COUNT = """
import json, runpy, sys
names = runpy.run_path(sys.argv[1], run_name="__main__")
pairs = list(zip(names["recalled"], names["training_data"], strict=True))
print(json.dumps([sum(bool((r == p).all()) for r, p in pairs), len(pairs), len(pairs[0][0])]))
"""


def peak_memory() -> float:
    """The most memory that a finished child process held, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6


def run_program() -> bool:
    """Run the program of README.md and say what it did; True if every image came back exactly."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    from readme import program

    path = DEMO / "program.py"
    path.write_text(program(text), encoding="utf-8")
    print(
        "1. The program of README.md: store four photographs, damage them, recall them", flush=True
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", COUNT, path.name],
        cwd=DEMO,
        env=os.environ | {"MPLBACKEND": "Agg"},
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds, megabytes = time.perf_counter() - start, peak_memory()
    if done.returncode:
        print(
            f"   failed: {path.relative_to(ROOT)} ended with status {done.returncode}",
            file=sys.stderr,
        )
        return False
    exact, images, pixels = json.loads(done.stdout.splitlines()[-1])
    print(f"   {exact} of {images} images of {pixels:,} pixels recalled without one wrong pixel")
    print(
        f"   {seconds:.1f} s from start to end, Python's imports included; {megabytes:.0f} MB at most"
    )
    return exact == images


def run_chapter() -> bool:
    """Run the chapter and save it and its figures; True if no cell failed and it drew something."""
    import nbformat
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from notebooks import execute, plain
    from readme import SUFFIXES

    name = CHAPTER.relative_to(ROOT)
    print(f"\n2. The chapter {name}: the same story, step by step", flush=True)
    target = DEMO / CHAPTER.name
    try:
        seconds = execute(CHAPTER, target)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        print(f"   failed: {name}\n{plain(str(error))}", file=sys.stderr)
        return False
    figures = []
    for cell in nbformat.read(target, as_version=4).cells:
        for output in cell.get("outputs", []):
            kind = next((kind for kind in SUFFIXES if kind in output.get("data", {})), None)
            if kind:
                data = output.data[kind]
                path = DEMO / f"figure-{len(figures) + 1}.{SUFFIXES[kind]}"
                path.write_bytes(
                    data.encode() if kind == "image/svg+xml" else base64.b64decode(data)
                )
                figures.append(path)
    print(f"   {seconds:.1f} s, {len(figures)} figures")
    for path in [target, *figures]:
        print(f"   {path.relative_to(ROOT)}")
    return bool(figures)


def main() -> int:
    """Run both and return the exit status."""
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir()
    if not (run_program() and run_chapter()):
        print("\nThe demonstration failed: see above.", file=sys.stderr)
        return 1
    print(
        "\nNext: `make lab` opens the chapters in JupyterLab; start with tutorials/image_memory.ipynb."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
