"""Writes of single entities: what is stored, what is refused, and what history keeps."""

import pytest

from dothi.broker.consume import Consume
from dothi.broker.provision import Provision
from dothi.model.context import core_context
from dothi.model.errors import AlreadyExists, BadRequestData, ResourceNotFound
from dothi.model.query import Name
from dothi.storage.sqlite import SqliteStore

CORE = core_context()
ID = "urn:ngsi-ld:Room:1"
ROOM = CORE.expand("Room")
HEAT = CORE.expand("heat")


def room(**attributes):
    return {"id": ID, "type": "Room", **attributes}


def heat(value, **members):
    return {"type": "Property", "value": value, **members}


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def provision(store):
    return Provision(store)


@pytest.fixture
def consume(store):
    return Consume(store)


async def test_what_is_created_is_there_with_its_times(provision, consume):
    assert await provision.create(room(heat=heat(21.5)), CORE) == ID
    entity = await consume.entity(ID)
    assert entity.types == (ROOM,)
    assert entity.attributes[HEAT]["value"] == 21.5
    assert entity.created == entity.modified == entity.attributes[HEAT]["createdAt"] > 0


async def test_what_exists_is_not_created_again(provision, consume):
    await provision.create(room(heat=heat(1)), CORE)
    with pytest.raises(AlreadyExists, match=ID):
        await provision.create(room(heat=heat(2)), CORE)
    assert (await consume.entity(ID)).attributes[HEAT]["value"] == 1


async def test_an_entity_past_its_expiry_is_not_there_and_may_be_created_again(provision, consume):
    await provision.create(room(expiresAt="2020-01-01T00:00:00Z"), CORE)
    with pytest.raises(ResourceNotFound):
        await consume.entity(ID)
    with pytest.raises(ResourceNotFound):
        await provision.delete(ID)
    await provision.create(room(heat=heat(1)), CORE)
    assert (await consume.entity(ID)).attributes[HEAT]["value"] == 1


async def test_replace_leaves_nothing_of_the_old(provision, consume):
    await provision.create(room(heat=heat(1), name=heat("a")), CORE)
    await provision.replace(ID, {"type": "Room", "heat": heat(2)}, CORE)
    entity = await consume.entity(ID)
    assert set(entity.attributes) == {HEAT}
    assert entity.attributes[HEAT]["value"] == 2


async def test_a_document_of_another_entity_is_refused(provision):
    await provision.create(room(), CORE)
    with pytest.raises(BadRequestData, match="urn:x:2"):
        await provision.replace(ID, {"id": "urn:x:2", "type": "Room"}, CORE)
    with pytest.raises(BadRequestData, match="urn:x:2"):
        await provision.append(ID, {"id": "urn:x:2", "heat": heat(1)}, CORE)


async def test_append_without_overwrite_tells_what_it_left_alone(provision, consume):
    await provision.create(room(heat=heat(1)), CORE)
    result = await provision.append(ID, {"heat": heat(2), "name": heat("a")}, CORE, overwrite=False)
    assert result.updated == (CORE.expand("name"),)
    assert [name for name, _ in result.not_updated] == [HEAT]
    assert (await consume.entity(ID)).attributes[HEAT]["value"] == 1


async def test_update_deletes_by_null(provision, consume):
    await provision.create(room(heat=heat(1), name=heat("a")), CORE)
    await provision.update(ID, {"heat": heat(2), "name": "urn:ngsi-ld:null"}, CORE)
    entity = await consume.entity(ID)
    assert set(entity.attributes) == {HEAT}
    assert entity.attributes[HEAT]["value"] == 2


async def test_merge_keeps_what_it_does_not_name(provision, consume):
    await provision.create(room(heat=heat({"a": 1, "b": 2}, unitCode="CEL")), CORE)
    await provision.merge(ID, {"heat": {"value": {"b": 3}}}, CORE)
    found = (await consume.entity(ID)).attributes[HEAT]
    assert found["value"] == {"a": 1, "b": 3}
    assert found["unitCode"] == "CEL"


