"""Batches: one unit of work, and one bad element keeps no other out."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dothi.broker.batch import Batches
from dothi.broker.consume import Consume
from dothi.model.context import core_context
from dothi.model.errors import AlreadyExists, BadRequestData, LdContextNotAvailable, ResourceNotFound
from dothi.model.query import EntityQuery, Name
from dothi.storage.sqlite import SqliteStore

CORE = core_context()
ROOM = CORE.expand("Room")
HEAT = CORE.expand("heat")
MASS = CORE.expand("mass")


def element(number, **attributes):
    return {"id": f"urn:x:{number}", "type": "Room", **attributes}, CORE


def value(number):
    return {"type": "Property", "value": number}


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def batches(store):
    return Batches(store)


async def state(store):
    page = await Consume(store).entities(EntityQuery(types=Name(ROOM), limit=100_000))
    return {entity.id: {name: found["value"] for name, found in entity.attributes.items()} for entity in page.entities}


async def test_ten_thousand_with_one_bad_among_them_are_stored_but_for_that_one(batches, store):
    elements = [element(number, heat=value(number)) for number in range(10_000)]
    elements[4711] = ({"id": "urn:x:4711", "type": "Room", "heat": {"type": "Property"}}, CORE)
    result = await batches.create(elements)
    assert [id for id, _ in result.errors] == ["urn:x:4711"]
    assert "heat" in result.errors[0][1].detail
    assert len(result.created) == 9_999
    assert await store.count(EntityQuery(types=Name(ROOM))) == 9_999


async def test_every_kind_of_fault_has_its_place_in_the_result(batches):
    await batches.create([element(1)])
    unavailable = LdContextNotAvailable("no such host")
    result = await batches.create(
        [
            element(1),
            element(2),
            ({"id": 5, "type": "Room"}, CORE),
            ({"id": "urn:x:4"}, CORE),
            (element(3)[0], unavailable),
        ]
    )
    assert result.succeeded == ["urn:x:2"]
    kinds = {id: type(problem) for id, problem in result.errors}
    assert kinds == {
        "urn:x:1": AlreadyExists,
        None: BadRequestData,
        "urn:x:4": BadRequestData,
        "urn:x:3": LdContextNotAvailable,
    }


async def test_an_id_that_stands_twice_is_written_in_order(batches, store):
    result = await batches.upsert([element(1, heat=value(1)), element(1, mass=value(2))], update=True)
    assert result.created == ["urn:x:1"]
    assert result.succeeded == ["urn:x:1", "urn:x:1"]
    assert await state(store) == {"urn:x:1": {HEAT: 1, MASS: 2}}
    result = await batches.create([element(2), element(2)])
    assert [type(problem) for _, problem in result.errors] == [AlreadyExists]


async def test_upsert_replaces_unless_it_is_told_to_update(batches, store):
    await batches.upsert([element(1, heat=value(1), mass=value(1))])
    await batches.upsert([element(1, heat=value(2))], update=True)
    assert await state(store) == {"urn:x:1": {HEAT: 2, MASS: 1}}
    result = await batches.upsert([element(1, heat=value(3))])
    assert result.created == []
    assert await state(store) == {"urn:x:1": {HEAT: 3}}


async def test_update_without_overwrite_reports_the_entities_it_left_partly_alone(batches, store):
    await batches.create([element(1, heat=value(1)), element(2)])
    result = await batches.update(
        [element(1, heat=value(2), mass=value(2)), element(2, heat=value(2)), element(3)], overwrite=False
    )
    assert result.succeeded == ["urn:x:2"]
    assert {id: type(problem) for id, problem in result.errors} == {
        "urn:x:1": BadRequestData,
        "urn:x:3": ResourceNotFound,
    }
    assert await state(store) == {"urn:x:1": {HEAT: 1, MASS: 2}, "urn:x:2": {HEAT: 2}}


async def test_merge_and_delete_report_what_is_not_there(batches, store):
    await batches.create([element(1, heat=value({"a": 1}))])
    result = await batches.merge([element(1, heat={"value": {"b": 2}}), element(2)])
    assert [id for id, _ in result.errors] == ["urn:x:2"]
    assert await state(store) == {"urn:x:1": {HEAT: {"a": 1, "b": 2}}}
    result = await batches.delete(["urn:x:1", "urn:x:2", "urn:x:1"])
    assert result.succeeded == ["urn:x:1"]
    assert [id for id, _ in result.errors] == ["urn:x:2", "urn:x:1"]
    assert await state(store) == {}


elements = st.lists(
    st.tuples(st.integers(0, 3), st.dictionaries(st.sampled_from(["heat", "mass"]), st.integers(0, 3))), max_size=8
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(elements, st.booleans())
async def test_a_batch_does_what_its_elements_would_do_one_by_one(batches, store, drawn, update):
    await batches.delete([f"urn:x:{number}" for number in range(4)])
    expected = {}
    for number, attributes in drawn:
        given_now = {CORE.expand(name): given for name, given in attributes.items()}
        known = expected.get(f"urn:x:{number}", {}) if update else {}
        expected[f"urn:x:{number}"] = known | given_now
    documents = [
        element(number, **{name: value(given) for name, given in attributes.items()}) for number, attributes in drawn
    ]
    await batches.upsert(documents, update=update)
    assert await state(store) == expected
