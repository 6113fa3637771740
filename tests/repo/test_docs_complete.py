"""What users meet has its entry in the reference: codes, commands, settings; and what the pages say is there."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import problem_codes
import pytest

from repo.house import DOCS, ROOT, blocks, headings, own_files, pages
from trivium.core import contract, project

REFERENCE = DOCS / "reference"
SECTIONS = {
    kind
    for kind in (*vars(project).values(), *vars(contract).values())
    if isinstance(kind, type)
    and issubclass(kind, contract.Section)
    and kind not in (contract.Section, project._Section)
}
ROOMS_OF_CODES = {
    "ART": ("artifact", "loop"),
    "CLI": ("cli", "loop"),
    "DATA": ("data", "loop"),
    "EVAL": ("evaluate", "loop"),
    "EXP": ("experiment", "core", "loop"),
    "EXPR": ("core",),
    "MON": ("monitor", "loop"),
    "PROJ": ("core", "loop"),
    "REH": ("loop",),
    "REL": ("release", "loop"),
    "RESP": ("respond", "loop"),
    "RUN": ("loop", "cli"),
    "SERVE": ("serve",),
    "SRC": ("loop",),
    "STORE": ("store", "loop"),
    "WEB": ("web",),
}


def commands(app: Any, before: str = "trivium") -> Iterator[str]:
    """Walk the registered commands, groups included, as a user types them."""
    for name in app:
        if not name.startswith("-"):
            yield f"{before} {name}"
            yield from commands(app[name], f"{before} {name}")


def test_each_code_has_its_entry() -> None:
    """The page holds the codes that the source raises, no more, no fewer, each once, in order."""
    raised = sorted({use.code for use in problem_codes.uses()})
    assert problem_codes.headings() == raised


def test_each_entry_says_what_to_do() -> None:
    """No entry leaves a tired person without a next step."""
    page = problem_codes.PAGE.read_text()
    for entry in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        assert "*What to do:* " in entry, entry.splitlines()[0]


def test_docstrings_name_codes_that_are_raised() -> None:
    """A code that a docstring promises is raised somewhere."""
    assert problem_codes.mentions() - {use.code for use in problem_codes.uses()} == set()


def test_a_code_is_raised_in_its_room() -> None:
    """A code's middle word names the room that owns its meaning; `loop` may tell what its stages found."""
    strays = [
        f"{use.path}: {use.code}"
        for use in problem_codes.uses()
        if use.path.partition("/")[0] not in ROOMS_OF_CODES.get(use.code.split("-")[1], ())
    ]
    assert strays == []


def test_the_search_for_codes_sees_each_form(tmp_path: Path) -> None:
    """Keyword, positional and bare codes are found, with the literals beside them."""
    (tmp_path / "room.py").write_text(
        'Problem(code="TV-X-001", what=f"no {name}" + "!", fix="name one")\n'
        'unknown_name("TV-X-002", kind)\n'
        'CODE = "TV-X-003"\n'
    )
    found = problem_codes.uses(tmp_path)
    assert [use.code for use in found] == ["TV-X-001", "TV-X-002", "TV-X-003"]
    assert (found[0].what, found[0].fix) == ("no …!", "name one")


def test_a_draft_takes_its_place() -> None:
    """A missing entry goes between its neighbours, and what stands is left as it is."""
    page = "# Codes\n\n### TV-X-001\n\nOne, by hand.\n\n### TV-X-003\n\nThree.\n"
    whole = problem_codes.completed(page, {"TV-X-002": "### TV-X-002\n\nTwo.\n"})
    assert re.findall(r"TV-X-\d{3}", whole) == ["TV-X-001", "TV-X-002", "TV-X-003"]
    assert whole.startswith("# Codes\n\n### TV-X-001\n\nOne, by hand.\n\n###")
    assert problem_codes.completed(whole, {}) == whole


def test_each_command_has_its_heading() -> None:
    """Every registered command and group is a heading of the command page, and no heading is about a ghost."""
    from trivium.cli.main import application

    page = {heading for heading in headings(REFERENCE / "cli.md") if heading.startswith("trivium ")}
    assert set(commands(application())) ^ page == set()


def test_each_option_is_told() -> None:
    """Every option of a command stands in the command's section."""
    from trivium.cli.commands import COMMANDS
    from trivium.cli.main import application

    page = (REFERENCE / "cli.md").read_text()
    sections = dict(re.findall(r"^#+ (trivium [^\n]+)\n(.*?)(?=^#|\Z)", page, flags=re.MULTILINE | re.DOTALL))
    missing = []
    for command in COMMANDS:
        place = application()
        for name in command.split():
            place = place[name]
        for argument in place.assemble_argument_collection():
            by_place = argument.field_info.is_positional or argument.name == "--because"
            if not by_place and argument.name not in sections[f"trivium {command}"]:
                missing.append(f"{command} {argument.name}")
    assert missing == []


