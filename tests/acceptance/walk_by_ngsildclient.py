"""A walk through the broker by ngsildclient, which knows nothing of dothi; runs where that library is installed.

Arguments: port of the broker, address of a receiver of notifications. Fails at the first surprise.
"""

from __future__ import annotations

import sys
from typing import Any

from ngsildclient import Client, Entity, SubscriptionBuilder
from ngsildclient.api.exceptions import NgsiAlreadyExistsError, NgsiResourceNotFoundError


def station(number: int, no2: float) -> Any:
    entity = Entity("AirQualityObserved", f"station{number}")
    entity.tprop("dateObserved", "2026-11-25T08:00:00Z")
    entity.prop("no2", no2, unitcode="GQ").loc(11.0 + number / 100, 106.6)
    return entity.rel("refDevice", "Device:d1")


def walk(client: Any, receiver: str) -> None:
    one_by_one(client)
    in_batches(client)
    asked(client)
    subscribed(client, receiver)
    remembered(client)
    client.purge()
    assert client.count(q="no2>=0") == 0


def one_by_one(client: Any) -> None:
    first = station(1, 21)
    assert client.create(first)
    try:
        client.create(first)
    except NgsiAlreadyExistsError:
        pass
    else:
        raise AssertionError("an entity could be created twice")
    assert client.exists(first)
    assert without_context(client.get(first)) == without_context(first)
    first["no2"]["value"] = 22
    assert client.update(first)
    assert client.get(first)["no2"]["value"] == 22
    assert client.upsert(first)
    assert client.delete(first)
    assert not client.exists(first)
    try:
        client.get(first)
    except NgsiResourceNotFoundError:
        return
    raise AssertionError("an entity is there after it was deleted")


def without_context(entity: Any) -> dict[str, Any]:
    """The broker may name the core context by its version; all else comes back as it was sent."""
    return {name: value for name, value in entity.to_dict().items() if name != "@context"}


def in_batches(client: Any) -> None:
    many = [station(number, number * 10) for number in range(1, 8)]
    created = client.create(many)
    assert (created.ok, created.n_ok) == (True, 7), created
    again = client.create([*many, station(8, 80)])
    assert (again.n_ok, again.n_err) == (1, 7), again
    for entity in many:
        entity["no2"]["value"] += 1
    assert client.upsert(many).ok
    assert client.update(many[:3]).ok
    assert client.delete([station(8, 80)]).ok


def asked(client: Any) -> None:
    assert client.count("AirQualityObserved") == 7
    assert {entity.id for entity in client.query("AirQualityObserved", q="no2>50")} == {
        f"urn:ngsi-ld:AirQualityObserved:station{number}" for number in (5, 6, 7)
    }
    assert len(client.query_head("AirQualityObserved", n=2)) == 2
    paged = list(client.query_generator("AirQualityObserved", limit=3))
    assert len(paged) in (3, 7), paged  # a batch at a time, or one by one, as the library's version has it
    assert "AirQualityObserved" in str(client.types.list())
    assert client.contexts.list() is not None


def subscribed(client: Any, receiver: str) -> None:
    wanted = (
        SubscriptionBuilder(receiver).description("of no2").select_type("AirQualityObserved").watch(["no2"]).build()
    )
    id = client.subscriptions.create(wanted)
    assert client.subscriptions.exists(id)
    assert [each["id"] for each in client.subscriptions.list("of no2")] == [id]
    entity = station(1, 99)
    assert client.upsert(entity)
    assert client.subscriptions.delete("of no2")
    assert not client.subscriptions.exists(id)


def remembered(client: Any) -> None:
    told = client.temporal.get(station(2, 0), attrs=["no2"], verbose=True)
    assert told["no2"], told


if __name__ == "__main__":
    with Client("127.0.0.1", int(sys.argv[1]), verbose=False) as one:
        walk(one, sys.argv[2])
    print("walked")
