"""Chapters, modules and saved outputs agree, and the check that says so finds planted faults."""

import json
import shutil

import nbformat
import notebooks
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_chapters_and_modules_are_in_step(root):
    assert notebooks.chapters(root)
    found = notebooks.check(root)
    assert not found, "\n".join(found)


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def picture():
    return new_output("display_data", {"image/png": PIXEL, "text/plain": "<Figure size 1x1>"})


@pytest.fixture
def house(root, tmp_path):
    """A small repository in which everything is in step."""
    shutil.copy(root / "settings.ini", tmp_path)
    (tmp_path / "nbs" / "trainer").mkdir(parents=True)
    rule = new_notebook(
        cells=[
            new_markdown_cell("# Rule\n\n> Learn."),
            new_code_cell("#| default_exp trainer.rule"),
            new_code_cell("#| export\ndef double(x: int) -> int:\n    return 2 * x"),
            new_code_cell("print(double(2))", outputs=[stream("4\n")]),
            new_code_cell('#| fig-alt: "A dot."\nplt.plot([1], [1]);', outputs=[picture()]),
        ]
    )
    face = new_notebook(
        cells=[
            new_code_cell("#| default_exp trainer.__init__"),
            new_code_cell("#| export\nfrom canns.trainer.rule import double"),
        ]
    )
    nbformat.write(rule, tmp_path / "nbs" / "trainer" / "rule.ipynb")
    nbformat.write(face, tmp_path / "nbs" / "trainer" / "index.ipynb")
    notebooks.clean(notebooks.chapters(tmp_path), tmp_path)
    notebooks.export(tmp_path)
    assert notebooks.check(tmp_path) == []
    return tmp_path


def change(house, number, **fields):
    """Change one cell of the chapter of the small repository."""
    path = house / "nbs" / "trainer" / "rule.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.cells[number].update(fields)
    nbformat.write(nb, path)
    return path


def only(found):
    """The one thing that the check found."""
    assert len(found) == 1, found
    return found[0]


def test_export_writes_types_marker_and_faces(house):
    library = notebooks.library_files(house / "canns")
    assert {
        "__init__.py",
        "_modidx.py",
        "py.typed",
        "trainer/__init__.py",
        "trainer/rule.py",
    } == set(library)
    assert b"from .rule import double" in library["trainer/__init__.py"]


def test_edited_module_is_found_and_mended(house):
    module = house / "canns" / "trainer" / "rule.py"
    module.write_text(module.read_text().replace("2 * x", "3 * x"))
    assert "canns/trainer/rule.py: differs" in only(notebooks.check(house))
    notebooks.export(house)
    assert notebooks.check(house) == []


def test_module_without_notebook_is_found_and_deleted(house):
    (house / "canns" / "trainer" / "old.py").write_text("x = 1\n")
    assert "canns/trainer/old.py: no notebook exports it" in only(notebooks.check(house))
    notebooks.export(house)
    assert not (house / "canns" / "trainer" / "old.py").exists()


def test_missing_module_is_found(house):
    (house / "canns" / "py.typed").unlink()
    assert "canns/py.typed: missing" in only(notebooks.check(house))


def test_edited_notebook_is_found(house):
    change(house, 2, source="#| export\ndef double(x: int) -> int:\n    return x + x")
    assert "canns/trainer/rule.py: differs" in only(notebooks.check(house))


def test_module_of_another_name_is_found(house):
    change(house, 1, source="#| default_exp trainer.law")
    wanted = "`default_exp trainer.law` should be `trainer.rule`"
    assert any(wanted in line for line in notebooks.check(house))


def test_dirty_notebook_is_found_and_cleaned(house):
    path = change(house, 3, execution_count=7, metadata={"collapsed": True})
    assert "rule.ipynb: not clean" in only(notebooks.check(house))
    notebooks.clean([path], house)
    assert notebooks.check(house) == []


def test_cleaning_twice_is_cleaning_once(house):
    path = change(house, 3, execution_count=7)
    notebooks.clean([path], house)
    once = path.read_bytes()
    notebooks.clean([path], house)
    assert path.read_bytes() == once


@pytest.mark.parametrize(
    ("number", "fields", "complaint"),
    [
        (
            3,
            {"outputs": [new_output("error", ename="E", evalue="", traceback=[])]},
            "saved with an error",
        ),
        (
            3,
            {"outputs": [stream("Traceback (most recent call last):\n", "stderr")]},
            "saved with an error",
        ),
        (3, {"outputs": []}, "saved without an output"),
        (3, {"outputs": [stream("/tmp/a/b.txt\n")]}, "names a path of the machine"),
        (4, {"outputs": [], "source": "#| hide\nassert double(2) == 4"}, "is hidden and tests"),
        (4, {"outputs": []}, "saved without it"),
        (4, {"outputs": [], "source": "fig, ax = plt.subplots()"}, "saved without it"),
        (4, {"source": "plt.plot([1], [1]);"}, "shows a figure without `#| fig-alt"),
        (
            4,
            {"source": "#| fig-alt: >\n#|   A dot.\nplt.plot([1], [1]);"},
            "has to stand on one line",
        ),
        (
            0,
            {"source": "# Rule\n\n> Learn.\n\nA time $\tau$."},
            r"a control character: 'A time $\tau$",
        ),
    ],
)
def test_bad_output_is_found(house, number, fields, complaint):
    change(house, number, **fields)
    assert complaint in only(notebooks.check(house))