@pytest.mark.parametrize("kind", sorted(SECTIONS, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
def test_each_setting_has_its_row(kind: type[msgspec.Struct]) -> None:
    """Each key of each section of the project file stands in the page's tables, with its true default."""
    page = (REFERENCE / "project-file.md").read_text()
    for field in msgspec.structs.fields(kind):
        row = re.search(rf"^\| `{field.encode_name}` \|(.*)$", section_of(page, kind), flags=re.MULTILINE)
        assert row, f"{kind.__name__}.{field.encode_name} is not in the page"
        if isinstance(field.default, str | int | float) and not isinstance(field.default, bool):
            assert f"`{written(field.default)}`" in row[1], f"{kind.__name__}.{field.encode_name}: {field.default!r}"


def test_each_function_of_an_expression_is_told() -> None:
    """The page of expressions names every function that one may call."""
    from trivium.core.expressions.signatures import FUNCTIONS

    page = (REFERENCE / "expressions.md").read_text()
    assert [name for name in FUNCTIONS if not re.search(rf"`{name}\b", page)] == []


def section_of(page: str, kind: type) -> str:
    """Cut out the page's section about one struct; its heading ends with the struct's name in brackets."""
    parts = re.split(r"^## ", page, flags=re.MULTILINE)
    found = [part for part in parts if part.splitlines()[0].endswith(f"({kind.__name__})")]
    assert len(found) == 1, f"one section must be about {kind.__name__}"
    return found[0]


def written(value: str | float) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_link_resolves(page: Path) -> None:
    """A relative link points at a file that is there, and a fragment at one of its headings."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name} links to {target}"
        if fragment:
            assert fragment in {anchor(heading) for heading in headings(there)}, f"{page.name} links to {target}"


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_toml_block_uses_known_keys(page: Path) -> None:
    """A settings example decodes, and each of its keys is one the project file knows."""
    for block in blocks(page, "toml"):
        raw = tomllib.loads(block)
        if "faults" in raw or "project" in raw:
            continue
        assert list(unknown_keys(raw, project.Project)) == []


def unknown_keys(raw: Any, kind: Any, where: str = "") -> Iterator[str]:
    inner = [part for part in (kind, *get_args(kind)) if part in SECTIONS]
    if isinstance(raw, list):
        for value in raw:
            yield from unknown_keys(value, kind, where)
    elif isinstance(raw, dict) and inner:
        named = getattr(kind, "__origin__", None) is dict
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(inner[0])}
        for key, value in raw.items():
            if not named and key not in fields:
                yield f"{where}.{key}"
            yield from unknown_keys(value, inner[0] if named else fields.get(key), f"{where}.{key}")


def test_an_unknown_key_in_a_block_is_seen() -> None:
    """The search itself would notice, at any depth."""
    raw = tomllib.loads("[tables.t.columns.c]\nmost = 1\n[[checks]]\nelse_ = 'warn'\n[gate]\nleast_rows = 3")
    assert list(unknown_keys(raw, project.Project)) == [".tables.t.columns.c.most", ".checks.else_"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_python_block_compiles(page: Path) -> None:
    """A code example is at least Python."""
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")


def test_each_page_can_be_reached() -> None:
    """Every page under docs/ is linked from the index or from a page that is."""
    reached, open_pages = set(), [DOCS / "index.md"]
    while open_pages:
        page = open_pages.pop()
        reached.add(page)
        links = re.findall(r"\]\(([^)\s#]+\.md)", page.read_text())
        there = {(page.parent / link).resolve() for link in links if "://" not in link}
        open_pages += [path for path in there if path.exists() and path not in reached]
    assert sorted(set(DOCS.rglob("*.md")) - reached) == []


def test_decisions_are_numbered_and_whole() -> None:
    """Decisions count up without a gap, and each has all of its parts."""
    files = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in files] == list(range(1, len(files) + 1))
    parts = ["Status", "Context", "Options", "Decision", "Because", "Costs", "Held by"]
    for path in files:
        assert headings(path) == parts, path.name


def test_what_holds_a_decision_is_there() -> None:
    """The tests that a decision names under "Held by" exist."""
    for path in (DOCS / "decisions").glob("*.md"):
        held = path.read_text().split("## Held by")[1]
        named = re.findall(r"`((?:tests|requirements|tools)/[\w/.-]+)`", held)
        assert named, f"{path.name} names nothing that holds it"
        assert [name for name in named if not (ROOT / name).exists()] == [], path.name


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    """No path of a developer's machine stands in the repository."""
    machine = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/\w|\.pyenv|(?<![\w.])/tmp/env")
    here = Path(__file__).resolve()
    found = Counter(
        path.relative_to(ROOT).as_posix()
        for path in own_files()
        if path != here and machine.search(path.read_text(errors="replace"))
    )
    assert found == {}


def test_locks_name_no_registry() -> None:
    """The locks say what and with which hash, and leave where from to the machine that installs."""
    locks = sorted((ROOT / "requirements").glob("*.lock"))
    assert len(locks) == 3
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text and "index" not in text and "find-links" not in text
        pins = re.findall(r"^\S+==", text, flags=re.MULTILINE)
        assert pins and len(pins) == len(
            re.findall(r" \\\n    --hash=", re.sub(r"(--hash=\S+) \\\n    ", r"\1 ", text))
        )


def test_locks_agree() -> None:
    """What is tested is what the demo runs: the larger lock repeats the smaller one's versions."""
    pins = {
        name: set(re.findall(r"^(\S+==\S+)", (ROOT / "requirements" / f"{name}.lock").read_text(), flags=re.MULTILINE))
        for name in ("demo", "dev")
    }
    assert pins["demo"] <= pins["dev"]
