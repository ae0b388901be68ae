"""Build, check and serve the site that ``_quarto.yml`` describes.

    python tools/site.py build          # notebooks -> _docs/, then check
    python tools/site.py check          # look for broken links, other hosts, raw TeX ... in _docs/
    python tools/site.py serve          # build, then serve _docs/ on localhost

Notebooks are shown with the outputs saved in them; nothing is executed and nothing is fetched. Quarto renders
the pages where ``quarto`` is on the PATH, smalldocs where it is not, to the same addresses.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[1]
ASSETS = Path(__file__).resolve().parent / "site"
LAB = "http://localhost:8888/lab/tree/"
WIDGET = "application/vnd.jupyter.widget-"


class SiteError(Exception):
    """Something in the chapters or in ``_quarto.yml`` that has to be mended before there can be a site."""


# ---------------------------------------------------------------- what the site is made of


def sidebar(config: dict[str, Any]) -> list[str]:
    """Notebooks of the sidebar in reading order, as paths relative to ``nbs/``."""

    def walk(entry: Any) -> Iterator[str]:
        if isinstance(entry, list):
            for item in entry:
                yield from walk(item)
        elif isinstance(entry, dict):
            yield from walk(entry.get("href"))
            yield from walk(entry.get("contents"))
        elif isinstance(entry, str) and entry.endswith(".ipynb"):
            yield entry

    return list(walk(config["website"]["sidebar"]))


def notebooks(nbs: Path) -> list[str]:
    """Every notebook under `nbs`, as a path relative to it."""
    found = (path.relative_to(nbs) for path in nbs.rglob("*.ipynb"))
    return sorted(p.as_posix() for p in found if not any(part[0] in "._" for part in p.parts))


def check_sidebar(listed: list[str], found: list[str]) -> None:
    """Every notebook has one line in the sidebar, and every line has its notebook."""
    problems = [
        f"{p}: in nbs/ but not in the sidebar of _quarto.yml" for p in found if p not in listed
    ]
    problems += [
        f"{p}: in the sidebar of _quarto.yml but not in nbs/" for p in listed if p not in found
    ]
    problems += [f"{p}: twice in the sidebar of _quarto.yml" for p in sorted(repeated(listed))]
    if problems:
        raise SiteError("\n".join(problems))


# ---------------------------------------------------------------- notebooks

DIRECTIVE = re.compile(r"\s*#\|\s*(.*)")
OPTION = re.compile(r"[\w-]+:(\s|$)")
EXPORTS = {"export", "exports", "exporti"}


@dataclass
class Cell:
    """A cell taken apart: what it is, the directives and the Quarto options at its top, and the rest."""

    kind: str
    text: str
    directives: dict[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Cell:
        """Read a cell of a notebook."""
        text = joined(raw["source"])
        cell = cls(raw["cell_type"], text, outputs=raw.get("outputs", []))
        if cell.kind == "code":
            lines = text.split("\n")
            while lines and (match := DIRECTIVE.fullmatch(lines[0])):
                words = match[1].split(maxsplit=1) or [""]
                if words[0] == "eval:":
                    pass
                elif OPTION.match(match[1]):
                    cell.options.append(match[1])
                else:
                    cell.directives[words[0]] = words[-1]
                del lines[0]
            cell.text = "\n".join(
                x for x in lines if not re.search(r"#\|\s*hide_line\s*$", x)
            ).strip("\n")
        return cell

    @property
    def hidden(self) -> bool:
        """Whether the page leaves the cell out."""
        return bool({"hide", "default_exp"} & self.directives.keys())

    def definitions(self) -> list[ast.stmt]:
        """The statements at the top level of a code cell, notebook magics aside."""
        return ast.parse(re.sub(r"(?m)^\s*[%!].*$", "", self.text)).body


def joined(text: str | list[str]) -> str:
    """A notebook's text field, which may be a list of lines, as one string."""
    return text if isinstance(text, str) else "".join(text)


