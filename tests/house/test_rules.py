"""Rules about the code itself, each one sentence. import-linter holds the layers; these hold the rest."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from portal import domain, models
from portal.engine.spec import registry
from portal.engine.verbs import all_verbs
from portal.web.happened import WORDS

ROOT = Path(__file__).resolve().parents[2]
HAN = re.compile(r"[\u4e00-\u9fff]")
PAIR = " | "
_SLOT = re.compile(r"\{[^{}]*\}")
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)

LANGUAGE_TABLES = {
    "portal/domain/logins.py": "family names and their spelling",
    "portal/engine/capitals.py": "figures as Chinese contracts write them out",
    "portal/engine/importing.py": "words that column headings of files use",
    "portal/engine/kinds/dates.py": "relative days, said in one language or the other",
    "portal/engine/kinds/numbers.py": "words that files use for yes and no",
    "portal/engine/mask.py": "what company names and phone numbers end with",
}
"""Modules whose Chinese is data about the language."""


@cache
def kept() -> tuple[Path, ...]:
    """Every file that belongs to the repository, the not yet committed ones too."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return tuple(path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file())


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code(*rooms: str) -> list[Path]:
    return [path for path in kept() if path.suffix == ".py" and name_of(path).startswith(rooms)]


def product() -> list[Path]:
    return code("portal/", "jobs/", "config.py")


def templates() -> list[Path]:
    return [path for path in kept() if path.suffix == ".html" and name_of(path).startswith("portal/templates/")]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def text_of(node: ast.AST) -> str | None:
    """A string, or an f-string with its slots left in place."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def texts(path: Path) -> Iterator[tuple[ast.AST, str]]:
    """The strings of a module: no docstrings, no parts of f-strings, no type of an annotation."""
    skipped: set[int] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Expr):
            skipped.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            skipped.update(id(inner) for part in node.values for inner in (part, *ast.walk(getattr(part, "format_spec", None) or part)))
            skipped.difference_update(
                id(inner) for part in node.values if isinstance(part, ast.FormattedValue) for inner in ast.walk(part.value)
            )
        if id(node) not in skipped and (found := text_of(node)) is not None:
            yield node, found


def lines_with(paths: list[Path], pattern: str) -> list[str]:
    wanted = re.compile(pattern)
    return [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if wanted.search(line)
    ]


# sizes ------------------------------------------------------------------------------------------


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    rooms = ("portal/", "jobs/", "bin/", "bench/", "tests/", "config.py")
    written = [p for p in kept() if p.suffix in {".py", ".html", ".css", ".js", ".sh", ""} and name_of(p).startswith(rooms)]
    assert len(written) > 200
    assert not {name_of(p): n for p in written if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400}


def test_no_function_of_the_product_is_longer_than_forty_lines() -> None:
    """A function that only takes names and keeps them (a decorator's arguments) counts from its body."""
    assert not {
        f"{name_of(path)}:{node.lineno} {node.name}": length
        for path in product()
        for node in ast.walk(tree(path))
        if isinstance(node, _FUNCTION) and (length := (node.end_lineno or 0) - node.body[0].lineno + 1) > 40
    }


def test_every_module_says_what_it_is() -> None:
    modules = [path for path in (*product(), *code("bin/", "bench/", "tests/")) if path.read_text(encoding="utf-8")]
    assert not [name_of(path) for path in modules if not ast.get_docstring(tree(path))]


# words ------------------------------------------------------------------------------------------


def is_pair(text: str) -> bool:
    """Chinese on the left, none on the right; the same facts in both; a half may be nothing but facts."""
    halves = text.split(PAIR)
    if len(halves) != 2 or not all(half.strip() for half in halves):
        return False
    chinese, english = (_SLOT.sub("", half) for half in halves)
    says_it = bool(HAN.search(chinese)) or not re.search(r"[A-Za-z]{2}", chinese)
    return says_it and not HAN.search(english)


def test_texts_say_it_in_chinese_and_english() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno} {text!r}"  # type: ignore[attr-defined]
        for path in product()
        for node, text in texts(path)
        if PAIR in text and text != PAIR and not is_pair(text)
    ]
    assert not wrong


def test_both_halves_tell_the_same_facts() -> None:
    wrong = []
    for path in product():
        for node, text in texts(path):
            if PAIR in text and isinstance(node, ast.Constant) and not {"{zh}", "{en}"} & set(_SLOT.findall(text)):
                chinese, english = (set(_SLOT.findall(half)) for half in text.split(PAIR))
                wrong += [f"{name_of(path)}:{node.lineno} {text!r}"] if chinese != english else []
    assert not wrong


