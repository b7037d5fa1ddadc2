"""Where the pages' style sheet, script and shared templates lie, and how templates are read.

What stands on the pages is left to the parts; `templates/base.html` says what they give it.
"""

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from beltmark.web.wording import count, percent, size

_HERE: Final = Path(__file__).parent
STATIC_FOLDER: Final = _HERE / "static"
TEMPLATE_FOLDER: Final = _HERE / "templates"


def template_environment(*folders: Path) -> Environment:
    """Templates of a part, and the shared ones. All text in them is escaped; none is missing.

    Args:
        folders: Where the part's own templates lie.
    """
    environment = Environment(
        loader=FileSystemLoader([*folders, TEMPLATE_FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(count=count, percent=percent, size=size)
    return environment
