"""The plan of the house: who may import whom, what stays private, and what `import canns` gives."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

import pytest

GROUND = ("state", "weights", "stimuli", "checks", "progress", "claims", "former", "persistence")
FLOORS = {
    **dict.fromkeys(GROUND, 1),
    "models": 2,
    "recall": 2,
    "trainer": 3,
    "analyzer": 3,
    "canns": 4,  # the front door, which everything can be reached from
}
STRANGERS = {("trainer", "analyzer"), ("analyzer", "trainer"), ("models", "recall")}
PUBLIC_UNDERSCORES = {"_asdict", "_fields", "_make", "_replace"}  # of named tuples


# --- reading -----------------------------------------------------------------------------------------


def room_of(module: str) -> str:
    """The part of a module's name that says on which floor it stands."""
    return module.split(".")[:2][-1]


@dataclass(frozen=True, repr=False)
class Module:
    """A module, and whether it is the face of a package: its `__init__`."""

    name: str
    is_face: bool
    tree: ast.Module

    @property
    def room(self) -> str:
        return room_of(self.name)

    def at(self, line: int) -> str:
        """A place in the module's file."""
        return f"{self.name.replace('.', '/')}{'/__init__' if self.is_face else ''}.py:{line}"


@dataclass(frozen=True)
class Import:
    """That `who` imports `name` of `module` (all of it, if there is no name), known there as `alias`."""

    who: Module
    line: int
    module: str
    name: str | None
    alias: str

    def __str__(self) -> str:
        what = f"{self.name} of {self.module}" if self.name else self.module
        return f"{self.who.at(self.line)} imports {what}"


House = dict[str, Module]


def read(library: Path) -> House:
    """The modules of a library, except the index that nbdev makes."""
    found = {}
    for path in sorted(library.rglob("*.py")):
        inside = path.relative_to(library.parent).with_suffix("")
        is_face = inside.name == "__init__"
        name = ".".join((inside.parent if is_face else inside).parts)
        if inside.name != "_modidx":
            found[name] = Module(name, is_face, ast.parse(path.read_text(encoding="utf-8")))
    return found


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree, except what stands under `if TYPE_CHECKING`."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.If) and re.fullmatch(
            r"(\w+\.)?TYPE_CHECKING", ast.unparse(node.test)
        ):
            todo += node.orelse
        else:
            todo += ast.iter_child_nodes(node)