def says_which(node: ast.AST) -> bool:
    """`"…" if zh else "…"`, `{"zh": "…", "en": "…"}`, `zh = "…"`, `say(…, zh="…", en="…")`."""
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "zh" for target in node.targets)
    return isinstance(node, (ast.IfExp, ast.Dict)) or (isinstance(node, ast.keyword) and node.arg == "zh")


def test_chinese_stands_in_a_pair_or_beside_its_english() -> None:
    """Chinese alone is a text that no English reader gets. A choice by language (`"…" if zh else "…"`) is a pair too."""
    alone = []
    for path in product():
        if name_of(path) in LANGUAGE_TABLES or name_of(path).startswith("portal/demo/"):
            continue
        chosen = {id(inner) for node in ast.walk(tree(path)) if says_which(node) for inner in ast.walk(node)}
        alone += [
            f"{name_of(path)}:{node.lineno} {text!r}"  # type: ignore[attr-defined]
            for node, text in texts(path)
            if HAN.search(text) and PAIR not in text and id(node) not in chosen
        ]
    assert not alone


def test_templates_say_it_in_both_languages() -> None:
    wrong = []
    for path in templates():
        for quoted in re.findall(r"""\bt\(\s*(?:"([^"]*)"|'([^']*)')""", path.read_text(encoding="utf-8")):
            text = quoted[0] or quoted[1]
            wrong += [] if is_pair(text) else [f"{name_of(path)}: {text!r}"]
        for line in path.read_text(encoding="utf-8").splitlines():
            bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", line)
            wrong += [f"{name_of(path)}: {bare.strip()!r}"] if HAN.search(bare) else []
    assert not wrong


def test_scripts_hold_no_words_of_their_own() -> None:
    scripts = [path for path in kept() if path.suffix == ".js" and name_of(path).startswith("portal/static/js/")]
    assert scripts
    assert not [line for line in lines_with(scripts, HAN.pattern) if "//" not in line and "*" not in line]


def test_whatever_enters_the_history_is_called_by_words() -> None:
    """A literal that code gives as a history line's verb has a label, or words of its own."""
    domain.load()
    called = {each.name for each in all_verbs()} | set(WORDS)
    given = {
        (name_of(path), word.value)
        for path in product()
        for node in ast.walk(tree(path))
        for key, word in _named_values(node)
        if key in ("verb", "how", "verb_name") and isinstance(word, ast.Constant) and word.value
    }
    assert [f"{path}: {word}" for path, word in sorted(given) if word not in called] == []


def _named_values(node: ast.AST) -> Iterator[tuple[object, ast.expr]]:
    """Key and value of keyword arguments, of entries of literal dictionaries, and of assignments to one."""
    if isinstance(node, ast.Call):
        yield from ((each.arg, each.value) for each in node.keywords)
    elif isinstance(node, ast.Dict):
        yield from ((key.value, value) for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant))
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript) and isinstance(node.targets[0].slice, ast.Constant):
        yield node.targets[0].slice.value, node.value


def test_the_readme_tells_the_same_in_both_languages() -> None:
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))
    block = re.compile(r"^```(?:python|diff|sh)$.*?^```$", re.MULTILINE | re.DOTALL)
    assert block.findall(english) == block.findall(chinese), "code is the same in any language"
    for mark in (r"^#+ ", r"^\d\. "):
        told = [re.findall(mark, re.sub(r"(?ms)^```.*?^```$", "", readme), re.MULTILINE) for readme in (english, chinese)]
        assert len(told[0]) == len(told[1]), mark


# the gate, the commit, the clock ------------------------------------------------------------------


def test_only_the_unit_of_work_commits() -> None:
    """`portal upgrade` is the other one: it runs before there is a portal whose unit of work it could open."""
    found = {line.split(":")[0] for line in lines_with(product(), r"\.commit\(")}
    assert found == {"portal/engine/store.py", "portal/commands/upgrade.py"}


def test_only_the_clock_tells_business_time() -> None:
    """`date.today()`, `datetime.now()`, a column default `now()`: none of them could be moved by a test."""
    pattern = r"datetime\.now\(|utcnow|date\.today\(|\bfunc\.now\(|\"now\(\)\"|CURRENT_TIMESTAMP"
    assert {line.split(":")[0] for line in lines_with(product(), pattern)} == {"portal/engine/clock.py"}


