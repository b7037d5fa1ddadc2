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