async def test_one_attribute_is_updated_replaced_and_deleted(provision, consume):
    await provision.create(room(heat=heat(1, unitCode="CEL")), CORE)
    await provision.update_attribute(ID, "heat", {"value": 2}, CORE)
    assert (await consume.entity(ID)).attributes[HEAT]["unitCode"] == "CEL"
    await provision.replace_attribute(ID, "heat", heat(3), CORE)
    found = (await consume.entity(ID)).attributes[HEAT]
    assert found["value"] == 3
    assert "unitCode" not in found
    await provision.delete_attribute(ID, "heat", CORE)
    assert (await consume.entity(ID)).attributes == {}
    with pytest.raises(ResourceNotFound, match="heat"):
        await provision.delete_attribute(ID, "heat", CORE)


async def test_one_instance_of_many_is_deleted_by_its_dataset(provision, consume):
    await provision.create(room(heat=[heat(1), heat(2, datasetId="urn:d:2"), heat(3, datasetId="urn:d:3")]), CORE)
    await provision.delete_attribute(ID, "heat", CORE, dataset="urn:d:2")
    assert [instance["value"] for instance in (await consume.entity(ID)).attributes[HEAT]] == [1, 3]
    await provision.delete_attribute(ID, "heat", CORE, everything=True)
    assert (await consume.entity(ID)).attributes == {}


async def test_an_entity_of_another_type_is_not_found(provision):
    await provision.create(room(heat=heat(1)), CORE)
    with pytest.raises(ResourceNotFound):
        await provision.update(ID, {"heat": heat(2)}, CORE, where=Name(CORE.expand("Car")))
    await provision.update(ID, {"heat": heat(2)}, CORE, where=Name(ROOM))


async def test_the_past_of_what_is_deleted_stays(provision, consume):
    await provision.create(room(heat=heat(1)), CORE)
    await provision.update(ID, {"heat": heat(2)}, CORE)
    await provision.delete(ID)
    with pytest.raises(ResourceNotFound):
        await consume.entity(ID)
    (history,) = await consume.history([ID], (), None)
    assert [instance.get("value") for instance in history.attributes[HEAT]][:2] == [1, 2]


async def test_a_value_told_again_is_modified_and_remembered(provision, consume):
    await provision.create(room(heat=heat(1)), CORE)
    before = (await consume.entity(ID)).attributes[HEAT]
    await provision.update(ID, {"heat": heat(1)}, CORE)
    after = (await consume.entity(ID)).attributes[HEAT]
    assert after["createdAt"] == before["createdAt"]
    assert after["modifiedAt"] > before["modifiedAt"]
    (history,) = await consume.history([ID], (), None)
    assert [instance["value"] for instance in history.attributes[HEAT]] == [1, 1]


async def test_an_observation_sent_again_is_no_change(provision, store):
    seen = heat(1) | {"observedAt": "2026-01-31T08:00:00Z"}
    await provision.create(room(heat=seen), CORE)
    before = await store.last_seq()
    await provision.update(ID, {"heat": seen}, CORE)
    await provision.append(ID, {"heat": seen}, CORE)
    await provision.replace_attribute(ID, "heat", seen, CORE)
    await provision.merge(ID, {"heat": {"value": 1}}, CORE)
    assert await store.last_seq() == before


async def test_everything_about_an_unknown_entity_is_not_found(provision):
    for call in (
        provision.replace(ID, {"type": "Room"}, CORE),
        provision.append(ID, {"heat": heat(1)}, CORE),
        provision.update(ID, {"heat": heat(1)}, CORE),
        provision.merge(ID, {"heat": heat(1)}, CORE),
        provision.update_attribute(ID, "heat", {"value": 1}, CORE),
        provision.replace_attribute(ID, "heat", heat(1), CORE),
        provision.delete_attribute(ID, "heat", CORE),
        provision.delete(ID),
    ):
        with pytest.raises(ResourceNotFound, match=ID):
            await call
