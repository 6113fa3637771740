"""An HTML page, read strictly: for tests of what the reports hold."""

from html.parser import HTMLParser

VOID = {"meta", "col", "br", "wbr", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page and fails on a tag that is closed out of turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words += data

    def marks(self, name: str) -> int:
        """Count the elements with exactly this class in the figure (the legend has one of each kind shown)."""
        return sum(attrs.get("class") == name for _, attrs in self.tags)