@dataclass
class Chapter:
    """A notebook: its address, its cells and the module it exports, if any."""

    path: str
    cells: list[Cell]
    metadata: dict[str, Any]

    @classmethod
    def read(cls, nbs: Path, path: str) -> Chapter:
        """Read a notebook."""
        try:
            raw = json.loads((nbs / path).read_text(encoding="utf-8"))
            return cls(path, [Cell.of(cell) for cell in raw["cells"]], raw.get("metadata", {}))
        except (ValueError, KeyError) as error:
            raise SiteError(f"{path}: not a notebook: {error!r}") from error

    @property
    def module(self) -> str | None:
        """The module that the notebook exports, such as ``canns.trainer.hebbian``."""
        for cell in self.cells:
            if target := cell.directives.get("default_exp"):
                return f"canns.{target}".removesuffix(".__init__")
        return None

    def exported(self) -> Iterator[Cell]:
        """The cells that the notebook's module is made of."""
        return (c for c in self.cells if EXPORTS & c.directives.keys())

    def parse(self, cell: Cell) -> list[ast.stmt]:
        """The statements of one of its cells."""
        try:
            return cell.definitions()
        except SyntaxError as error:
            raise SiteError(f"{self.path}: an exported cell is not Python: {error}") from error


# ---------------------------------------------------------------- names and where they are defined


@dataclass
class Names:
    """Where every public function and class of the library is defined."""

    pages: dict[str, str] = field(default_factory=dict)  # module -> notebook
    homes: dict[str, list[str]] = field(default_factory=dict)  # name -> notebooks that define it
    members: set[str] = field(default_factory=set)  # methods and attributes of the classes

    @classmethod
    def of(cls, chapters: list[Chapter]) -> Names:
        """Collect the names of all chapters."""
        names = cls()
        for chapter in chapters:
            if chapter.module:
                names.pages[chapter.module] = chapter.path
            for cell in chapter.exported():
                for node in chapter.parse(cell):
                    if is_public(node):
                        names.homes.setdefault(node.name, []).append(chapter.path)
                    if isinstance(node, ast.ClassDef):
                        names.members |= {
                            m.name for m in node.body if isinstance(m, ast.FunctionDef)
                        }
        return names

    def find(self, text: str, here: str) -> tuple[str, str] | None:
        """Notebook and anchor of a name as the prose writes it; None for others' names and the page's own."""
        dotted, call, _ = text.partition("(")
        parts = dotted.split(".")
        if parts[0] == "canns":
            known = (n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in self.pages)
            n = next(known, 0)
            page, parts = self.pages.get(".".join(parts[:n])), parts[n:]
            if page and not parts:
                return None if page == here else (page, "")
            if not page:
                return None
        elif len(parts) == 1 and not call and parts[0] in self.members:
            return None  # `energy` may be anybody's
        homes = self.homes.get(parts[0], [])
        return None if here in homes or len(homes) != 1 else (homes[0], parts[0])


def is_public(node: ast.stmt) -> bool:
    """Whether a statement defines a public function or class."""
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")


PROSE = re.compile(
    r"``.+?``|!?\[(?:[^\]`]|`[^`]*`)*\]\([^)]*\)|<a\b.*?</a>"  # left alone: code with backticks in it, links
    r"|`(?P<name>[A-Za-z_][\w.]*(?:\([^`]*\))?)`"
)
FENCE = re.compile(r"\s*(`{3,}|~{3,})")
NOTEBOOK_LINK = re.compile(r"(\]\([^)\s]+\.ipynb#)([^)\s]+)\)")