def imports(house: House, who: Module) -> Iterator[Import]:
    """What a module imports of its own library, at the top or inside functions."""
    for node in running(who.tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                if a.name.split(".")[0] == "canns":
                    yield Import(who, node.lineno, a.name, None, a.asname or a.name)
        elif isinstance(node, ast.ImportFrom):
            above = who.name.split(".")[: None if who.is_face else -1]
            above = above[: len(above) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            for a in node.names if module.split(".")[0] == "canns" else []:
                inner = f"{module}.{a.name}"
                target = (inner, None) if inner in house else (module, a.name)
                yield Import(who, node.lineno, *target, a.asname or a.name)
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            for given in node.args[:1]:
                if isinstance(given, ast.Constant) and str(given.value).split(".")[0] == "canns":
                    yield Import(who, node.lineno, str(given.value), None, str(given.value))


def all_imports(house: House) -> list[Import]:
    return [found for who in house.values() for found in imports(house, who)]


# --- what is wrong -----------------------------------------------------------------------------------


def rooms_on_no_floor(house: House) -> list[str]:
    return [f"{m.at(1)} stands on no floor" for m in house.values() if m.room not in FLOORS]


def imports_from_above(house: House) -> list[str]:
    """Imports of a module that stands on a higher floor; a face may import from its own package."""
    return [
        f"{i}, {above} above {here}"
        for i in all_imports(house)
        if not (i.who.is_face and f"{i.module}.".startswith(f"{i.who.name}."))
        for here in [FLOORS.get(i.who.room, 0)]
        for above in [FLOORS.get(room_of(i.module), 0)]
        if above > here
    ]


def imports_of_strangers(house: House) -> list[str]:
    """Imports between trainers and analyzers, by models of recall, and by recall of any model."""
    return [
        str(i)
        for i in all_imports(house)
        for pair in [(i.who.room, room_of(i.module))]
        if pair in STRANGERS or (pair == ("recall", "models") and i.module != "canns.models.base")
    ]


def cycles(house: House) -> list[str]:
    """The groups of modules that import each other, each as one way round."""
    found = all_imports(house)
    ways = {name: sorted({i.module for i in found if i.who.name == name}) for name in house}

    def way(start: str, goal: str) -> list[str]:
        todo, seen = [[start]], {start}
        for path in todo:
            for after in ways.get(path[-1], []):
                if after == goal:
                    return [*path, goal]
                if after not in seen:
                    seen.add(after)
                    todo.append([*path, after])
        return []

    rings, listed = [], set()
    for name in house:
        if name not in listed and (ring := way(name, name)):
            listed |= set(ring)
            rings.append(" -> ".join(ring))
    return rings


def is_private(name: str | None) -> bool:
    if not name or name in PUBLIC_UNDERSCORES:
        return False
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def private_imports(house: House) -> list[str]:
    return [
        str(i)
        for i in all_imports(house)
        if is_private(i.name) or any(is_private(part) for part in i.module.split("."))
    ]


def defined(tree: ast.Module) -> set[str]:
    """The names that a module gives to functions, classes, variables and attributes."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            owner, _, name = ast.unparse(node).rpartition(".")
            if owner in {"", "self", "cls"}:
                names.add(name)
    return names


def private_attributes(house: House) -> list[str]:
    """Attributes `x._name` of something imported, or of a name that the module itself never defines."""
    found = []
    for who in house.values():
        own, foreign = defined(who.tree), {i.alias for i in imports(house, who)}
        for node in running(who.tree):
            if not isinstance(node, ast.Attribute) or not is_private(node.attr):
                continue
            owner = ast.unparse(node.value)
            if owner in {"self", "cls", "super()"}:
                continue
            if owner in foreign or node.attr not in own:
                found.append(f"{who.at(node.lineno)} uses {owner}.{node.attr}")
    return found


# --- the house itself --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(root) -> House:
    return read(root / "canns")


@pytest.mark.parametrize(
    "check",
    [
        rooms_on_no_floor,
        imports_from_above,
        imports_of_strangers,
        cycles,
        private_imports,
        private_attributes,
    ],
)
def test_the_house_has_no(check, house):
    assert {"canns.state", "canns.trainer.hebbian", "canns.models"} <= set(house)
    found = check(house)
    assert not found, "\n".join(["", *found])


def fresh(root: Path, program: str, *arguments: str) -> str:
    """What a program prints in a process of its own."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.parametrize("name", ["trainer", "models", "analyzer"])
def test_a_package_can_be_reached_without_importing_it(root, name):
    shown = fresh(root, f"import canns; print(canns.{name}.__name__, '{name}' in dir(canns))")
    assert shown.split() == [f"canns.{name}", "True"]


def test_what_canns_does_not_have_is_refused_as_python_does(root):
    program = "import canns\ntry: canns.trainers\nexcept AttributeError as error: print(error)"
    assert "module 'canns' has no attribute 'trainers'" in fresh(root, program)


def test_import_of_canns_alone_loads_no_arrays_and_no_pictures(root):
    loaded = fresh(root, "import canns, sys; print(*{m.partition('.')[0] for m in sys.modules})")
    assert "canns" in loaded.split()
    assert not set(loaded.split()) & {"jax", "jaxlib", "matplotlib", "numpy", "scipy", "skimage"}


HELP = """
import canns, json, pydoc
page = pydoc.render_doc(canns, renderer=pydoc.plaintext)  # what help() shows
print(json.dumps([canns.__doc__, canns.__version__, page]))
"""


def test_canns_says_what_it_is_and_which_version(root):
    settings = ConfigParser(interpolation=None)
    settings.read(root / "settings.ini", encoding="utf-8")
    text, version, page = json.loads(fresh(root, HELP))
    assert version == settings["DEFAULT"]["version"]
    assert text, "canns has no docstring"
    assert text.strip().splitlines()[0] in page
    assert version in page
    for name in ("trainer", "models", "analyzer"):
        assert name in page


SHOWN = """
import importlib, json, sys
found = {}
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    found[name] = dir(module), getattr(module, "__all__", None)
print(json.dumps(found))
"""


def test_dir_of_a_module_shows_what_it_exports_and_nothing_else(root, house):
    found = []
    for name, (shown, exported) in json.loads(fresh(root, SHOWN, *house)).items():
        if exported is None:
            found.append(f"{name} has no __all__")
        elif shown != sorted(exported):
            more = [n for n in shown if n not in exported]
            named = [n for n in more if not n.startswith("__")]
            less = [n for n in exported if n not in shown]
            found.append(f"{name} shows {len(more)} more {named}, {len(less)} less {less}")
    assert not found, "\n".join(["", *found])


# --- the checks find planted faults ------------------------------------------------------------------


def planted(folder: Path, **sources: str) -> House:
    """A small library; in the names of its modules a double underscore stands for a dot."""
    for name in ("", "models", "trainer", "analyzer"):
        face = folder / "canns" / name / "__init__.py"
        face.parent.mkdir(parents=True, exist_ok=True)
        face.touch()
    for name, source in sources.items():
        (folder / "canns" / f"{name.replace('__', '/')}.py").write_text(source)
    return read(folder / "canns")


SOUND = {
    "state": "class State: pass",
    "weights": "import typing\nfrom typing import TYPE_CHECKING\nfrom .state import State\n"
    "if typing.TYPE_CHECKING:\n    from .recall import settle\n"
    "if TYPE_CHECKING:\n    from .trainer.base import Trainer, _secret",
    "recall": "from canns.models.base import Model\ndef settle(): from .weights import State",
    "models__base": "from ..state import State\nclass Model:\n    def _build(self): self._x = 1",
    "models__hopfield": "from . import base\nclass Net(base.Model):\n    def a(self): self._build()",
    "trainer__base": "from ..recall import settle\nfrom canns.models import hopfield\n"
    "def f(t): return t._bare()\nclass Trainer:\n    def _bare(self): return self",
    "trainer__oja": "import canns.trainer.base as base\nfrom collections import namedtuple\n"
    "def f(x): return x._replace(a=base.__name__)",
    "analyzer__basins": "from canns import recall, weights",
}  # fmt: skip


def test_a_sound_house_is_left_alone(tmp_path):
    planted(tmp_path, **SOUND)
    (tmp_path / "canns" / "trainer" / "__init__.py").write_text("from .oja import f")
    house = read(tmp_path / "canns")
    for check in (
        *(rooms_on_no_floor, imports_from_above, imports_of_strangers),
        *(cycles, private_imports, private_attributes),
    ):
        assert check(house) == [], check.__name__


@pytest.mark.parametrize(
    ("check", "module", "source", "complaint"),
    [
        (rooms_on_no_floor, "cellar", "", "canns/cellar.py:1 stands on no floor"),
        (
            imports_from_above,
            "state",
            "def f():\n    from .recall import settle",
            "canns/state.py:2 imports settle of canns.recall, 2 above 1",
        ),
        (imports_from_above, "models__a", "import canns.trainer.oja", "3 above 2"),
        (imports_from_above, "models__a", "from ..trainer import oja", "imports canns.trainer.oja"),
        (imports_from_above, "models__a", "from .. import trainer", "imports canns.trainer, 3"),
        (imports_from_above, "recall", "import importlib\nimportlib.import_module('canns.analyzer')", "3"),
        (imports_from_above, "weights", "from canns import __version__", "4 above 1"),
        (imports_from_above, "weights", "if not TYPE_CHECKING:\n    from . import recall", "2 above 1"),
        (imports_of_strangers, "analyzer__a", "from canns.trainer.oja import f", "f of canns.trainer.oja"),
        (imports_of_strangers, "trainer__a", "def f():\n    import canns.analyzer.basins", "py:2"),
        (imports_of_strangers, "models__a", "from ..recall import settle", "settle of canns.recall"),
        (imports_of_strangers, "recall", "from .models.hopfield import Net", "canns.models.hopfield"),
        (imports_of_strangers, "recall", "from .models import hopfield", "canns.models.hopfield"),
        (cycles, "state", "def f(): from . import weights", "canns.state -> canns.weights -> canns.state"),
        (cycles, "models__base", "import canns.models.hopfield", "canns.models.base"),
        (private_imports, "weights", "from .state import _as_value", "_as_value of canns.state"),
        (private_imports, "weights", "from . import _modidx", "imports _modidx of canns"),
        (private_imports, "weights", "import canns._modidx", "imports canns._modidx"),
        (private_attributes, "weights", "from . import state\nstate._as_value(1)", "py:2 uses state._as"),
        (private_attributes, "weights", "import canns.state\ncanns.state._as_value(1)", "canns.state._as"),
        (private_attributes, "trainer__a", "from .base import Trainer as T\nT._bare(1)", "uses T._bare"),
        (private_attributes, "trainer__a", "def f(trainer): trainer._bare()", "uses trainer._bare"),
    ],
)  # fmt: skip
def test_a_fault_in_the_house_is_found(tmp_path, check, module, source, complaint):
    found = check(planted(tmp_path, **SOUND | {module: source}))
    assert len(found) == 1, found
    assert complaint in found[0]
