"""Expressions of layouts: what they can say, and that they can do no more than that."""

from datetime import datetime, timedelta, timezone

import pytest

from edge_agent.labels.errors import LabelError
from edge_agent.labels.expressions import MAX_TEXT_CHARACTERS, Context, Expression

CONTEXT: Context = {
    "item": {
        "id": "i-7",
        "serial": "S1",
        "decided_at": 1_790_000_000.0,
        "seen": datetime(2026, 9, 21, 23, 30, tzinfo=timezone(timedelta(hours=2))),
        "size_mm": 12.345,
        "number": 42,
    },
    "product": {"name": "{{ item.id }} ^XA", "gtin": "96385074", "empty": "", "nothing": None},
}


def evaluated(source: str) -> str:
    return Expression(source, "layout", "elements.0").evaluate(CONTEXT)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("{{ item.id }}/{{ item.number }}", "i-7/42"),
        ("{{ product.name }}", "{{ item.id }} ^XA"),
        ("{{ item['serial'] | lower }}", "s1"),
        ("{{ product.gtin | gtin14 }}", "00000096385074"),
        ("{{ item.decided_at | date }}", "2026-09-21"),
        ("{{ item.seen | date('%d.%m.%Y %H:%M') }}", "21.09.2026 23:30"),
        ("{{ item.size_mm | decimals(1) }} mm", "12.3 mm"),
        ("{{ item.number | padded(6) }}", "000042"),
        ("{{ product.empty | default('-') }}{{ product.nothing | default('+') }}", "-+"),
        ("{{ product.missing | default('-') }}", "-"),
        ("{{ 'big' if item.size_mm > 10 else 'small' }}", "big"),
    ],
)
def test_what_they_say(source: str, text: str):
    assert evaluated(source) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ item.missing }}",
        "{{ nobody }}",
        "{{ product.nothing }}",
        "{{ product.nothing | upper }}",
        "{{ item }}",
        "{{ item.items }}",
        "{{ item.__class__ }}",
        "{{ item.__class__.__mro__ }}",
        "{{ item.serial | date }}",
        "{{ item.decided_at | date('%9999999Y') }}",
        "{{ item.number | decimals(400) }}",
        "{{ item.number | padded(10000000) }}",
        "{{ item.serial | gtin14 }}",
        "{{ 'a' < 1 }}",
    ],
)
def test_values_that_do_not_suit_are_refused(source: str):
    with pytest.raises(LabelError, match=r"layout: elements\.0"):
        evaluated(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'x' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ range(10) }}",
        "{{ item.serial.upper() }}",
        "{{ ['a'] | join }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ '%1000000000d' | format(1) }}",
        "{% for x in item %}{{ x }}{% endfor %}",
        "{% set x = 1 %}",
        "{% include 'secret' %}",
        "{{ item.serial",
        "{{ }}",
        "{{ item.serial ~ 'x' }}",
    ],
)
def test_more_than_expressions_is_refused_before_any_item(source: str):
    with pytest.raises(LabelError, match=r"layout: elements\.0"):
        Expression(source, "layout", "elements.0")


def test_length_is_bounded():
    long: Context = {"item": {"id": "x" * (MAX_TEXT_CHARACTERS + 1)}}
    with pytest.raises(LabelError, match="1025 characters"):
        Expression("{{ item.id }}", "layout", "elements.0").evaluate(long)


def test_what_is_not_known_of_an_item_is_told_with_its_mend() -> None:
    with pytest.raises(LabelError) as told:
        Expression("{{ order.id }}", "item.toml", "elements.3.text").evaluate({"order": {}})
    assert str(told.value) == (
        "item.toml: elements.3.text: '{{ order.id }}': id is not known of this item "
        "(correct the name, or say what stands there without it: | default('-'))"
    )