def link_names(text: str, here: str, names: Names) -> str:
    """Link the first mention of each of our names in a Markdown cell to its definition."""
    seen: set[str] = set()

    def link(match: re.Match[str]) -> str:
        name = match["name"]
        target = names.find(name, here) if name else None
        if target is None or name in seen:
            return match[0]
        seen.add(name)
        page, anchor = target
        href = os.path.relpath(page, PurePosixPath(here).parent) + (f"#{anchor}" if anchor else "")
        return f"[{match[0]}]({href})"

    def anchor(
        match: re.Match[str],
    ) -> str:  # JupyterLab keeps the capitals of a heading in its anchor
        return f"{match[1]}{match[2] if match[2] in names.homes else match[2].lower()})"

    return outside_fences(text, lambda line: NOTEBOOK_LINK.sub(anchor, PROSE.sub(link, line)))


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Apply `change` to the lines of Markdown that are neither code nor a heading."""
    fence, lines = "", text.split("\n")
    for i, line in enumerate(lines):
        mark = FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) else fence
        elif mark:
            fence = mark[1]
        elif not re.match(r" {0,3}#{1,6}\s", line):
            lines[i] = change(line)
    return "\n".join(lines)


# ---------------------------------------------------------------- from a chapter to a page's source

FRONT = re.compile(r"---\n(.*?)\n---\s*", re.S)
TITLE = re.compile(r"\s*# +(?P<title>[^\n]+)\n*(?:> *(?P<description>[^\n]+(?:\n> *[^\n]+)*))?")
HEADLINE = re.compile(r"(?m)^#{2,6} +(.+?)\s*$")
MARKER = '<div class="chapter-links"></div>'


def page_source(chapter: Chapter, names: Names) -> dict[str, Any]:
    """The notebook that the renderer gets: titled, linked, without directives, exports folded and named."""
    cells = [c for c in chapter.cells if not c.hidden and (c.text.strip() or c.outputs)]
    front: dict[str, Any] = {}
    if cells and cells[0].kind == "raw" and (match := FRONT.fullmatch(cells[0].text)):
        front = yaml.safe_load(match[1])
        del cells[0]
    if cells and cells[0].kind == "markdown" and (match := TITLE.match(cells[0].text)):
        description = re.sub(r"\s*\n> *", " ", match["description"] or "")
        front = {"title": match["title"].strip(), "description": description} | front
        cells[0].text = cells[0].text[match.end() :]
    if not front.get("title") or re.search(r"[$\\]", str(front["title"])):
        raise SiteError(
            f"{chapter.path}: a chapter starts with '# Title', without TeX, and a '> sentence'"
        )
    front["title"] = re.sub(r"(?<=\w)'", "’", str(front["title"]))
    header = yaml.safe_dump({k: v for k, v in front.items() if v}, allow_unicode=True, width=10**6)
    out = [make_cell("raw", f"---\n{header}---"), make_cell("markdown", MARKER)]
    titles = (title for c in cells if c.kind == "markdown" for title in HEADLINE.findall(c.text))
    taken = {
        "-".join(re.sub(r"[^\w\s.-]", "", title.lower()).split()) for title in titles
    }  # their anchors
    for cell in cells:
        if cell.kind == "markdown":
            out.append(make_cell("markdown", link_names(cell.text, chapter.path, names)))
        elif cell.kind == "code":
            if EXPORTS & cell.directives.keys():
                public = [node.name for node in chapter.parse(cell) if is_public(node)]
                anchors = [
                    f'<div id="{n}" class="api-anchor"></div>' for n in public if n not in taken
                ]
                if anchors:
                    out.append(make_cell("markdown", "\n".join(anchors)))
                cell.options = folding(chapter, cell, public) + cell.options
            out.append(code_cell(chapter.path, cell))
    metadata = {k: v for k, v in chapter.metadata.items() if k in ("kernelspec", "language_info")}
    return {"cells": out, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}


def make_cell(kind: str, text: str) -> dict[str, Any]:
    """A Markdown or raw cell."""
    return {"cell_type": kind, "metadata": {}, "source": text}


def folding(chapter: Chapter, cell: Cell, public: list[str]) -> list[str]:
    """Options that fold an exported cell: open when it defines something public, its names in the summary."""
    own = {option.partition(":")[0] for option in cell.options}
    nodes = chapter.parse(cell)
    private = [
        n.name
        for n in nodes
        if isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith("__")
    ]
    imports = "imports" if any(isinstance(n, ast.Import | ast.ImportFrom) for n in nodes) else ""
    label = " · ".join(
        filter(None, [chapter.module or "", ", ".join(public or private) or imports])
    )
    fold = {
        "code-fold": "show" if public else "true",
        "code-summary": json.dumps(label, ensure_ascii=False),
    }
    return [f"{key}: {value}" for key, value in fold.items() if key not in own]


def code_cell(path: str, cell: Cell) -> dict[str, Any]:
    """A code cell with its Quarto options, checked, and its outputs, interactive widgets aside."""
    try:
        options = yaml.safe_load("\n".join(cell.options)) or {}
    except yaml.YAMLError as error:
        raise SiteError(
            f"{path}: the options {cell.options} are not YAML (quote them?): {error}"
        ) from error
    if not isinstance(options.get("fig-alt", ""), str):
        raise SiteError(
            f"{path}: fig-alt takes one text; draw one picture in a cell: {cell.options}"
        )
    text = "\n".join([f"#| {option}" for option in cell.options] + [cell.text])
    outputs = [
        out for out in cell.outputs if not any(WIDGET in mime for mime in out.get("data", {}))
    ]
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "source": text,
        "outputs": outputs,
    }


# ---------------------------------------------------------------- rendering


def build(config_file: Path, nbs: Path, proc: Path, out: Path) -> list[str]:
    """Render every chapter of `nbs` into `out` and return what is wrong with the result."""
    config = yaml.safe_load(config_file.read_text(encoding="utf-8"))
    listed = sidebar(config)
    check_sidebar(listed, notebooks(nbs))
    chapters = [Chapter.read(nbs, path) for path in listed]
    names = Names.of(chapters)
    for folder in (proc, out):
        clear(folder)
    config["project"]["output-dir"] = "_docs"
    write(proc / "_quarto.yml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    for chapter in chapters:
        write(proc / chapter.path, json.dumps(page_source(chapter, names), ensure_ascii=False))
    shutil.copytree(
        nbs, proc, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.ipynb", ".*", "_*")
    )
    shutil.copytree(ASSETS, proc / "site")
    problems = render(proc)
    shutil.copytree(proc / "_docs", out, dirs_exist_ok=True)
    for path in listed:
        shutil.copyfile(nbs / path, out / path)
    return problems + finish(out) + check(config, out)


def clear(folder: Path) -> None:
    """Empty a folder that an earlier build made; refuse any other."""
    ours = any((folder / name).exists() for name in ("_quarto.yml", "site_libs"))
    if folder.exists() and any(folder.iterdir()) and not ours:
        raise SiteError(
            f"{folder} is neither empty nor made by an earlier build; name another folder"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def write(path: Path, text: str) -> None:
    """Write a text file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def render(proc: Path) -> list[str]:
    """Render a prepared project into its ``_docs`` with Quarto or, failing that, with smalldocs."""
    if shutil.which("quarto"):
        done = subprocess.run(["quarto", "render", str(proc), "--no-execute"], check=False)
        if done.returncode:
            raise SiteError("quarto render failed")
        return []
    from smalldocs.site import Site, load

    site = Site(load(proc), quiet=True)
    site.build()
    return [
        w for w in site.warnings if "html-math-method" not in w
    ]  # what `smalldocs check` would list


