"""Where results are posted, as the station file says it."""

import pytest

from beltmark.contract.errors import InputError
from edge_agent.warehouse.section import parse_url


def test_an_address_is_http() -> None:
    assert parse_url("https://wms.example/results?site=1").hostname == "wms.example"


@pytest.mark.parametrize(
    "url", ["wms", "mqtt://wms", "http://", "http://wms:99999", "http://me:secret@wms", "http://["]
)
def test_what_is_none_is_told_without_its_password(url: str) -> None:
    with pytest.raises(InputError) as told:
        parse_url(url)
    assert told.value.field == "warehouse.url"
    assert "secret" not in str(told.value)
