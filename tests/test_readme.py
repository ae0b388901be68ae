"""README.md is what the index chapter gives, and its program runs for a reader who copies it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from readme import PICTURES, Readme, program, prose


def run(source: str, folder: Path) -> None:
    """Run a program in an empty folder, as a process that sees nothing of the repository."""
    (folder / "program.py").write_text(source, encoding="utf-8")
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr


def test_readme_is_up_to_date(root):
    assert Readme(root).stale() == []


def test_pictures_of_readme_exist_and_have_alternative_text(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    assert f"]({PICTURES}/" in text
    assert "![](" not in text


def test_relative_links_of_readme_lead_somewhere(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    links = {
        t
        for t in re.findall(r"\]\(([^)\s#]+)", text)
        if "://" not in t and not t.startswith("mailto:")
    }
    assert links
    assert [link for link in links if not (root / link).exists()] == []


def test_program_of_readme_runs(root, tmp_path):
    source = program((root / "README.md").read_text(encoding="utf-8"))
    assert "HebbianTrainer" in source
    assert "assert" in source
    run(source, tmp_path)


@pytest.mark.parametrize("program", ["image_memory", "learning_rules"])
def test_program_runs(program, root, tmp_path):
    run((root / "tests" / "programs" / f"{program}.py").read_text(encoding="utf-8"), tmp_path)


@pytest.fixture
def copy(root, tmp_path):
    """A copy of the index chapter, and the README.md made from it."""
    (tmp_path / "nbs").mkdir()
    shutil.copy(root / "nbs" / "index.ipynb", tmp_path / "nbs")
    Readme(tmp_path).write()
    assert Readme(tmp_path).stale() == []
    return tmp_path


def test_edited_readme_is_stale(copy):
    with (copy / "README.md").open("a", encoding="utf-8") as file:
        file.write("one more line\n")
    assert Readme(copy).stale() == ["README.md"]


def test_edited_chapter_makes_readme_stale(copy):
    path = copy / "nbs" / "index.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.cells.append(nbformat.v4.new_markdown_cell("One more line."))
    nbformat.write(nb, path)
    assert Readme(copy).stale() == ["README.md"]


def test_changed_and_left_over_pictures_are_stale_and_mended(copy):
    picture = min((copy / PICTURES).iterdir())
    picture.write_bytes(b"another picture")
    (copy / PICTURES / "old.png").write_bytes(b"a picture of last year")
    assert Readme(copy).stale() == [f"{PICTURES}/{picture.name}", f"{PICTURES}/old.png"]
    Readme(copy).write()
    assert Readme(copy).stale() == []
    assert not (copy / PICTURES / "old.png").exists()


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("[a](tutorials/x.ipynb#b)", "[a](nbs/tutorials/x.ipynb#b)"),
        (
            "[a](../LICENSE), [b](https://doi.org/10.1000/1)",
            "[a](LICENSE), [b](https://doi.org/10.1000/1)",
        ),
        ("![a](a.png){width=50%}", "![a](nbs/a.png)"),
        ("## Idea {#sec-idea}", "## Idea"),
        (r"$\sum_{p=1}^{P} W_{ij}$", r"$\sum_{p=1}^{P} W_{ij}$"),
        ("```\n[a](b)\n::: c\n```", "```\n[a](b)\n::: c\n```"),
        (
            '::: {.callout-note title="Mind"}\none\n\ntwo\n:::\nthree',
            "> **Mind**\n>\n> one\n>\n> two\nthree",
        ),
        ("::: {.callout-tip}\n## Try\none\n:::", "> **Tip**\n>\n> **Try**\n> one"),
        ("::: {.column}\none\n:::", "one"),
    ],
)
def test_prose_is_rewritten_for_github(source, shown):
    assert prose(source) == shown