# ---------------------------------------------------------------- after rendering

MATH = re.compile(r'<span class="math (inline|display)">\\[(\[](.*?)\\[)\]]</span>', re.S)
KATEX = re.compile(
    r'<(?:link|script)\b[^>]*"https://cdn\.jsdelivr\.net/npm/katex[^>]*>(?:</script>)?'
)
CAPTION = re.compile(r"<figcaption>([^<]*[`$*_][^<]*)</figcaption>")
HEADING = re.compile(
    r'<h[2-6][^>]*data-anchor-id="([^"]+)"[^>]*>((?:(?!</h\d).)*<math.*?)</h\d>', re.S
)
IMPORT = re.compile(r"""@import\s*(?:url\(\s*)?(["']?)(?:https?:)?//[^"')]*\1\)?[^;]*;""")
PLACE = re.compile(r'<div class="chapter-links">\s*</div>')


def finish(out: Path) -> list[str]:
    """Give the rendered pages their links and MathML, and keep them from asking other hosts for anything."""
    problems: list[str] = []
    spoken: dict[str, str] = {}  # formulas as TeX -> as text
    for css in out.rglob("*.css"):  # Bootswatch themes fetch their fonts from elsewhere
        text = css.read_text(encoding="utf-8")
        css.write_text(IMPORT.sub("", text), encoding="utf-8")
    for page in sorted(out.rglob("*.html")):
        name = page.relative_to(out).as_posix()
        text = KATEX.sub("", page.read_text(encoding="utf-8"))
        text = CAPTION.sub(
            lambda m: f"<figcaption>{inline_markdown(html.unescape(m[1]))}</figcaption>", text
        )
        text = MATH.sub(functools.partial(mathml, name, problems, spoken), text)
        for anchor, title in HEADING.findall(
            text
        ):  # a heading's formulas, in the table of contents too
            entry = re.compile(rf'(<a [^>]*id="toc-{re.escape(anchor)}"[^>]*>)[^<]*(</a>)')
            text = entry.sub(lambda m, title=title: m[1] + title + m[2], text)
        page.write_text(PLACE.sub(chapter_links(name), text), encoding="utf-8")
    index = out / "search.json"
    entries = json.loads(index.read_text(encoding="utf-8"))
    for tex in sorted((tex for tex in spoken if "\\" in tex), key=len, reverse=True):
        for entry in entries:
            for key in ("section", "text"):
                entry[key] = entry[key].replace(tex, spoken[tex])
    index.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    return problems


