"""The shared dress: nothing from elsewhere, nothing unescaped, nothing missing silently."""

import re

import jinja2
import pytest

from beltmark.web.assets import STATIC_FOLDER, TEMPLATE_FOLDER, template_environment


def test_text_in_templates_is_escaped_and_what_is_missing_is_told(tmp_path):
    (tmp_path / "page.html").write_text("<p>{{ told }}</p>")
    (tmp_path / "part.svg").write_text("{{ told }}")
    environment = template_environment(tmp_path)
    for name in ("page.html", "part.svg"):
        assert "<b>" not in environment.get_template(name).render(told="<b>")
    with pytest.raises(jinja2.UndefinedError):
        environment.get_template("page.html").render()


def test_the_parts_own_templates_stand_before_the_shared_ones(tmp_path):
    (tmp_path / "macros.html").write_text("ours")
    assert template_environment(tmp_path).get_template("macros.html").render() == "ours"


def every_asset():
    return sorted([*STATIC_FOLDER.iterdir(), *TEMPLATE_FOLDER.iterdir()])


@pytest.mark.parametrize("path", every_asset(), ids=lambda path: path.name)
def test_no_asset_comes_from_another_host(path):
    text = path.read_text()
    for address in re.findall(r"""["'(](?:https?:)?//[^"')]+""", text):
        assert address[1:] == "http://www.w3.org/2000/svg"
    assert "@import" not in text


@pytest.mark.parametrize("path", sorted(TEMPLATE_FOLDER.iterdir()), ids=lambda path: path.name)
def test_no_template_has_script_or_style_within(path):
    text = path.read_text()
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\ssrc=)", text)
