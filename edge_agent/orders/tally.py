"""How many labels each line of an order has, from the journal: what is committed there counts.

A label that surely did not come out, or is void, gives its place on the order free; one that may
have come out does not.
"""

import contextlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.printing.schema import open_for_reading
from edge_agent.printing.states import PRINT_STATES

_MANY = 500
_FREE = ("failed", "late", "voided")
# Whether an item's label is one that gives its place free, by its newest step that tells.
_STANDS = (
    "coalesce((SELECT substr(what, 7) FROM history WHERE history.item_id = order_items.item_id "
    "AND what IN ("
    + ", ".join(f"'label {state}'" for state in (*PRINT_STATES, "voided"))
    + ") ORDER BY step DESC LIMIT 1), 'decided') NOT IN ("
    + ", ".join(f"'{state}'" for state in _FREE)
    + ")"
)


@dataclass(frozen=True)
class Tally:
    """What a journal holds of orders.

    Attributes:
        counts: Labels by the key of their line.
        recorded: Of the items asked for, those that it knows.
    """

    counts: dict[str, int] = field(default_factory=dict)
    recorded: frozenset[str] = frozenset()


def read_tally(path: Path, order_ids: Collection[str], items: Sequence[str]) -> Tally:
    """Counts the labels of some orders, and looks whether some items are recorded, at one moment.

    Raises:
        InputError: The journal is damaged or none.
        sqlite3.Error: It cannot be read now.
    """
    connection = open_for_reading(path)
    if connection is None:
        return Tally()
    with contextlib.closing(connection):
        connection.execute("BEGIN")
        counts: Counter[str] = Counter()
        for some in _parts(sorted(order_ids)):
            query = f"SELECT line, count(*) FROM order_items WHERE order_id IN ({_marks(some)}) "
            query += f"AND {_STANDS} GROUP BY line"
            counts.update(dict(connection.execute(query, some)))
        recorded: set[str] = set()
        for some in _parts(items):
            query = f"SELECT item_id FROM items WHERE item_id IN ({_marks(some)})"
            recorded.update(item_id for (item_id,) in connection.execute(query, some))
        return Tally(dict(counts), frozenset(recorded))


def _parts(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[i : i + _MANY] for i in range(0, len(values), _MANY)]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