def inline_markdown(text: str) -> str:
    """The HTML of a line of Markdown."""
    from smalldocs.markdown import render as markdown

    return re.sub(r"^<p>(.*)</p>\s*$", r"\1", markdown(text, {}), flags=re.S)


def mathml(page: str, problems: list[str], spoken: dict[str, str], match: re.Match[str]) -> str:
    """The MathML of a formula that smalldocs wrote as TeX; one that can't be converted is a problem."""
    from math_core import LatexError

    tex = html.unescape(match[2])
    if "\\\\" in tex and "\\begin" not in tex:
        problems.append(f"{page}: a line break in the formula {tex!r} (one backslash too many?)")
    try:
        done = converter().convert_with_local_state(tex, displaystyle=match[1] == "display")
    except LatexError as error:
        problems.append(f"{page}: no MathML for {tex!r}: {error}")
        return match[0]
    spoken[" ".join(tex.split())] = html.unescape(re.sub(r"<[^>]*>", "", done))
    return f'<span class="math {match[1]}">{done}</span>'


@functools.cache
def converter() -> Any:
    """The converter from TeX to MathML."""
    from math_core import LatexToMathML

    return LatexToMathML(fancy_error=False)


def chapter_links(page: str) -> str:
    """Links to the notebook behind a page."""
    notebook = PurePosixPath(page).with_suffix(".ipynb")
    return (
        f'<div class="chapter-links"><a href="{quote(notebook.name)}" download>Download this notebook</a>'
        f'<a href="{LAB}{quote(str(notebook))}" title="while `make lab` is running">Open in JupyterLab</a>'
        "</div>"
    )


# ---------------------------------------------------------------- checking

VOID = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "track",
    "wbr",
}
LOADS = {
    "src",
    "srcset",
    "poster",
    "data",
    "action",
    "xlink:href",
}  # attributes that make a browser fetch
RAW_TEX = re.compile(r"\\[()\[\]]|\$\$|\\[a-zA-Z]{2,}|\$[^$\s][^$]*[\\_^{][^$]*\$")
CSS_URL = re.compile(r"""@import[^;]*|url\(\s*["']?(?:https?:)?//[^)]*\)""")
REMOTE = re.compile(r"(https?:)?//")
SCRIPTED = re.compile(
    r"""(?:import\s*\(?|from\s|src\s*=|fetch\(|require\W.*)\s*["'](?:https?:)?//[^"']+"""
)


