"""Linked entities over HTTP: join flat and inline, pick and omit into them, q into them, and what is refused."""

import pytest

A, B, C = (f"urn:ngsi-ld:{name}:1" for name in ("Bus", "Line", "Operator"))


def value(of):
    return {"type": "Property", "value": of}


def relationship(to, **more):
    return {"type": "Relationship", "object": to, **more}


BUS = {
    "id": A,
    "type": "Bus",
    "speed": value(30),
    "onLine": relationship(B),
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.6, 10.9]}},
}
LINE = {"id": B, "type": "Line", "number": value(7), "operatedBy": relationship(C)}
OPERATOR = {"id": C, "type": "Operator", "name": value("Phương Trinh"), "bestBus": relationship(A)}
LOST = {"id": "urn:ngsi-ld:Bus:2", "type": "Bus", "speed": value(9), "onLine": relationship("urn:ngsi-ld:Line:9")}


@pytest.fixture
async def graph(city):
    for document in (BUS, LINE, OPERATOR, LOST):
        answer = await city.post("entities", json=document)
        assert answer.status_code == 201, answer.text


async def get(city, path, status=200, **headers):
    answer = await city.get(path, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_one_entity_is_joined_flat_and_inline(city, graph):
    assert await get(city, f"entities/{A}?join=flat") == [BUS, LINE]
    assert await get(city, f"entities/{A}?join=flat&joinLevel=10") == [BUS, LINE, OPERATOR]
    inline = await get(city, f"entities/{A}?join=inline&joinLevel=2")
    line = inline["onLine"]["entity"]
    assert line == {**LINE, "operatedBy": {**LINE["operatedBy"], "entity": OPERATOR}}
    assert await get(city, f"entities/{A}?join=@none&joinLevel=2") == BUS


async def test_an_entity_whose_link_leads_nowhere_is_answered_alone(city, graph):
    for join in ("flat", "inline"):
        assert await get(city, f"entities/{LOST['id']}?join={join}") == LOST


async def test_a_page_is_joined_and_its_count_and_links_stay_those_of_the_query(city, graph):
    answer = await city.get("entities?type=Bus&join=flat&joinLevel=2&limit=1&count=true")
    assert answer.json() == [BUS, LINE, OPERATOR]
    assert answer.headers["ngsild-results-count"] == "2"
    assert "offset=1" in answer.headers["link"]
    assert await get(city, "entities?type=Bus&join=inline&options=keyValues&pick=id,onLine") == [
        {"id": A, "onLine": {"id": B, "type": "Line", "number": 7, "operatedBy": C}},
        {"id": LOST["id"], "onLine": "urn:ngsi-ld:Line:9"},
    ]


async def test_a_query_document_asks_for_linked_entities_too(city, graph):
    query = {"type": "Query", "entities": [{"type": "Bus"}], "q": "speed>10", "join": "flat", "joinLevel": 1}
    answer = await city.post("entityOperations/query", json=query)
    assert answer.json() == [BUS, LINE]
    answer = await city.post("entityOperations/query", json={**query, "joinLevel": 3, "containedBy": [C]})
    assert answer.json() == [BUS, LINE]


async def test_pick_and_omit_look_into_linked_entities(city, graph):
    picked = await get(city, f"entities/{A}?join=inline&joinLevel=2&pick=id,onLine{{number,operatedBy{{name}}}}")
    operated = {"type": "Relationship", "object": C, "entity": {"name": OPERATOR["name"]}}
    assert picked["onLine"]["entity"] == {"number": LINE["number"], "operatedBy": operated}
    flat = await get(city, f"entities/{A}?join=flat&joinLevel=2&omit=speed,location,onLine{{operatedBy,type}}")
    assert flat == [{"id": A, "type": "Bus", "onLine": BUS["onLine"]}, {"id": B, "number": LINE["number"]}]


async def test_linked_entities_come_as_features_too(city, graph):
    kind = "application/geo+json"
    flat = await get(city, f"entities/{A}?join=flat", accept=kind)
    assert flat["type"] == "FeatureCollection"
    assert [(each["id"], each["geometry"]) for each in flat["features"]] == [(A, BUS["location"]["value"]), (B, None)]
    inline = await get(city, f"entities/{A}?join=inline", accept=kind)
    assert inline["type"] == "Feature"
    assert inline["properties"]["onLine"]["entity"]["number"] == LINE["number"]
    page = await get(city, "entities?type=Bus&join=flat&limit=1", accept=kind)
    assert [each["id"] for each in page["features"]] == [A, B]


async def test_linked_entities_have_the_language_and_the_times_that_are_asked_for(city, graph):
    await city.post(
        f"entities/{B}/attrs", json={"title": {"type": "LanguageProperty", "languageMap": {"vi": "Tuyến 7", "en": "7"}}}
    )
    inline = await get(city, f"entities/{A}?join=inline&lang=vi&options=sysAttrs")
    line = inline["onLine"]["entity"]
    assert (line["title"]["value"], line["title"]["lang"]) == ("Tuyến 7", "vi")
    assert line["createdAt"]
    assert (await get(city, f"entities/{A}?join=flat", accept="application/ld+json"))[1]["@context"]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("onLine{number}==7", [A]),
        ("onLine{Line:number}>6", [A]),
        ("onLine{Bus:number}>6", []),
        ("onLine{Bus|Line:number}>6", [A]),
        ("onLine{number}!=7", []),
        ("onLine{number}", [A]),
        ('onLine{operatedBy{name}}~="Phương"', [A]),
        ('onLine{operatedBy{Operator:bestBus{speed}}}==30', [A]),
        ("onLine{operatedBy{name.observedAt}}", []),
        ("speed==9|onLine{number}==7", [A, LOST["id"]]),
        ("speed==9;onLine{number}==7", []),
    ],
)  # fmt: skip
async def test_a_query_looks_into_linked_entities(city, graph, q, expected):
    answer = await city.get("entities", params={"type": "Bus", "q": q, "join": "inline", "joinLevel": "3"})
    assert [each["id"] for each in answer.json()] == expected, answer.text


