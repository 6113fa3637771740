"""Where the checkout's parts lie, for the tests that read the repository itself."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "trivium"
DOCS = ROOT / "docs"
TEXT_KINDS = {".py", ".md", ".toml", ".lock", ".sh", ".j2", ".css", ".js", ""}
PURE_ROOMS = ("data", "experiment", "evaluate", "artifact", "release", "monitor", "respond")


def modules() -> list[Path]:
    """List the package's modules."""
    return sorted(SOURCE.rglob("*.py"))


def pages() -> list[Path]:
    """List every page a reader may open."""
    return sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])


def own_files() -> list[Path]:
    """List the text files that are ours: what git would take in, found without git."""
    folders = [ROOT / name for name in ("src", "tests", "docs", "tools", "benchmarks", "requirements", ".ci")]
    inside = [path for folder in folders for path in folder.rglob("*") if "__pycache__" not in path.parts]
    top = [path for path in ROOT.iterdir() if path.name not in {".git"}]
    return sorted(path for path in [*inside, *top] if path.is_file() and path.suffix in TEXT_KINDS)


def blocks(page: Path, language: str) -> list[str]:
    """Cut the fenced code blocks of one language out of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def headings(page: Path) -> list[str]:
    """Read a page's headings of level two and deeper, back-quotes left out."""
    return [line.replace("`", "") for line in re.findall(r"^#{2,} (.+)$", page.read_text(), flags=re.MULTILINE)]
