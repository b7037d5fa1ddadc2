"""Fixtures that every part's tests share."""

from pathlib import Path

import pytest
from fleet_database import database_url, fleet_engine, postgresql  # noqa: F401 - fixtures
from label_studio_server import label_studio  # noqa: F401 - fixture
from mqtt_brokers import broker, mosquitto  # noqa: F401 - fixtures

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photographs beside the project; the test skips where it is missing."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data is not on this machine (looked for {folder})")
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Lets tests of one `xdist_group` go to one worker.

    pytest-xdist 3.8 writes the group where pytest 9.2 no longer reads a test's name from, so that
    with these two no group holds. Goes when a release of pytest-xdist does it.
    """
    for item in items if getattr(config.option, "loadgroup", False) else ():
        mark = item.get_closest_marker("xdist_group")
        ending = "" if mark is None else f"@{mark.args[0]}"
        if hasattr(item, "_id") and not item.nodeid.endswith(ending):
            item._id = type(item._id).parse(item.nodeid + ending)
