"""What several tests of the flows stand on."""

from datetime import UTC, datetime
from typing import Final

import pytest

from flows.stages import assess, ingest, publish
from sample_data import hospital
from tests.home import Home

AS_OF: Final = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The sample hospital, one night published; to be read, not changed."""
    home = Home(tmp_path_factory.mktemp("hospital"))
    hospital.write_hospital(home.inbox, 7, 14, AS_OF)
    for path in list(home.inbox.glob("*.csv")):
        path.with_name(path.name + ".done").touch()
    night = home.night(AS_OF, "Europe/London")
    for stage in (ingest, assess, publish):
        stage(night, lambda _: None)
    return home
