"""Keep chapters and modules in step: execute, clean, export and check the notebooks.

python tools/notebooks.py execute [PATH ...]   run and clean chapters, each in a fresh kernel
python tools/notebooks.py clean [PATH ...]     strip what differs from run to run
python tools/notebooks.py export               make canns/ from the chapters
python tools/notebooks.py check                say what is out of step, and exit 1 if anything is
python tools/notebooks.py rooms                count the lines of every module and of its exported cells
"""

import argparse
import ast
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = "canns"
WIDGET = "application/vnd.jupyter.widget-view+json"
TIMEOUT = 600  # seconds for one cell

LONGEST, MEDIAN = 60, 25  # lines of an exported cell: at most, and of the one in the middle

OPENERS = {"plt.figure", "plt.subplots", "plt.subplot_mosaic", "plt.plot", "plt.imshow"}

Cell = dict[str, Any]


def chapters(root: Path = ROOT) -> list[Path]:
    """All notebooks under `nbs`, except those that nbdev skips (names that start with `_` or `.`)."""
    nbs = root / "nbs"
    found = (
        p for p in nbs.rglob("*.ipynb") if not any(n[0] in "_." for n in p.relative_to(nbs).parts)
    )
    return sorted(found)


def code_cells(nb: dict) -> Iterator[tuple[int, Cell]]:
    """The code cells of a notebook, each with its number counted from 1 over all cells."""
    return ((i, c) for i, c in enumerate(nb["cells"], 1) if c["cell_type"] == "code")


def text_of(value: object) -> str:
    """A notebook's multi-line string, which may be stored as a list of lines."""
    return "".join(value) if isinstance(value, list) else str(value)


def directives(source: str) -> dict[str, str]:
    """The `#| name: value` lines at the top of a cell; `#| name` and `#| name value` count too."""
    found = {}
    for line in source.splitlines():
        match = re.match(r"#\s*\|\s*([\w-]+)(?::|\s|$)\s*(.*)", line)
        if match:
            found[match[1]] = match[2].strip().strip("\"'")
        elif line.strip() and not line.startswith(("#|", "%%")):
            break
    return found


def is_exported(source: str) -> bool:
    """Whether a cell goes into the module."""
    return not directives(source).keys().isdisjoint({"export", "exports", "exporti"})


def is_hidden(source: str) -> bool:
    """Whether the page shows no source of a cell."""
    given = directives(source)
    hidden = not given.keys().isdisjoint({"hide", "hide_input"})
    return hidden or is_off(given.get("include")) or is_off(given.get("echo"))


def lines_of(source: str) -> int:
    """The lines of a cell that are neither blank nor directives."""
    return sum(bool(line.strip()) and not re.match(r"#\s*\|", line) for line in source.splitlines())


def exported_lines(path: Path) -> list[int]:
    """The lines of each exported cell of a notebook."""
    nb = json.loads(path.read_text(encoding="utf-8"))
    sources = (text_of(cell["source"]) for _, cell in code_cells(nb))
    return [lines_of(source) for source in sources if is_exported(source)]


def plain(text: str) -> str:
    """A text without the codes that colour it in a terminal."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def is_off(value: str | None) -> bool:
    """Whether a directive's value says no."""
    return value is not None and value.lower() in {"false", "no"}


# --- clean -------------------------------------------------------------------------------------------

# The place a warning comes from is a path of the machine that ran the chapter.
WARNING_PLACE = re.compile(r"^/\S+\.py:\d+: (?=\w*Warning\b)", re.MULTILINE)


def _is_noise(output: dict) -> bool:
    """A live widget, or a progress bar drawn in a terminal: both mean nothing once they are saved."""
    if WIDGET in output.get("data", {}):
        return True
    return output.get("name") == "stderr" and "\r" in text_of(output["text"])


def cleaned(path: Path, root: Path = ROOT) -> str:
    """The text that a notebook has once everything that differs from run to run is gone."""
    from execnb.nbio import nb2str
    from nbdev.clean import clean_nb
    from nbdev.config import get_config

    nb = json.loads(path.read_text(encoding="utf-8"))
    for _, cell in code_cells(nb):
        cell["outputs"] = [o for o in cell["outputs"] if not _is_noise(o)]
        for output in cell["outputs"]:
            if output["output_type"] == "stream":
                scrubbed = WARNING_PLACE.sub("", text_of(output["text"]))
                output["text"] = scrubbed.splitlines(keepends=True)
    nb["metadata"].pop("widgets", None)
    cfg = get_config(path=root)
    clean_nb(
        nb,
        allowed_metadata_keys=cfg.allowed_metadata_keys.split(),
        allowed_cell_metadata_keys=cfg.allowed_cell_metadata_keys.split(),
        clean_ids=cfg.clean_ids,
    )
    nb["metadata"]["kernelspec"] = {
        "display_name": "python3",
        "language": "python",
        "name": "python3",
    }
    return nb2str(nb)


