"""Types and attributes of several cities in one list."""


async def test_types_and_attributes_of_sources_are_listed(cities):
    a, b = await cities("a", "b")
    await a.has("urn:x:1", speed=1)
    await b.has("urn:x:2", brand="Thaco")
    await b.has("urn:t:1", type="Tram", brand="Thaco")
    await b.has("urn:s:1", type="Secret", key="1")
    await a.registers("b", types=["Bus", "Tram"], operations=["redirectionOps"])
    get = a.client.get
    assert (await get("types")).json()["typeList"] == ["Bus", "Tram"]
    described = {each["typeName"]: each["attributeNames"] for each in (await get("types?details=true")).json()}
    assert described == {"Bus": ["brand", "speed"], "Tram": ["brand"]}
    info = (await get("types/Bus")).json()
    assert info["entityCount"] == 2
    assert [each["attributeName"] for each in info["attributeDetails"]] == ["brand", "speed"]
    assert (await get("types/Tram")).json()["entityCount"] == 1
    assert (await get("types/Boat")).status_code == 404
    assert {"brand", "speed"} <= set((await get("attributes")).json()["attributeList"])
    assert (await get("attributes/brand")).json()["attributeCount"] == 2
    assert (await get("types?local=true")).json()["typeList"] == ["Bus"]


async def test_a_source_that_answers_nonsense_is_left_out(cities, net):
    a, _ = await cities("a", "b")
    await a.has("urn:x:1", speed=1)
    await a.registers("b", operations=["redirectionOps"])
    net.says("b", 200, b'{"typeList": 5}')
    answer = await a.client.get("types")
    assert answer.json()["typeList"] == ["Bus"]
    assert answer.headers["ngsild-warning"].startswith("111 ")
