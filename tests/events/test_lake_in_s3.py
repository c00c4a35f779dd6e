"""The lake in an object store that speaks S3, over HTTP."""

from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
from django.db import connection
from moto.server import ThreadedMotoServer

from redshop.events import partitions
from redshop.events.lake import months
from redshop.events.lake.errors import LakeDiffers
from redshop.events.lake.storage import storage
from tests.events.test_lake import JANUARY, LATER, events, rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "in particular")
    settings.LAKE_URL = "s3://bucket/behaviour"
    settings.LAKE_OPTIONS = {"endpoint_url": f"http://{host}:{port}"}
    storage().files.makedirs("bucket", exist_ok=True)
    yield
    fsspec.filesystem("s3").clear_instance_cache()  # type: ignore[no-untyped-call]
    server.stop()
    with connection.cursor() as cursor:
        for month in [each for each in partitions.months() if each.year < 2026]:
            cursor.execute(f"DROP TABLE {partitions.name_of(month)}")
    partitions._known.clear()


def test_a_month_goes_to_s3_and_comes_back() -> None:
    events(5)
    before = rows()

    months.export(JANUARY, at=LATER)
    gone = months.detach(JANUARY, at=LATER)
    there = storage().files.find("bucket/behaviour")
    back = months.restore(JANUARY, at=LATER)

    assert len([path for path in there if path.endswith(".parquet")]) == len(gone.files) == 4
    assert rows() == before
    assert back.rows == 5


def test_an_object_that_is_gone_is_noticed() -> None:
    events(5)
    row = months.export(JANUARY, at=LATER)
    storage().remove(row.files[1]["path"])

    with pytest.raises(LakeDiffers, match="cannot be read"):
        months.detach(JANUARY, at=LATER)

    assert len(rows()) == 5
