"""Linked entities that other cities hold: joined as those from here, and left out where they cannot be had."""

BUS = {
    "id": "urn:x:bus",
    "type": "Bus",
    "onLine": {"type": "Relationship", "object": "urn:x:line"},
    "atStop": {"type": "Relationship", "object": "urn:x:stop"},
}


async def a_city_with_a_line_elsewhere(cities):
    a, b = await cities("a", "b")
    answer = await a.client.post("entities", json=BUS)
    assert answer.status_code == 201
    await b.has("urn:x:line", type="Line", number=7)
    await b.has("urn:x:stop", type="Stop", name="Bến xe")
    await a.registers("b", types=["Line", "Stop"])
    return a


async def test_a_linked_entity_of_another_city_is_joined(cities, net):
    a = await a_city_with_a_line_elsewhere(cities)
    answer = await a.client.get("entities/urn:x:bus", params={"join": "flat"})
    assert [each["id"] for each in answer.json()] == ["urn:x:bus", "urn:x:line", "urn:x:stop"]
    assert answer.json()[1]["number"]["value"] == 7
    bus, links = net.to("b")
    assert bus.url.path.endswith("urn:x:bus")
    assert links.url.params["id"] == "urn:x:line,urn:x:stop"
    answer = await a.client.get("entities", params={"type": "Bus", "join": "inline", "options": "keyValues"})
    assert answer.json()[0]["onLine"] == {"id": "urn:x:line", "type": "Line", "number": 7}


async def test_only_local_entities_are_joined_where_that_is_asked(cities):
    a = await a_city_with_a_line_elsewhere(cities)
    answer = await a.client.get("entities/urn:x:bus", params={"join": "inline", "local": "true"})
    assert answer.json() == BUS


async def test_a_dead_city_leaves_the_relationship_as_it_is_and_is_told(cities, net):
    a = await a_city_with_a_line_elsewhere(cities)
    net.silent("b")
    answer = await a.client.get("entities/urn:x:bus", params={"join": "inline"})
    assert (answer.status_code, answer.json()) == (200, BUS)
    assert "ngsild-warning" in answer.headers


async def test_a_q_over_relationships_counts_once_all_entities_are_together(cities):
    a = await a_city_with_a_line_elsewhere(cities)
    asked = {"type": "Bus", "splitEntities": "true", "join": "flat", "joinLevel": "1"}
    for q, ids in (("onLine{number}==7", ["urn:x:bus"]), ("onLine{number}==8", []), ("noLine{number}==7", [])):
        answer = await a.client.get("entities", params={**asked, "q": q})
        assert answer.status_code == 200, answer.text
        assert [each["id"] for each in answer.json()][:1] == ids
