"""Small pages that must work when nothing else does: signing in, and telling what is wrong."""

import html

from fastapi.responses import HTMLResponse

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Beltmark</title>
<link rel="icon" href="/static/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/beltmark.css">
</head>
<body class="plain">
<header class="top">
<a class="brand" href="/"><img src="/static/mark.svg" alt="" width="26" height="26">Beltmark</a>
</header>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def plain_page(title: str, body: str, status: int = 200, **texts: str) -> HTMLResponse:
    """A page.

    Args:
        title: Its title, as text.
        body: HTML, with places such as {detail} for texts.
        status: The HTTP status.
        texts: The texts; markup in them is shown as text.
    """
    shown = {name: html.escape(text) for name, text in texts.items()}
    content = _PAGE.format(title=html.escape(title), body=body.format(**shown))
    return HTMLResponse(content, status)
