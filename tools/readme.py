"""Make README.md and its pictures from nbs/index.ipynb.

python tools/readme.py            write README.md and README_files/
python tools/readme.py --check    exit 1 if they are not what the notebook gives
"""

import argparse
import base64
import posixpath
import re
import sys
from pathlib import Path

import nbformat
from notebooks import ROOT, directives, is_off, plain, text_of

SOURCE = "nbs/index.ipynb"
PICTURES = "README_files"
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/svg+xml": "svg"}
# `{#name .class key=value}` after a link, a picture, code, or at the end of a heading
ATTRIBUTES = re.compile(r"(?<=[)\]`])\{(?:[#.][\w-]+|[\w-]+=)[^{}]*\}|\s*\{[#.][^{}]*\}$")


def fence(text: str, language: str = "") -> str:
    """A fenced block, its fence longer than any inside."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    ticks = "`" * (longest + 1)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def relink(target: str) -> str:
    """A link of the notebook as seen from README.md; one to another host or to the page itself stays."""
    if re.match(r"[a-z][a-z0-9+.-]*:|[#/]", target, re.IGNORECASE):
        return target
    return posixpath.normpath(posixpath.join(posixpath.dirname(SOURCE), target))


def _plain_line(line: str) -> str:
    """A line of prose without Quarto's attributes, its relative links seen from README.md."""
    line = ATTRIBUTES.sub("", line)
    line = re.sub(r"(\]\()([^)\s]+)", lambda m: m[1] + relink(m[2]), line)
    return re.sub(r"""((?:src|href)=["'])([^"']+)""", lambda m: m[1] + relink(m[2]), line)


def prose(source: str) -> str:
    """A markdown cell as GitHub reads it: callouts become quotes, other divs lose their fences."""
    lines, divs, code = [], [], False
    for line in source.splitlines():
        if re.match(r"\s*(```|~~~)", line):
            code = not code
        opening = None if code else re.match(r":{3,}\s*(\S.*)", line)
        if opening:
            callout = re.search(r"\.callout-(\w+)", opening[1])
            title = re.search(r'title="([^"]*)"', opening[1])
            divs.append(bool(callout))
            if callout:
                lines += ["> **" + (title[1] if title else callout[1].capitalize()) + "**", ">"]
            continue
        if not code and divs and re.fullmatch(r":{3,}\s*", line):
            divs.pop()
            continue
        quote = "> " * sum(divs)
        heading = re.match(r"#+\s+(.*)", line) if quote and not code else None
        if heading:
            line = f"**{heading[1]}**"
        lines.append((quote + (line if code else _plain_line(line))).rstrip())
    return "\n".join(lines).strip()


class Readme:
    """The text and the pictures of README.md, read from a repository's index notebook."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.pictures: dict[str, bytes] = {}
        nb = nbformat.read(root / SOURCE, as_version=4)
        blocks = [block for cell in nb.cells for block in self.blocks(cell)]
        note = f"<!-- Made from {SOURCE} by `make readme`: edit the notebook. -->"
        self.text = "\n\n".join([note, *blocks]) + "\n"

    def blocks(self, cell: nbformat.NotebookNode) -> list[str]:
        """What a cell gives to the page."""
        if cell.cell_type == "markdown":
            text = prose(re.sub(r"\A---\n.*?\n---\n", "", cell.source, flags=re.DOTALL))
            return [text] if text else []
        if cell.cell_type != "code":
            return []
        given = directives(cell.source)
        if "hide" in given or is_off(given.get("include")):
            return []
        code = "\n".join(
            line for line in cell.source.splitlines() if not re.match(r"#\s*\|", line)
        ).strip()
        blocks = [fence(code, "python")] if code and not is_off(given.get("echo")) else []
        if not is_off(given.get("output")):
            blocks += [block for output in cell.outputs for block in self.shown(output, given)]
        return blocks

    def shown(self, output: nbformat.NotebookNode, given: dict[str, str]) -> list[str]:
        """What one output gives to the page, in the best form that it was saved in."""
        if output.output_type == "stream":
            text = plain(text_of(output.text))
            return [fence(text)] if output.name == "stdout" and text.strip() else []
        data = output.get("data", {})
        kind = next((kind for kind in SUFFIXES if kind in data), None)
        if "text/markdown" in data:
            return [prose(text_of(data["text/markdown"]))]
        if kind:
            return self.picture(kind, text_of(data[kind]), given)
        if "text/html" in data:
            return [_plain_line(text_of(data["text/html"]).strip())]
        return [fence(plain(text_of(data["text/plain"])))] if "text/plain" in data else []

    def picture(self, kind: str, text: str, given: dict[str, str]) -> list[str]:
        """A picture and its caption; its bytes are kept under the name that the page gives it."""
        name = f"figure-{len(self.pictures) + 1}.{SUFFIXES[kind]}"
        self.pictures[name] = text.encode() if kind == "image/svg+xml" else base64.b64decode(text)
        alt = given.get("fig-alt", "").replace("[", r"\[").replace("]", r"\]")
        caption = [f"*{given['fig-cap']}*"] if given.get("fig-cap") else []
        return [f"![{alt}]({PICTURES}/{name})", *caption]

    def stale(self) -> list[str]:
        """The files that are not what the notebook gives."""
        readme, folder = self.root / "README.md", self.root / PICTURES
        found = (
            []
            if readme.exists() and readme.read_text(encoding="utf-8") == self.text
            else ["README.md"]
        )
        saved = {p.name: p.read_bytes() for p in folder.iterdir()} if folder.exists() else {}
        names = sorted(saved.keys() | self.pictures.keys())
        return found + [f"{PICTURES}/{n}" for n in names if saved.get(n) != self.pictures.get(n)]

    def write(self) -> None:
        """Make the files what the notebook gives; a picture that it no longer shows is deleted."""
        folder = self.root / PICTURES
        for name in self.stale():
            path = self.root / name
            if path.parent == folder and path.name not in self.pictures:
                path.unlink()
                print(f"deleted {name}")
                continue
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(
                self.pictures[path.name] if path.parent == folder else self.text.encode()
            )
            print(f"wrote {name}")


def program(text: str) -> str:
    """The program that a page tells: its fenced Python blocks, in order, as they stand."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE))


def main(arguments: list[str] | None = None) -> int:
    """Write or check README.md and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is stale"
    )
    readme = Readme()
    if not parser.parse_args(arguments).check:
        readme.write()
        return 0
    stale = readme.stale()
    lines = [f"{name}: differs from {SOURCE} (run `make readme`)" for name in stale]
    print("\n".join(lines or ["README.md is up to date"]))
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