def test_an_exported_cell_may_be_long_but_no_wall(house):
    body = ["def long():", *(f"    x{i} = {i}" for i in range(59))]
    long = "#| export\n#| code-fold: show\n" + "\n\n".join(body)
    change(house, 2, source=long)
    notebooks.export(house)
    assert not any("wall" in line for line in notebooks.check(house))
    change(house, 2, source=long + "\n    return x0")
    notebooks.export(house)
    assert any("cell 3" in line and "exports 61 lines" in line for line in notebooks.check(house))


def test_most_exported_cells_have_to_be_short(house):
    def lines(count):
        return "#| export\n" + "\n".join(f"x{i} = {i}" for i in range(count))

    change(house, 2, source=lines(49))  # in the middle of 49 and the one line of the face
    assert notebooks.check_median(house) == []
    change(house, 2, source=lines(50))
    assert "half of the 2 exported cells have 25.5 lines" in only(notebooks.check_median(house))


@pytest.mark.parametrize(
    "directive", ["#| hide", "#|hide", "#| include: false", "#| echo: false", "#| hide_input"]
)
@pytest.mark.parametrize(
    "code",
    [
        "assert x == 4",
        "if x != 4:\n    raise RuntimeError",
        "try:\n    double()\nexcept TypeError:\n    pass",
        "np.testing.assert_allclose(x, 4)",
        "with pytest.raises(TypeError):\n    double()",
    ],
)
def test_hidden_test_is_found(directive, code):
    source = f"{directive}\nx = double(2)\n{code}"
    assert "is hidden and tests something" in only(notebooks.check_source(source))


@pytest.mark.parametrize(
    "source",
    [
        "x = double(2)\nassert x == 4",
        "#| code-fold: true\nassert double(2) == 4",
        "#| hide\nx = double(2)  # assert nothing",
        "#| hide\ntry:\n    double(2)\nfinally:\n    del double",
        "#| hide\n#| export\ndef double(x: int) -> int:\n    raise ValueError(x)",
    ],
)
def test_checks_in_sight_and_hidden_cells_without_any_are_left_alone(source):
    assert notebooks.check_source(source) == []


def test_rooms_counts_the_lines_of_modules_and_cells(house):
    table = [line.split() for line in notebooks.rooms(house).splitlines()]
    rows = {name: [float(n) for n in numbers] for name, *numbers in table[1:]}
    lines, cells, median, longest = rows["canns/trainer/rule.py"]
    assert (cells, median, longest) == (1, 2, 2)
    assert lines == 4  # the docstring, `__all__`, and the function's two
    assert rows["all"][0] == sum(numbers[0] for name, numbers in rows.items() if name != "all")
    assert rows["all"][1:] == [2, 1.5, 2]


def test_live_widget_is_found_and_cleaned(house):
    widget = new_output("display_data", {notebooks.WIDGET: {"model_id": "1"}, "text/plain": "0%"})
    path = change(house, 3, outputs=[stream("4\n"), widget])
    assert any("live widget" in line for line in notebooks.check(house))
    notebooks.clean([path], house)
    assert notebooks.check(house) == []


def test_cleaning_drops_progress_bars_and_the_places_of_warnings(house):
    warned = stream("/tmp/ipykernel_1/2.py:3: UserWarning: too many\n  train()\n", "stderr")
    path = change(house, 3, outputs=[stream("4\n"), stream("50%\r100%\n", "stderr"), warned])
    notebooks.clean([path], house)
    assert notebooks.check(house) == []
    outputs = json.loads(path.read_text())["cells"][3]["outputs"]
    assert ["".join(o["text"]) for o in outputs] == ["4\n", "UserWarning: too many\n  train()\n"]


def test_execution_fills_in_outputs_and_uses_the_library_beside_the_chapter(house):
    source = "from canns.trainer import double\nprint(double(21))"
    path = change(house, 3, source=source, outputs=[])
    change(house, 4, source="#| eval: false\nraise RuntimeError", outputs=[])
    assert notebooks.execute_all([path], house)
    notebooks.clean([path], house)
    cells = json.loads(path.read_text())["cells"]
    assert cells[3]["outputs"][0]["text"] == ["42\n"]
    assert cells[4]["outputs"] == []
    assert notebooks.check(house) == []


def test_failed_execution_leaves_the_chapter_alone(house, capsys):
    path = change(house, 4, source="raise RuntimeError('no way')")
    before = path.read_bytes()
    assert not notebooks.execute_all([path], house)
    assert path.read_bytes() == before
    assert "no way" in capsys.readouterr().err