async def test_a_query_does_not_look_into_what_was_deleted(city, graph):
    await city.delete(f"entities/{B}")
    params = {"type": "Bus", "q": "onLine{number}", "join": "flat"}
    assert (await city.get("entities", params=params)).json() == []
    assert await get(city, f"entities/{A}?join=flat") == BUS


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("join=sideways", "write flat, inline or @none"),
        ("join=flat&joinLevel=0", "joinLevel=0 is no whole number from 1 to 10"),
        ("join=flat&joinLevel=11", "joinLevel=11"),
        ("join=flat&joinLevel=two", "joinLevel=two"),
        ("join=flat&containedBy=bus", "containedBy=bus is no URI"),
        ("q=onLine{number}==7", "needs the parameter join"),
        ("q=onLine{operatedBy{name}}&join=flat", "2 links deep, but joinLevel is 1"),
        ("pick=onLine{number}", "needs the parameter join"),
        ("pick=onLine{operatedBy{name}}&join=flat", "pick=onLine{operatedBy{name}} looks 2 links deep"),
        ("omit=onLine{operatedBy{name}}&join=inline&joinLevel=1", "omit=onLine{operatedBy{name}} looks 2 links deep"),
        ("pick=onLine{number&join=flat", "position 14: expected ',' or '}', found the end"),
        ("pick=onLine{}&join=flat", "position 8: expected a name"),
        ("pick=onLine{number}}&join=flat", "position 15: expected ',' or the end"),
        ("pick=id{number}&join=flat", "no braces after id"),
        ("pick=" + "a{" * 11 + "a" + "}" * 11 + "&join=flat&joinLevel=10", "at most 10 levels"),
    ],
)
async def test_what_cannot_be_joined_is_refused_precisely(city, query, part):
    answer = await city.get("entities?type=Bus&" + query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"].endswith("BadRequestData")
    assert part in answer.json()["detail"]


async def test_one_read_serves_a_level_however_many_links_it_has(city, graph, tenants, monkeypatch):
    """A hundred buses on fifty lines of one operator: a page, and two levels behind it."""
    for n in range(50):
        await city.post("entities", json={**LINE, "id": f"urn:ngsi-ld:Line:{100 + n}"})
    for n in range(100):
        bus = {"id": f"urn:ngsi-ld:Van:{n}", "type": "Van", "onLine": relationship(f"urn:ngsi-ld:Line:{100 + n % 50}")}
        await city.post("entities", json=bus)
    store = tenants.default.store
    reads = []
    read = store.entities

    async def counting(query, **options):
        reads.append(query)
        return await read(query, **options)

    monkeypatch.setattr(store, "entities", counting)
    found = await get(city, "entities?type=Van&limit=100&join=inline&joinLevel=2")
    assert len(found) == 100
    assert all(each["onLine"]["entity"]["operatedBy"]["entity"]["id"] == C for each in found)
    assert len(reads) == 3
