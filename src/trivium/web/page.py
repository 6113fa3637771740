"""How a page is filled: the templates of this folder, every text escaped, a name that is missing told."""

from typing import TYPE_CHECKING

from trivium.web import words

if TYPE_CHECKING:
    from jinja2 import Template


def template(name: str, *, filters: tuple[str, ...]) -> "Template":
    """Load a template; `filters` are the functions of `words` that it may call."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("trivium.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(words, name) for name in filters}
    return environment.get_template(name)