class Page(HTMLParser):
    """What a page holds that can be wrong: anchors, links, things to load, visible text."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.links: list[str] = []  # what a reader may follow
        self.loads: list[str] = []  # what a browser fetches
        self.problems: list[str] = []
        self.text: list[str] = []  # visible text outside code and formulas
        self.blocks: list[str] = []  # open <div>, <section> and <details>
        self.quiet: list[str] = []  # open elements whose text is not prose
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element's anchor and addresses."""
        at = {key: value or "" for key, value in attrs}
        if "id" in at:
            self.ids.append(at["id"])
        if "href" in at:
            (self.links if tag in ("a", "area") else self.loads).append(at["href"])
        for key in LOADS & at.keys():
            self.loads += (
                [part.split()[0] for part in at[key].split(", ")] if key == "srcset" else [at[key]]
            )
        if tag == "img" and not at.get("alt", "").strip():
            src = at.get("src", "")[:60]
            self.problems.append(f"a picture without alternative text (#| fig-alt: ...): {src}")
        self.problems += [f"loads {m}" for m in remote_css(at.get("style", ""))]
        if tag in ("div", "section", "details"):
            self.blocks.append(tag)
        if tag in ("script", "style", "pre", "code", "math", "svg"):
            self.quiet.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element; blocks have to close in order."""
        if tag in ("div", "section", "details") and (not self.blocks or self.blocks.pop() != tag):
            self.problems.append(f"</{tag}> closes something else (a heading inside <details>?)")
        if self.quiet and self.quiet[-1] == tag:
            self.quiet.pop()

    def handle_data(self, data: str) -> None:
        """Collect text by what it is in."""
        if not self.quiet:
            self.text.append(data)
        elif self.quiet[-1] == "style":
            self.problems += [f"loads {m}" for m in remote_css(data)]
        elif self.quiet[-1] == "script":
            self.problems += [f"a script loads {m[0]}" for m in SCRIPTED.finditer(data)]


def remote_css(text: str) -> list[str]:
    """Addresses on other hosts that a piece of CSS loads."""
    return [m for m in CSS_URL.findall(text) if "//" in m and "data:" not in m]


def check(config: dict[str, Any], out: Path) -> list[str]:
    """Everything that is wrong with a built site, as lines of text."""
    files = {page.relative_to(out).as_posix(): page for page in sorted(out.rglob("*.html"))}
    pages = {name: Page(file.read_text(encoding="utf-8")) for name, file in files.items()}
    problems = [] if pages else [f"{out}: no pages"]
    for notebook in sidebar(config):
        name = str(PurePosixPath(notebook).with_suffix(".html"))
        if name not in pages:
            problems.append(f"{name}: missing, though {notebook} is in the sidebar")
        elif PurePosixPath(notebook).name not in pages[name].links:
            problems.append(f"{name}: no link to its notebook")
    for name, page in pages.items():
        problems += [f"{name}: {problem}" for problem in page.problems]
        problems += [f"{name}: the anchor #{i} is there twice" for i in sorted(repeated(page.ids))]
        problems += [f"{name}: loads {url}" for url in page.loads if REMOTE.match(url)]
        problems += [f"{name}: raw TeX {tex!r}" for tex in RAW_TEX.findall("".join(page.text))]
        for url in page.links + page.loads:
            if (problem := broken(url, files[name], out, pages)) is not None:
                problems.append(f"{name}: broken link {url}: {problem}")
    for css in sorted(out.rglob("*.css")):
        found = remote_css(css.read_text(encoding="utf-8"))
        problems += [f"{css.relative_to(out).as_posix()}: loads {url}" for url in found]
    return problems


def repeated(items: list[str]) -> set[str]:
    """Items that a list holds more than once."""
    return {item for item in items if items.count(item) > 1}


def broken(url: str, page: Path, out: Path, pages: dict[str, Page]) -> str | None:
    """Why a link from a page leads nowhere within the site; None if it leads somewhere or out of the site."""
    parts = urlsplit(url)
    if parts.scheme or parts.netloc or not url:
        return None
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "no such file"
    name = (
        target.relative_to(out.resolve()).as_posix()
        if target.is_relative_to(out.resolve())
        else None
    )
    if name is None:
        return "outside the site"
    anchor = unquote(parts.fragment)
    return (
        f"no such anchor in {name}"
        if anchor and name in pages and anchor not in pages[name].ids
        else None
    )


# ---------------------------------------------------------------- command line


def serve(out: Path, port: int) -> None:
    """Serve the site on this machine until interrupted."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(out))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/ (Ctrl-C stops it)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


def main(argv: list[str] | None = None) -> int:
    """Run a command; 1 when something is wrong with the site."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("command", choices=["build", "check", "serve"])
    parser.add_argument(
        "--config", type=Path, default=ROOT / "_quarto.yml", help="what the site is"
    )
    parser.add_argument("--nbs", type=Path, default=ROOT / "nbs", help="the folder of notebooks")
    parser.add_argument(
        "--proc", type=Path, default=ROOT / "_proc", help="where the pages' sources go"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "_docs", help="where the site goes")
    parser.add_argument("--port", type=int, default=8000, help="the port of serve")
    args = parser.parse_args(argv)
    try:
        if args.command == "check":
            problems = check(yaml.safe_load(args.config.read_text(encoding="utf-8")), args.out)
        else:
            problems = build(args.config, args.nbs, args.proc, args.out)
    except SiteError as error:
        problems = str(error).split("\n")
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"{len(problems)} thing(s) to mend", file=sys.stderr)
        return 1
    print(f"{args.out}: {sum(1 for _ in args.out.rglob('*.html'))} pages, all links lead somewhere")
    if args.command == "serve":
        serve(args.out, args.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