def test_only_what_watches_processes_sleeps() -> None:
    """Everything else is woken: a request or a job that sleeps holds a worker."""
    watching = {"portal/processes.py", "portal/service_place.py", "portal/commands/worker.py", "portal/commands/up.py"}
    assert {line.split(":")[0] for line in lines_with(product(), r"\btime\.sleep\(")} <= watching


def test_owners_change_in_one_place() -> None:
    """Whoever else wants another owner calls `change_owner()`."""
    assert not lines_with(code("portal/web/", "portal/screens/", "jobs/"), r"\.(owner_id|pool_id|team_id) = ")


def test_no_door_asks_for_rows_by_owner() -> None:
    """The gate does, so no view can forget it."""
    assert not lines_with(code("portal/web/", "portal/views.py"), r"\bowner_id ==")


# rooms --------------------------------------------------------------------------------------------


def test_engine_and_web_name_no_record_type() -> None:
    """What people and teams are to the portal itself (`user`, `team`, `pool`) they may know; what is sold they may not."""
    own = {"user", "team", "pool", "tag"}
    sold = set(registry()) - own
    classes = {spec.model.__name__ for spec in registry().values() if spec.name not in own}
    wrong = []
    for path in code("portal/engine/", "portal/web/"):
        for node, text in texts(path):
            if text in sold or re.search(rf"/({'|'.join(sold)})/", text):
                wrong.append(f"{name_of(path)}:{node.lineno} {text!r}")  # type: ignore[attr-defined]
        wrong += [
            f"{name_of(path)}:{n.lineno} {n.attr}" for n in ast.walk(tree(path)) if isinstance(n, ast.Attribute) and n.attr in classes
        ]
    assert not wrong


def test_templates_name_no_record_type() -> None:
    sold = "|".join(sorted(set(registry()) - {"user", "team", "pool", "tag"}))
    generated = [path for path in templates() if path.name in {"list.html", "detail.html", "form.html", "bulk_preview.html", "import.html"}]
    assert generated
    assert not lines_with(generated, rf"""["'/]({sold})["'/]""")


def test_the_table_of_contents_names_every_entity() -> None:
    shown = {getattr(models, name) for name in models.__all__}
    assert not [spec.name for spec in registry().values() if spec.model not in shown]


def test_templates_hold_no_script_and_no_style() -> None:
    """The content security policy refuses them, silently for whoever does not look at the console."""
    inline = r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)(?![^>]*application/json)"
    assert not lines_with(templates(), inline)


def test_templates_ask_the_database_nothing() -> None:
    assert not lines_with(templates(), r"session\.|\.query\(|\.execute\(|select\(")


# the repository -----------------------------------------------------------------------------------


def readable() -> Iterator[tuple[str, str]]:
    for path in kept():
        if path.suffix in {".png", ".jpg", ".ico", ".woff2", ".gz"} or path == Path(__file__):
            continue
        yield name_of(path), path.read_text(encoding="utf-8", errors="replace")


def test_no_file_names_a_machine_or_a_registry() -> None:
    """A lock file with addresses installs nowhere else; a path of one machine is wrong on every other."""
    machine = r"(?<![\w.<])/(?:home|root|Users|work|mnt|srv)/\w+"
    registry_host = r"--(?:extra-)?index-url|--trusted-host|\"resolved\": \"http|registry\.npmjs|pypi\.org/simple"
    named = re.compile(f"{machine}|{registry_host}")
    assert not [f"{name}: {found[0]}" for name, text in readable() if (found := named.search(text))]


def test_no_link_is_kept() -> None:
    """A link points to where one machine keeps something; checked out where it points to, it is a circle."""
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not [line for line in listed.stdout.splitlines() if line.startswith("120000 ")]


def test_nothing_is_left_to_be_done() -> None:
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError|^\s+\.\.\.  # ", re.MULTILINE)
    rooms = ("portal/", "jobs/", "bin/", "bench/", "tests/", "migrations/", "docs/", "README", "CHANGELOG")
    assert not [f"{name}: {found[0]}" for name, text in readable() if name.startswith(rooms) and (found := unfinished.search(text))]


def test_every_requirement_is_locked_by_its_hash() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-node.txt"):
        entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / name).read_text(encoding="utf-8"))
        pinned = [entry for entry in entries if re.match(r"[\w.\[\],-]+==", entry)]
        assert pinned and not [entry.splitlines()[0] for entry in pinned if "--hash=sha256:" not in entry], name


def test_tests_mock_nothing_of_ours() -> None:
    tests = [path for path in code("tests/") if path != Path(__file__)]
    assert not lines_with(tests, r"unittest\.mock|MagicMock|mocker\b")
