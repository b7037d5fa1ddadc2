"""Words a shift's accounts: lines of text, a JSON object, a page. What they are is `books`'."""

from collections.abc import Iterator, Mapping
from html import escape

from edge_agent.accounts.books import Books, CounterCheck
from edge_agent.accounts.period import Period

NOT_FITTED = "not fitted"


def told_text(station: str, period: Period, books: Books) -> Iterator[str]:
    """Yields the report line by line."""
    yield f"station {station}, {period.begin:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M %Z}"
    yield ""
    for title, total, parts in _identities(books):
        yield f"{title:<22} {total:>7}"
        for name, number in parts.items():
            yield f"  {name:<20} {number:>7}"
    yield f"{'photo-eye':<22} {_eye(books):>7}"
    yield f"{'printer counter':<22} {told_counter(books.counter)}"
    yield ""
    differences = books.differences()
    yield "the books balance" if not differences else "the books do not balance"
    for difference in differences:
        yield f"  {difference}"


def as_json(station: str, period: Period, books: Books) -> Mapping[str, object]:
    """Returns the report as a JSON object."""
    check = books.counter
    return {
        "version": 1,
        "station": station,
        "from": period.begin.timestamp(),
        "to": period.end.timestamp(),
        "passed": books.passed,
        **books.accounts,
        "printed": books.printed,
        **books.uses,
        "unsettled": books.unsettled,
        "photo_eye": books.photo_eye,
        "printer_counter": {
            "first": check.first,
            "last": check.last,
            "counted": check.counted,
            "ordered": check.ordered,
            "unknown": check.unknown,
            "resets": check.resets,
        },
        "differences": list(books.differences()),
        "balances": not books.differences(),
    }


def as_page(station: str, period: Period, books: Books) -> str:
    """Returns the report as one HTML page, for a folder of reports or for printing."""
    rows = "\n".join(
        f"<tr class=sum><th>{title}<td>{total}</tr>\n"
        + "\n".join(f"<tr><th>{name}<td>{number}</tr>" for name, number in parts.items())
        for title, total, parts in _identities(books)
    )
    differences = books.differences()
    verdict = "The books do not balance" if differences else "The books balance"
    listed = "".join(f"<li>{escape(told)}</li>" for told in differences)
    name = escape(station)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Shift report, {name}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem; max-width: 40rem; color: #1d2329 }}
th {{ text-align: left; font-weight: normal; padding: 0 2rem 0 1rem }}
td {{ text-align: right; font-variant-numeric: tabular-nums }}
.sum th, .sum td {{ font-weight: bold; padding-top: .6rem; padding-left: 0 }}
</style>
<h1>Shift report: {name}</h1>
<p>{period.begin:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M %Z}</p>
<p><strong>{verdict}.</strong></p>
<ul>{listed}</ul>
<table>
{rows}
<tr class=sum><th>photo-eye<td>{_eye(books)}</tr>
</table>
<p>Printer counter: {escape(told_counter(books.counter))}</p>
</html>
"""


def told_counter(check: CounterCheck) -> str:
    """Returns what the printer's counter says, in words."""
    if check.first is None:
        return "not known in this time"
    told = f"{check.first} to {check.last}: {check.counted} counted, {check.ordered} ordered"
    if check.unknown:
        told += f", {check.unknown} unknown"
    return told


def _identities(books: Books) -> Iterator[tuple[str, int, dict[str, int]]]:
    accounts = {name: number for name, number in books.accounts.items() if name != "open"}
    under_way = {"still under way": books.accounts["open"]} if books.accounts["open"] else {}
    yield "passed", books.passed, {**accounts, **under_way}
    yield "printed", books.printed, dict(books.uses)


def _eye(books: Books) -> str:
    return NOT_FITTED if books.photo_eye is None else str(books.photo_eye)