def clean(paths: list[Path], root: Path = ROOT) -> None:
    """Clean notebooks in place; a clean one is left alone."""
    for path in paths:
        text = cleaned(path, root)
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")


# --- execute -----------------------------------------------------------------------------------------


def execute(path: Path, target: Path | None = None, root: Path = ROOT) -> float:
    """Run a chapter in a fresh kernel, save it with its outputs, and return the seconds it took.

    The chapter imports the library of its own tree. `target` defaults to the chapter itself; nothing
    is written when a cell raises.
    """
    from nbclient import NotebookClient

    nb = nbformat.read(path, as_version=4)
    for _, cell in code_cells(nb):
        if is_off(directives(cell["source"]).get("eval")):
            cell["metadata"].setdefault("tags", []).append("skip-execution")
    client = NotebookClient(
        nb,
        timeout=TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    search = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    start = time.perf_counter()
    client.execute(env=os.environ | {"PYTHONPATH": search})
    seconds = time.perf_counter() - start
    nbformat.write(nb, target or path)
    return seconds


def execute_all(paths: list[Path], root: Path = ROOT) -> bool:
    """Run and clean chapters one after another, printing the time of each; True if none failed."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    failed = []
    for path in paths:
        name = path.relative_to(root)
        try:
            seconds = execute(path, root=root)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            failed.append(name)
            print(f"  failed  {name}\n{plain(str(error))}", file=sys.stderr, flush=True)
        else:
            print(f"{seconds:6.1f} s  {name}", flush=True)
            clean([path], root)
    if failed:
        print(
            f"{len(failed)} of {len(paths)} failed: {', '.join(map(str, failed))}", file=sys.stderr
        )
    return not failed


# --- export ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def exported(root: Path = ROOT) -> Iterator[Path]:
    """A new library made from the notebooks alone, in a folder that is gone afterwards."""
    from nbdev.config import get_config
    from nbdev.doclinks import nbdev_export

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve()
        shutil.copy(root / "settings.ini", copy)
        for path in chapters(root):
            target = copy / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        get_config.cache_clear()
        with contextlib.chdir(copy):
            nbdev_export.__wrapped__()
        get_config.cache_clear()
        (copy / LIBRARY / "py.typed").touch()
        shutil.copy(ROOT / "pyproject.toml", copy)  # the one formatter, with its settings
        command = [sys.executable, "-m", "ruff", "format", "--quiet", str(copy / LIBRARY)]
        subprocess.run(command, check=True)
        yield copy / LIBRARY


def library_files(library: Path) -> dict[str, bytes]:
    """Every file of a library by its path, except what Python compiled."""
    return {
        p.relative_to(library).as_posix(): p.read_bytes()
        for p in sorted(library.rglob("*"))
        if p.is_file() and "__pycache__" not in p.parts and ".ipynb_checkpoints" not in p.parts
    }


def export(root: Path = ROOT) -> None:
    """Make the library equal to what the notebooks export; a file without a notebook is deleted."""
    library = root / LIBRARY
    with exported(root) as made:
        new = library_files(made)
    old = library_files(library)
    for name in sorted(new.keys() | old.keys()):
        path = library / name
        if name not in new:
            path.unlink()
            print(f"deleted {LIBRARY}/{name}")
        elif old.get(name) != new[name]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(new[name])
            print(f"wrote {LIBRARY}/{name}")


# --- check -------------------------------------------------------------------------------------------


def check_modules(root: Path = ROOT) -> list[str]:
    """Every module is what its notebook exports, and has a notebook."""
    with exported(root) as made:
        new = library_files(made)
    old = library_files(root / LIBRARY)
    found = []
    for name in sorted(new.keys() | old.keys()):
        if name not in old:
            found.append(f"{LIBRARY}/{name}: missing (run `make export`)")
        elif name not in new:
            found.append(f"{LIBRARY}/{name}: no notebook exports it (run `make export`)")
        elif old[name] != new[name]:
            found.append(
                f"{LIBRARY}/{name}: differs from what its notebook exports (run `make export`)"
            )
    return found


def check_name(nb: dict, relative: Path) -> list[str]:
    """A notebook and its module have the same path and name; `index` goes with `__init__`."""
    found, exports = [], False
    for number, cell in code_cells(nb):
        given = directives(text_of(cell["source"]))
        exports |= is_exported(text_of(cell["source"]))
        if "default_exp" in given:
            name = "__init__" if relative.stem == "index" else relative.stem
            wanted = ".".join([*relative.parent.parts, name])
            if given["default_exp"] != wanted:
                found.append(
                    f"cell {number}: `default_exp {given['default_exp']}` should be `{wanted}`"
                )
            return found
    return ["exports cells, but has no `#| default_exp`"] if exports else found


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    """The calls that a cell makes itself, not those inside functions and classes it defines."""
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Call):
            yield node
        todo.extend(ast.iter_child_nodes(node))


def _parsed(source: str) -> ast.Module:
    """A cell's code without its magics; empty if it is no plain Python."""
    try:
        return ast.parse(re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _draws(tree: ast.Module) -> bool:
    """Whether a cell opens a figure with pyplot and leaves it open."""
    called = {ast.unparse(call.func) for call in _calls(tree)}
    return not called.isdisjoint(OPENERS) and "plt.close" not in called


def _shows(tree: ast.Module, source: str) -> bool:
    """Whether a cell surely shows something when it runs: it prints, or ends in a value."""
    shown = [line.value for line in tree.body if isinstance(line, ast.Expr)]
    if any(isinstance(value, ast.Call) and ast.unparse(value.func) == "print" for value in shown):
        return True
    values = ast.BinOp | ast.Compare | ast.Dict | ast.JoinedStr | ast.List | ast.Tuple
    ends_in_value = bool(shown) and shown[-1] is getattr(tree.body[-1], "value", None)
    return ends_in_value and isinstance(shown[-1], values) and not source.rstrip().endswith(";")


def _has_picture(outputs: list[dict]) -> bool:
    for output in outputs:
        data = output.get("data", {})
        if any(kind.startswith("image/") for kind in data):
            return True
        if re.search(r"<(img|svg|video|canvas)\b", text_of(data.get("text/html", ""))):
            return True
    return False


def _tests(tree: ast.Module) -> str | None:
    """What a cell tests with: `assert`, `raise`, `except`, or a call of a test library."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert | ast.Raise):
            return type(node).__name__.lower()
        if isinstance(node, ast.ExceptHandler):
            return "except"
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.rpartition(".")[2].startswith("assert") or name.startswith("pytest."):
                return name
    return None


def check_source(source: str) -> list[str]:
    """What is wrong with the source of one code cell."""
    found = []
    if is_exported(source):
        if (lines := lines_of(source)) > LONGEST:
            found.append(f"exports {lines} lines; more than {LONGEST} are a wall")
    elif is_hidden(source) and (word := _tests(_parsed(source))):
        found.append(f"is hidden and tests something (`{word}`), which belongs into tests/")
    return found


def check_median(root: Path = ROOT) -> list[str]:
    """Most exported cells of the book are short."""
    lines = [n for path in chapters(root) for n in exported_lines(path)]
    if lines and (median := statistics.median(lines)) > MEDIAN:
        return [
            f"nbs: half of the {len(lines)} exported cells have {median:g} lines or more; "
            f"{MEDIAN} are enough"
        ]
    return []


def check_cell(cell: Cell, root: Path = ROOT) -> list[str]:
    """What is wrong with the saved outputs of one code cell."""
    source, outputs = text_of(cell["source"]), cell["outputs"]
    given, tree = directives(source), _parsed(source)
    found = []
    if is_off(given.get("eval")):
        return ["has outputs, but is marked `eval: false`"] if outputs else []

    streams = "".join(text_of(o["text"]) for o in outputs if o["output_type"] == "stream")
    if (
        any(o["output_type"] == "error" for o in outputs)
        or "Traceback (most recent call last)" in streams
    ):
        found.append("was saved with an error")
    if any(WIDGET in o.get("data", {}) for o in outputs):
        found.append("was saved with a live widget, which shows nothing on a page")

    picture = _has_picture(outputs)
    if not picture and ("fig-alt" in given or "fig-cap" in given or _draws(tree)):
        found.append("draws a figure, but was saved without it")
    if picture and not given.get("fig-alt"):
        found.append("shows a figure without `#| fig-alt: ...` on one line")
    if given.get("fig-alt") in {">", "|", ">-", "|-"}:
        found.append("`fig-alt` has to stand on one line: nbdev drops the lines after it")
    if not outputs and _shows(tree, source) and not is_off(given.get("output")):
        found.append("prints or shows a value, but was saved without an output")

    written = streams + "".join(
        text_of(value)
        for o in outputs
        for kind, value in o.get("data", {}).items()
        if not kind.startswith(("image/png", "image/jpeg", "image/gif", "video/"))
    )
    written = re.sub(r"data:[\w/+.-]+;base64,[\w+/=\s]+", "", written)
    place = re.search(rf"(?<![\w.:/])(?:{re.escape(str(root))}|/home/|/root/|/tmp/)\S*", written)
    if place:
        found.append(f"an output names a path of the machine that ran it: {place[0][:60]}")
    return found


def check_chapter(path: Path, root: Path = ROOT) -> list[str]:
    """What is wrong with one notebook, as lines that name it."""
    nb = json.loads(path.read_text(encoding="utf-8"))
    found = check_name(nb, path.relative_to(root / "nbs"))
    for number, cell in enumerate(nb["cells"]):
        stray = re.search(r".{0,10}[^\n -\U0010ffff]\S*", text_of(cell["source"]))
        if stray:  # what is left of a TeX command that a Python string took for an escape
            found.append(f"cell {number} ({cell.get('id')}): has a control character: {stray[0]!r}")
    for number, cell in code_cells(nb):
        wrong = check_source(text_of(cell["source"])) + check_cell(cell, root)
        found += [f"cell {number} ({cell.get('id')}): {text}" for text in wrong]
    if cleaned(path, root) != path.read_text(encoding="utf-8"):
        found.append("not clean (run `python tools/notebooks.py clean`)")
    return [f"{path.relative_to(root)}: {text}" for text in found]


def check(root: Path = ROOT) -> list[str]:
    """Everything that is out of step, a line each; an empty list if nothing is."""
    return [
        *check_modules(root),
        *(line for path in chapters(root) for line in check_chapter(path, root)),
        *check_median(root),
    ]


# --- rooms -------------------------------------------------------------------------------------------


def rooms(root: Path = ROOT) -> str:
    """A table of the modules: their lines that are neither blank nor comments, docstrings included.

    Beside each stand the number of cells that it is exported from, their median and the longest.
    """
    cells = {}
    for path in chapters(root):
        here = path.relative_to(root / "nbs").with_suffix(".py")
        here = here.with_name("__init__.py") if here.stem == "index" else here
        cells[here.as_posix()] = exported_lines(path)

    def row(name: str, count: int, lines: list[int]) -> str:
        middle, longest = (statistics.median(lines), max(lines)) if lines else (0, 0)
        return f"{name:40}{count:7,}{len(lines):7}{middle:8g}{longest:9}"

    counts = {
        name: sum(bool(line.strip()) and not line.startswith(b"#") for line in text.splitlines())
        for name, text in library_files(root / LIBRARY).items()
        if name.endswith(".py") and name != "_modidx.py"
    }
    table = [f"{'module':40}{'lines':>7}{'cells':>7}{'median':>8}{'longest':>9}"]
    table += [
        row(f"{LIBRARY}/{name}", count, cells.get(name, [])) for name, count in counts.items()
    ]
    everything = [n for name in counts for n in cells.get(name, [])]
    return "\n".join([*table, row("all", sum(counts.values()), everything)])


# --- command line ------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("execute", "clean"):
        commands.add_parser(name).add_argument("paths", nargs="*", type=lambda p: Path(p).resolve())
    commands.add_parser("export")
    commands.add_parser("check")
    commands.add_parser("rooms")
    args = parser.parse_args(arguments)
    if args.command == "execute":
        return 0 if execute_all(args.paths or chapters()) else 1
    if args.command == "clean":
        clean(args.paths or chapters())
        return 0
    if args.command == "export":
        export()
        return 0
    if args.command == "rooms":
        print(rooms())
        return 0
    found = check()
    print("\n".join(found) or f"{len(chapters())} chapters and their modules are in step")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
