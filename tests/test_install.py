"""The package that users install: complete, and alone with what it needs at run time."""

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import notebooks
import pytest

BUILT_FROM = [
    *("settings.ini", "setup.py", "pyproject.toml", "MANIFEST.in"),
    *("constraints.txt", "LICENSE", "README.md"),
]

STORE_AND_RECALL = """
import numpy as np
from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.trainer import HebbianTrainer

patterns = np.where(np.random.default_rng(0).random((3, 200)) < 0.5, -1.0, 1.0).astype(np.float32)
damaged = patterns.copy()
damaged[:, :20] *= -1
trainer = HebbianTrainer(AmariHopfieldNetwork(num_neurons=200))
trainer.train(patterns)
assert np.array_equal(np.asarray(trainer.predict_batch(damaged)), patterns)
"""

# Imports the modules that it is given and prints the packages that came with them.
IMPORT = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; its error output is shown when it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def source(root, tmp_path_factory) -> Path:
    """A copy of what a build reads, so that it leaves nothing in the repository."""
    folder = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        shutil.copy(root / name, folder)
    shutil.copytree(root / "canns", folder / "canns", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def distributions(source, tmp_path_factory) -> dict[str, Path]:
    """The wheel and the source distribution, built with the tools of this environment."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source, cwd=folder)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture(scope="module")
def python(root, distributions, tmp_path_factory) -> Path:
    """The Python of an empty environment into which only the wheel was installed."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = folder / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet"),
        *("--constraint", root / "constraints.txt", distributions["wheel"]),
        cwd=folder,
    )
    return python


def modules_of(root: Path) -> list[str]:
    """The modules that the chapters export, by name."""
    files = (Path(name) for name in notebooks.library_files(root / "canns") if name.endswith(".py"))
    names = (".".join(["canns", *f.with_suffix("").parts]).removesuffix(".__init__") for f in files)
    return sorted(name for name in names if name != "canns._modidx")


def test_wheel_and_sdist_hold_every_file_of_the_library(root, distributions):
    wanted = {f"canns/{name}" for name in notebooks.library_files(root / "canns")}
    assert {"canns/py.typed", "canns/models/brain_inspired/hopfield.py"} <= wanted
    with zipfile.ZipFile(distributions["wheel"]) as wheel:
        assert wanted == {name for name in wheel.namelist() if name.startswith("canns/")}
        assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())
    with tarfile.open(distributions["sdist"]) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    assert wanted | {"settings.ini", "setup.py", "pyproject.toml", "LICENSE", "README.md"} <= held


def test_installed_library_stores_and_recalls(python, tmp_path):
    run(python, "-I", "-c", STORE_AND_RECALL, cwd=tmp_path)


def test_library_imports_without_the_tools_that_made_it(root, python, tmp_path):
    modules = modules_of(root)
    assert {"canns.trainer", "canns.models.brain_inspired", "canns.weights"} <= set(modules)
    loaded = set(json.loads(run(python, "-I", "-c", IMPORT, *modules, cwd=tmp_path)))
    assert "canns" in loaded
    assert not loaded & {
        "nbdev",
        "fastcore",
        "execnb",
        "IPython",
        "jupyter_client",
        "ipykernel",
        "pytest",
    }


def test_trainers_import_without_pictures(python, tmp_path):
    loaded = set(json.loads(run(python, "-I", "-c", IMPORT, "canns.trainer", cwd=tmp_path)))
    assert "jax" in loaded
    assert not loaded & {"matplotlib", "skimage", "IPython", "nbdev"}
