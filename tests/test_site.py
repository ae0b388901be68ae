"""The site: built from the chapters, checked as files, and opened page by page in a real browser."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
TOOL = ROOT / "tools" / "site.py"
spec = importlib.util.spec_from_file_location("canns_site", TOOL)
site = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = site
spec.loader.exec_module(site)

CONFIG = yaml.safe_load((ROOT / "_quarto.yml").read_text(encoding="utf-8"))
CHAPTERS = site.sidebar(CONFIG)
PAGES = [chapter.replace(".ipynb", ".html") for chapter in CHAPTERS]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of this repository, built outside it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, TOOL, "build", "--proc", folder / "proc", "--out", folder / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "out"


# ---------------------------------------------------------------- the built files


def test_every_notebook_has_its_page(built):
    notebooks = {
        p.relative_to(ROOT / "nbs").as_posix() for p in (ROOT / "nbs").rglob("[!.]*.ipynb")
    }
    notebooks = {p for p in notebooks if ".ipynb_checkpoints" not in p}
    assert set(CHAPTERS) == notebooks
    assert {"index.html", "trainer/hebbian.html"} <= set(PAGES)
    assert {p.relative_to(built).as_posix() for p in built.rglob("*.html")} == set(PAGES)
    for chapter in CHAPTERS:
        assert (built / chapter).read_bytes() == (ROOT / "nbs" / chapter).read_bytes()


def test_exported_source_is_shown_and_has_an_anchor(built):
    chapters = [site.Chapter.read(ROOT / "nbs", path) for path in CHAPTERS]
    names = site.Names.of(chapters)
    assert {"HebbianTrainer", "AmariHopfieldNetwork", "State"} <= names.homes.keys()
    for name, (home, *_) in names.homes.items():
        page = (built / home).with_suffix(".html").read_text(encoding="utf-8")
        assert f'id="{name}"' in page, (home, name)
        assert "code-fold" in page


def test_the_built_site_checks_clean(built):
    assert site.check(CONFIG, built) == []
    assert site.main(["check", "--out", str(built)]) == 0


PLANTED = {
    "broken link": '<a href="nowhere.html">x</a>',
    "no such anchor": '<a href="trainer/hebbian.html#nowhere">x</a>',
    "loads https://cdn.example/x.js": '<script src="https://cdn.example/x.js"></script>',
    "loads //cdn.example/x.css": '<link rel="stylesheet" href="//cdn.example/x.css">',
    "loads @import": '<style>@import "https://cdn.example/x.css";</style>',
    "loads url(": '<p style="background: url(https://cdn.example/x.png)">x</p>',
    "a script loads": '<script>import("https://cdn.example/x.js")</script>',
    "without alternative text": '<img src="site/favicon.svg">',
    "raw TeX": r"<p>Let \(x\) be $\frac{1}{2}$.</p>",
    "is there twice": '<p id="same"></p><p id="same"></p>',
    "closes something else": "<section><details></section></details>",
}


@pytest.mark.parametrize("problem", PLANTED)
def test_check_sees_a_planted_fault(built, tmp_path, problem):
    out = shutil.copytree(built, tmp_path / "out")
    page = out / "index.html"
    whole = page.read_text(encoding="utf-8")
    assert whole.count("</main>") == 1
    page.write_text(whole.replace("</main>", PLANTED[problem] + "</main>"), "utf-8")
    found = site.check(CONFIG, out)
    assert found
    assert all(problem in line or "index.html" in line for line in found)
    assert any(problem in line for line in found), found
    assert site.main(["check", "--out", str(out)]) == 1


def test_check_sees_a_missing_page_and_a_stylesheet_from_elsewhere(built, tmp_path):
    out = shutil.copytree(built, tmp_path / "out")
    (out / "state.html").unlink()
    (out / "site" / "canns.css").write_text('@import url("https://fonts.example/x.css");', "utf-8")
    found = "\n".join(site.check(CONFIG, out))
    assert "state.html: missing" in found
    assert "site/canns.css: loads @import" in found


# ---------------------------------------------------------------- how a chapter becomes a page

WIDGET = {
    "application/vnd.jupyter.widget-view+json": {"model_id": "0"},
    "text/plain": "HBox(unseen)",
}


def cell(source: str, kind: str = "code", **data: object) -> dict[str, object]:
    """A cell of a notebook, with one output when there are `data`."""
    outputs = [{"output_type": "display_data", "metadata": {}, "data": data}] if data else []
    code = {"execution_count": None, "outputs": outputs} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source} | code


RULE = [
    cell("# A rule\n\n> One sentence with $x^2$.", "markdown"),
    cell("#| default_exp rule"),
    cell("#| export\ndef oja_update(w):\n    return w"),
    cell("#| hide\nassert 'unseen'"),
    cell("#| eval: false\nshown()", **WIDGET),
]
INDEX = [
    cell("---\ntitle: Home\ndescription: The first page.\n---", "raw"),
    cell("## About `oja_update`\nSee `oja_update(w)` of `canns.rule`.", "markdown"),
]


@pytest.fixture
def small(tmp_path):
    """A site of two chapters, to be spoilt."""
    (tmp_path / "nbs").mkdir()
    for name, cells in {"rule": RULE, "index": INDEX}.items():
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
        (tmp_path / "nbs" / f"{name}.ipynb").write_text(json.dumps(notebook), "utf-8")
    config = CONFIG | {
        "website": {"title": "small", "sidebar": {"contents": ["index.ipynb", "rule.ipynb"]}}
    }
    (tmp_path / "_quarto.yml").write_text(yaml.safe_dump(config), "utf-8")
    return tmp_path


def build_small(small: Path) -> int:
    """Build the site of two chapters as the command line does."""
    places = {"--config": "_quarto.yml", "--nbs": "nbs", "--proc": "proc", "--out": "out"}
    return site.main(
        ["build", *(x for option, name in places.items() for x in (option, str(small / name)))]
    )


def test_a_chapter_becomes_a_page(small):
    assert build_small(small) == 0
    page = (small / "out" / "rule.html").read_text(encoding="utf-8")
    assert "unseen" not in page
    assert "#|" not in page
    assert page.count("One sentence with") == 2  # in the title block and for search engines
    assert "<math>" in page
    assert 'id="oja_update"' in page
    assert "canns.rule · oja_update" in page
    assert "shown" in page
    home = (small / "out" / "index.html").read_text(encoding="utf-8")
    assert '<a href="rule.html#oja_update"><code>oja_update(w)</code></a>' in home
    assert '<a href="rule.html"><code>canns.rule</code></a>' in home
    assert home.count('"rule.html#oja_update"') == 1  # not in the heading


SPOILT = {
    "b.ipynb: in nbs/ but not in the sidebar": lambda nbs: shutil.copy(
        nbs / "rule.ipynb", nbs / "b.ipynb"
    ),
    "rule.ipynb: in the sidebar of _quarto.yml but not in nbs/": lambda nbs: (
        nbs / "rule.ipynb"
    ).unlink(),
    "no MathML": lambda nbs: edit(nbs, "$x^2$", r"$\\nosuchcommand{x}$"),
    "one backslash too many": lambda nbs: edit(nbs, "$x^2$", r"$\\\\eta = 1$"),
    "are not YAML": lambda nbs: edit(nbs, "#| eval: false", "#| fig-cap: one: two: three"),
    "starts with '# Title'": lambda nbs: edit(nbs, "# A rule", "A rule"),
    "broken link": lambda nbs: edit(nbs, "One sentence", "[x](nowhere.ipynb)"),
    "not Python": lambda nbs: edit(nbs, "return w", "return return"),
}


def edit(nbs: Path, old: str, new: str) -> None:
    """Replace a piece of the chapter `rule`."""
    text = (nbs / "rule.ipynb").read_text(encoding="utf-8")
    assert old in text
    (nbs / "rule.ipynb").write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize("problem", SPOILT)
def test_a_spoilt_chapter_fails_the_build(small, problem, capsys):
    SPOILT[problem](small / "nbs")
    for _ in range(2):  # what one failed build leaves behind is no trouble for the next
        assert build_small(small) == 1
        assert problem in capsys.readouterr().err


def test_a_folder_of_somebody_else_is_not_emptied(small):
    (small / "out").mkdir()
    (small / "out" / "thesis.txt").write_text("precious")
    assert build_small(small) == 1
    assert (small / "out" / "thesis.txt").exists()


# ---------------------------------------------------------------- in a browser


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without logging."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def url(built):
    """The address of the site on this machine."""
    handler = functools.partial(Server, directory=built)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """A headless browser; the tests skip without one unless CANNS_REQUIRE_BROWSER=1."""
    missing = pytest.fail if os.environ.get("CANNS_REQUIRE_BROWSER") == "1" else pytest.skip
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    found = [p for p in map(shutil.which, ("chromium", "google-chrome", "chromium-browser")) if p]
    if not found:
        missing("no chromium or google-chrome on the PATH")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found[0], args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser):
    """A fresh page of its own context, as wide as a laptop."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    yield context.new_page()
    context.close()


