"""List the problem codes that `src/` raises and `docs/reference/problems.md` does not hold yet, ready to paste.

`python tools/problem_codes.py` prints an entry for each missing code, made of the literals at the place that raises
it, and then the codes the page holds in vain; `--write` puts the missing entries into the page, in order. Entries
that stand are never touched: what a code means to a reader may be more than its literals say.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "trivium"
PAGE = ROOT / "docs" / "reference" / "problems.md"
CODE = re.compile(r"TV-[A-Z]+-\d{3}")


@dataclass(frozen=True, slots=True)
class Use:
    """One place that raises a code; `what` and `fix` have `…` where the source puts a value."""

    code: str
    path: str
    line: int
    what: str = ""
    fix: str = ""


def uses(source: Path = SOURCE) -> list[Use]:
    """Find every code that the source writes as a value of its own, in order of code, path and line."""
    found = [
        use for path in sorted(source.rglob("*.py")) for use in _uses_in(path.read_text(), path.relative_to(source))
    ]
    return sorted(found, key=lambda use: (use.code, use.path, use.line))


def mentions(source: Path = SOURCE) -> set[str]:
    """Collect every code that stands anywhere in the source's text, docstrings included."""
    return {code for path in source.rglob("*.py") for code in CODE.findall(path.read_text())}


def headings(page: Path = PAGE) -> list[str]:
    """Read the codes that have a heading in the page, in the page's order."""
    return re.findall(rf"^### ({CODE.pattern})\b", page.read_text(), flags=re.MULTILINE) if page.exists() else []


def _uses_in(text: str, path: Path) -> Iterator[Use]:
    tree = ast.parse(text)
    told: set[str] = set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        words = {keyword.arg: _text(keyword.value) for keyword in call.keywords if keyword.arg}
        given = [_text(argument) for argument in call.args]
        code = words.get("code") or next((text for text in given if CODE.fullmatch(text)), "")
        if not CODE.fullmatch(code):
            continue
        told.add(code)
        after = given[given.index(code) + 1 :] if code in given else []
        if ast.unparse(call.func) == "unknown_name":
            kind = after[0] if after else "name"
            what, fix = f"a {kind} is named that is not known", "use one of the names that are listed, the likest first"
        else:
            what, fix = (after[0], after[-1]) if len(after) > 1 else ("", "")
        yield Use(code, path.as_posix(), call.lineno, words.get("what", what), words.get("fix", fix))
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if CODE.fullmatch(text) and text not in told:
                yield Use(text, path.as_posix(), node.lineno)


def _text(node: ast.expr) -> str:
    """Write a literal as text; what is worked out when it runs becomes `…`."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case ast.IfExp(body=body):
            return _text(body)
    return "…"


def entry(places: list[Use]) -> str:
    """Draft a page entry from the places that raise one code."""
    best = max(places, key=lambda use: (len(use.what) + len(use.fix), use.path))
    what = best.what or "WHAT"
    return f"### {best.code}\n\n{what[0].upper()}{what[1:]}.\n\n*What to do:* {best.fix or 'FIX'}.\n"


def completed(page: str, drafts: dict[str, str]) -> str:
    """Put drafts between the entries of a page, in order of code; what stands before the first entry stays first."""
    opening, *entries = re.split(r"^(?=### )", page, flags=re.MULTILINE)
    held = {text[4:].split()[0]: text.rstrip() + "\n" for text in entries} | drafts
    return "\n".join([opening.rstrip() + "\n", *(held[code] for code in sorted(held))])


def main(arguments: list[str]) -> int:
    """Print or write the missing entries; the exit code tells whether page and source agreed."""
    found = uses()
    held = headings()
    missing = {
        code: entry([use for use in found if use.code == code])
        for code in sorted({use.code for use in found} - set(held))
    }
    vain = sorted(set(held) - {use.code for use in found})
    if "--write" in arguments:
        PAGE.write_text(completed(PAGE.read_text(), missing))
    sys.stdout.write(
        "\n".join([*missing.values(), *(f"{code} has an entry and is raised nowhere" for code in vain), ""])
    )
    return 1 if missing or vain else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
