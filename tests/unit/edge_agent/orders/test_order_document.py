"""Orders from outside: read into lines, or refused with the place and the mend."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beltmark.contract.errors import InputError
from edge_agent.orders.document import MAX_BYTES, read_order
from edge_agent.station.expected import MAX_LINES, OrderLine

LINES = (OrderLine("SO-1", "P1", 12, "L7", date(2027, 1, 31)), OrderLine("SO-1", "P2", 1))


def test_csv_and_json_say_the_same() -> None:
    csv = "\ufefforder,sku,quantity,lot,expiry\nSO-1,P1,12,L7,2027-01-31\nSO-1,P2,1,,\n"
    json = (
        '{"format_version": 1, "lines": [{"order": "SO-1", "sku": "P1", "quantity": 12, '
        '"lot": "L7", "expiry": "2027-01-31"}, {"order": "SO-1", "sku": "P2", "quantity": 1}]}'
    )
    assert read_order(csv.encode(), "o.csv") == LINES
    assert read_order(json.encode(), "o.json") == LINES
    assert read_order(b"order,sku,quantity\n", "o.csv") == ()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"order,sku,quantity\nSO-1,P1,-1\n", "o: line 2: quantity: "),
        (b"order,sku,quantity\nSO-1,P1,9999999\n", "o: line 2: quantity: "),
        (b"order,sku,quantity,price\nSO-1,P1,1,5\n", "o: line 2: price: unknown field"),
        (b"sku,quantity\nP1,1\n", "o: line 2: order: missing"),
        (b"order,sku,quantity,lot\nSO-1,P1,1,^XA~JA\x07\n", "o: line 2: lot: "),
        (b'order,sku,quantity\n"SO-1,P1,1\n', "not valid CSV"),
        (b"order,sku,quantity\nSO-1,P1,1,2\n", "more values than columns"),
        (b"", "empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"{", "not valid JSON"),
        (b'{"lines": [{"order": "A", "sku": "P", "quantity": 1.5}]}', "lines.0.quantity"),
        (b'{"format_version": 2, "lines": []}', "format_version"),
        (b"x" * (MAX_BYTES + 1), "larger than"),
        (b"order,sku,quantity\n" + b"A,B,1\n" * (MAX_LINES + 1), "more than 10000 lines"),
    ],
)
def test_what_cannot_be_used_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(InputError) as refused:
        read_order(content, "o")
    assert told in str(refused.value)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_no_content_is_a_traceback(content: bytes) -> None:
    try:
        lines = read_order(content, "o")
    except InputError:
        return
    assert all(line.order_id.isprintable() and line.sku.isprintable() for line in lines)