TEXT = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), out = [];
  while (walk.nextNode()) {
    const el = walk.currentNode.parentElement;
    if (!el.closest("pre, code, math, script, style")) out.push(walk.currentNode.data);
  }
  return out.join("");
}"""
DEAD_IMAGES = "() => [...document.images].filter(i => !i.naturalWidth).map(i => i.src.slice(0, 80))"
FLAT_FORMULAS = """() => [...document.querySelectorAll("math")].filter(
  m => m.checkVisibility() && !m.getBoundingClientRect().height).length"""
TOO_WIDE = """() => [...document.querySelectorAll("body *")].filter(el => {
  if (!el.checkVisibility() || el.closest("#quarto-sidebar")) return false;
  if (el.getBoundingClientRect().right <= innerWidth + 1) return false;
  for (let up = el.parentElement; up; up = up.parentElement)
    if (["auto", "scroll", "hidden"].includes(getComputedStyle(up).overflowX) && up !== document.body
        && up.getBoundingClientRect().right <= innerWidth + 1) return false;
  return true;
}).map(el => el.tagName + "." + el.className).slice(0, 3)"""


def faults(tab, address: str) -> list[str]:
    """Open a page, wide and narrow, and list all that is wrong with it."""
    local = "/".join(address.split("/")[:3])
    found: list[str] = []
    grave = ("error", "warning")
    tab.on("console", lambda m: found.append(f"console: {m.text}") if m.type in grave else None)
    tab.on("pageerror", lambda error: found.append(f"page error: {error}"))
    tab.on(
        "request",
        lambda r: None if is_local(r.url, local) else found.append(f"other host: {r.url}"),
    )
    tab.route(lambda to: not is_local(to, local), lambda route: route.abort())
    assert tab.goto(address).ok, address
    tab.wait_for_timeout(100)  # what a script asks for after loading
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found += [f"dead image: {src}" for src in tab.evaluate(DEAD_IMAGES)]
    found += [f"raw TeX: {tex}" for tex in site.RAW_TEX.findall(tab.evaluate(TEXT))]
    found += ["a formula without height"] * tab.evaluate(FLAT_FORMULAS)
    tab.set_viewport_size({"width": 390, "height": 844})
    found += [f"wider than a phone: {what}" for what in tab.evaluate(TOO_WIDE)]
    if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("wider than a phone: the page")
    return found


def is_local(to: str, local: str) -> bool:
    """Whether a request stays on this machine."""
    return to.startswith((local + "/", "data:", "blob:"))


@pytest.mark.parametrize("page", PAGES)
def test_page_in_a_browser(tab, url, page):
    assert faults(tab, f"{url}/{page}") == []
    assert tab.locator("h1.title").inner_text().strip()
    listed = tab.eval_on_selector_all("#quarto-sidebar a[href]", "links => links.map(a => a.href)")
    assert {f"{url}/{p}" for p in PAGES} <= {
        link.split("#")[0].replace("/./", "/") for link in listed
    }


def test_faults_would_be_seen(tab, url, built):
    bad = r"""<!doctype html><link rel="icon" href="site/favicon.svg"><p>Let \(x\) be $\frac{1}{2}$.</p>
    <img src="missing.png"><img src="http://elsewhere.invalid/x.png"><div style="width: 900px">wide</div>
    <script>console.error("oh"); nosuchfunction()</script>"""
    (built / "bad.html").write_text(bad, "utf-8")
    try:
        found = "\n".join(faults(tab, f"{url}/bad.html"))
    finally:
        (built / "bad.html").unlink()
    kinds = [
        "console: oh",
        "page error",
        "other host",
        "dead image",
        "raw TeX",
        "wider than a phone: DIV",
    ]
    assert [kind for kind in kinds if kind not in found] == []


def test_formulas_are_drawn_with_the_sites_own_font(tab, url):
    tab.goto(f"{url}/trainer/hebbian.html")
    assert tab.locator("math").count() > 0
    tab.evaluate("document.fonts.ready.then(() => true)")
    assert (
        tab.evaluate("[...document.fonts].find(f => f.family.includes('canns math')).status")
        == "loaded"
    )


def test_search_finds_the_hebbian_chapter(tab, url):
    tab.goto(f"{url}/index.html")
    opener = tab.locator(".aa-DetachedSearchButton")  # Quarto opens its box on a click
    if opener.count():
        opener.first.click()
    box = tab.locator(".smalldocs-search input:visible, .aa-Input:visible").first
    box.press_sequentially("Hebbian")
    hits = tab.locator(".smalldocs-search-results a, .aa-Item a")
    hits.first.wait_for(timeout=5000)
    addresses = hits.evaluate_all("links => links.map(a => a.href)")
    assert any("trainer/hebbian.html" in address for address in addresses)
    hits.first.click()
    tab.wait_for_url("**/*.html*")
    assert "Hebbian" in tab.locator("main").inner_text()


def test_dark_mode_changes_the_page_and_is_remembered(tab, url):
    def look() -> tuple[str, str]:
        style = "(({backgroundColor, color}) => [backgroundColor, color])(getComputedStyle(document.body))"
        return tuple(tab.evaluate(style))

    tab.goto(f"{url}/index.html")
    light = look()
    tab.locator(".quarto-color-scheme-toggle:visible").first.click()
    tab.wait_for_timeout(300)
    dark = look()
    assert dark[0] != light[0] and dark[1] != light[1]
    tab.goto(f"{url}/state.html")
    assert look() == dark


def test_sidebar_is_reachable_on_a_phone(tab, url):
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto(f"{url}/state.html")
    link = tab.locator("#quarto-sidebar a[href*='trainer/hebbian.html']").first
    tab.locator(".quarto-secondary-nav .quarto-btn-toggle").first.click()
    tab.wait_for_timeout(400)
    link.click(timeout=5000)
    tab.wait_for_url("**/trainer/hebbian.html")


def test_the_notebook_behind_a_page_can_be_downloaded(tab, url):
    tab.goto(f"{url}/trainer/hebbian.html")
    with tab.expect_download() as download:
        tab.get_by_text("Download this notebook").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert json.loads(text)["nbformat"] == 4
    assert text == (ROOT / "nbs/trainer/hebbian.ipynb").read_text(encoding="utf-8")
    lab = tab.get_by_text("Open in JupyterLab").get_attribute("href")
    assert lab == "http://localhost:8888/lab/tree/trainer/hebbian.ipynb"
