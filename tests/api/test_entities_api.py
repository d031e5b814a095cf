"""Entities over HTTP: create, retrieve, query, replace, merge, delete, in every form."""

import re

import orjson
import pytest

MODELS = "https://smartdatamodels.org/context.jsonld"
LINK = f'<{MODELS}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context"
ID = "urn:ngsi-ld:Room:1"
ROOM = {
    "id": ID,
    "type": "Room",
    "heat": {"type": "Property", "value": 21.5, "unitCode": "CEL", "observedAt": "2026-01-01T00:00:00Z"},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.65, 10.98]}},
    "inside": {"type": "Relationship", "object": "urn:ngsi-ld:Building:1"},
}


@pytest.fixture
async def room(city):
    answer = await city.post("entities", json=ROOM)
    assert answer.status_code == 201, answer.text
    return ROOM


async def test_what_is_posted_comes_back_as_it_was(city):
    answer = await city.post("entities/", json=ROOM)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/ngsi-ld/v1/entities/{ID}"
    answer = await city.get(f"entities/{ID}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == ROOM
    answer = await city.post("entities", json=ROOM)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["type"].endswith("AlreadyExists")


async def test_an_id_with_a_slash_is_found_by_its_location(city):
    answer = await city.post("entities", json={"id": "https://x.org/a b/1".replace(" ", "-"), "type": "Room"})
    assert answer.headers["location"] == "/ngsi-ld/v1/entities/https:%2F%2Fx.org%2Fa-b%2F1"
    answer = await city.get("http://city" + answer.headers["location"])
    assert answer.json()["id"] == "https://x.org/a-b/1"


async def test_names_depend_on_the_context_of_the_request(city):
    document = {"id": ID, "type": "AirQualityObserved", "pm25": {"type": "Property", "value": 9}}
    answer = await city.post("entities", json=document, headers={"link": LINK})
    assert answer.status_code == 201
    answer = await city.get(f"entities/{ID}")
    assert answer.json()["type"].startswith("https://")
    assert CORE in answer.headers["link"]
    answer = await city.get(f"entities/{ID}", headers={"link": LINK})
    assert answer.json() == document
    assert answer.headers["link"] == LINK
    answer = await city.get(f"entities/{ID}", headers={"link": LINK, "accept": "application/ld+json"})
    assert answer.json()["@context"][0] == MODELS
    assert "link" not in answer.headers


async def test_a_context_in_the_body_needs_ld_json_and_a_link_needs_plain_json(city):
    with_context = {**ROOM, "@context": {"heat": "https://x.org/heat"}}
    ld = {"content-type": "application/ld+json"}
    cases = [
        (with_context, {"content-type": "application/json"}, 400),
        (ROOM, ld, 400),
        (with_context, {**ld, "link": LINK}, 400),
        (with_context, ld, 201),
    ]
    for document, headers, status in cases:
        answer = await city.post("entities", content=orjson.dumps(document), headers=headers)
        assert answer.status_code == status, answer.text
    answer = await city.get(f"entities/{ID}")
    assert "https://x.org/heat" in answer.json()


@pytest.mark.parametrize(
    "options", ["options=keyValues", "options=simplified", "format=simplified", "format=keyValues"]
)
async def test_simplified_shows_values_alone(city, room, options):
    answer = await city.get(f"entities/{ID}?{options}")
    assert answer.json()["heat"] == 21.5
    assert answer.json()["inside"] == "urn:ngsi-ld:Building:1"


async def test_concise_and_system_attributes(city, room):
    answer = await city.get(f"entities/{ID}?options=concise,sysAttrs")
    assert answer.json()["heat"].keys() == {"value", "unitCode", "observedAt", "createdAt", "modifiedAt"}
    assert {"createdAt", "modifiedAt"} <= answer.json().keys()


async def test_projections_leave_what_is_asked_for(city, room):
    assert (await city.get(f"entities/{ID}?attrs=heat")).json().keys() == {"id", "type", "heat"}
    assert (await city.get(f"entities/{ID}?pick=id|heat")).json().keys() == {"id", "heat"}
    assert (await city.get(f"entities/{ID}?omit=type,location")).json().keys() == {"id", "heat", "inside"}
    assert (await city.get(f"entities/{ID}?attrs=nothing")).status_code == 404
    assert (await city.get(f"entities/{ID}?pick=nothing")).status_code == 404
    for bad in ("pick=a&omit=a", "pick=a&attrs=b", "pick=a||b", "pick=a{b}"):
        assert (await city.get(f"entities/{ID}?{bad}")).status_code == 400


async def test_geo_json_holds_the_geometry(city, room):
    geo = {"accept": "application/geo+json"}
    answer = await city.get(f"entities/{ID}", headers=geo)
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.json()["geometry"] == ROOM["location"]["value"]
    assert "@context" in answer.json()
    answer = await city.get("entities?type=Room", headers={**geo, "prefer": "body=json"})
    assert answer.json()["type"] == "FeatureCollection"
    assert "@context" not in answer.json()
    assert CORE in answer.headers["link"]
    assert (await city.get(f"entities/{ID}?geometryProperty=location")).status_code == 400


async def test_an_entity_is_asked_for_by_its_type_too(city, room):
    assert (await city.get(f"entities/{ID}?type=Room")).status_code == 200
    assert (await city.get(f"entities/{ID}?type=Car")).status_code == 404
    assert (await city.delete(f"entities/{ID}?type=Car")).status_code == 404


async def test_replace_merge_and_delete(city, room):
    assert (await city.put(f"entities/{ID}", json={"type": "Room", "heat": {"value": {"a": 1}}})).status_code == 204
    assert (await city.get(f"entities/{ID}?format=simplified")).json() == {"id": ID, "type": "Room", "heat": {"a": 1}}
    merge = {"content-type": "application/merge-patch+json"}
    answer = await city.patch(f"entities/{ID}", content=b'{"heat":{"value":{"b":2}}}', headers=merge)
    assert answer.status_code == 204, answer.text
    assert "content-length" not in answer.headers
    assert (await city.patch(f"entities/{ID}?format=simplified", json={"name": "x"})).status_code == 204
    found = (await city.get(f"entities/{ID}?format=simplified")).json()
    assert found == {"id": ID, "type": "Room", "heat": {"a": 1, "b": 2}, "name": "x"}
    assert (await city.delete(f"entities/{ID}")).status_code == 204
    assert (await city.get(f"entities/{ID}")).status_code == 404
    for call in (
        city.put(f"entities/{ID}", json={"type": "R"}),
        city.patch(f"entities/{ID}", json={}),
        city.delete(f"entities/{ID}"),
    ):
        assert (await call).status_code == 404


async def test_a_query_answers_with_the_entities_that_match(city):
    answer = await city.post(
        "entityOperations/create",
        json=[
            {
                "id": f"urn:x:{n}",
                "type": "Room" if n % 2 else "Hall",
                "n": {"type": "Property", "value": n},
                "scope": f"/a/at{n}",
            }
            for n in range(6)
        ],
    )
    assert answer.status_code == 201, answer.text

    async def found(query):
        answer = await city.get(f"entities?{query}")
        assert answer.status_code == 200, answer.text
        return [int(entity["id"][-1]) for entity in answer.json()]

    assert await found("type=Room") == [1, 3, 5]
    assert await found("type=Room,Hall&limit=2&offset=3") == [3, 4]
    assert await found("q=n>2;n<5") == [3, 4]
    assert await found("type=Hall&id=urn:x:0,urn:x:1") == [0]
    assert await found("type=Hall&idPattern=^urn:x:[24]$") == [2, 4]
    assert await found("attrs=n&scopeQ=/a/+&limit=1") == [0]
    assert await found("attrs=none") == []
    assert await found("local=true&limit=2") == [0, 1]
    assert await found("type=*&limit=2") == [0, 1]
    assert await found("type=Hall&orderBy=n;desc") == [4, 2, 0]


async def test_near_finds_what_is_near(city, room):
    near = "type=Room&georel=near;maxDistance==2000&geometry=Point&coordinates="
    assert len((await city.get(f"entities?{near}[106.65,10.99]")).json()) == 1
    assert (await city.get(f"entities?{near}[107.65,10.99]")).json() == []
    answer = await city.get("entities?type=Room&georel=near;maxDistance==2000")
    assert answer.status_code == 400
    assert "without geometry and coordinates" in answer.json()["detail"]


async def test_pages_link_to_one_another_and_count(city):
    await city.post("entityOperations/create", json=[{"id": f"urn:x:{n}", "type": "T"} for n in range(5)])
    seen, next_page = [], "entities?type=T&limit=2&count=true"
    while next_page:
        answer = await city.get(next_page)
        assert answer.headers["ngsild-results-count"] == "5"
        seen += [entity["id"] for entity in answer.json()]
        links = {
            relation: address
            for address, relation in re.findall(
                r'<([^>]*)>;rel="(next|prev)"', ",".join(answer.headers.get_list("link"))
            )
        }
        assert ("prev" in links) == (len(seen) > 2)
        next_page = links.get("next") and "http://city" + links["next"]
    assert seen == [f"urn:x:{n}" for n in range(5)]
    answer = await city.get("entities?type=T&limit=0&count=true")
    assert (answer.json(), answer.headers["ngsild-results-count"]) == ([], "5")


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("", 400, "BadRequestData"),
        ("id=urn:x:1", 400, "BadRequestData"),
        ("attrs=createdAt", 400, "BadRequestData"),
        ("q=modifiedAt>2020-01-01T00:00:00Z", 400, "BadRequestData"),
        ("type=T&csf=))", 400, "BadRequestData"),
        ("type=T&pick=a;b", 400, "BadRequestData"),
        ("type=T&limit=0", 400, "BadRequestData"),
        ("type=T&limit=-1", 400, "BadRequestData"),
        ("type=T&limit=1001", 403, "TooManyResults"),
        ("type=T&id=nothing", 400, "BadRequestData"),
        ("type=T&q=(a", 400, "BadRequestData"),
        ("type=T&idPattern=(", 400, "BadRequestData"),
        ("type=(T", 400, "BadRequestData"),
        ("type=T&unknown=1", 400, "InvalidRequest"),
        ("type=T&options=nonsense", 400, "InvalidRequest"),
        ("type=T&format=sysAttrs", 400, "InvalidRequest"),
        ("type=T&count=maybe", 400, "InvalidRequest"),
        ("type=T&local=maybe", 400, "InvalidRequest"),
        ("type=T&join=sideways", 400, "BadRequestData"),
        ("type=T&orderBy=n;up", 400, "BadRequestData"),
        ("type=T&scopeQ=/a/%23/b", 400, "BadRequestData"),
        ("type=T&q=" + "a;" * 5000 + "a", 403, "TooComplexQuery"),
    ],
)
async def test_a_bad_query_is_refused_precisely(city, query, status, kind):
    answer = await city.get(f"entities?{query}")
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (status, kind), answer.text
    assert answer.json()["detail"]


async def test_a_query_by_post_asks_the_same(city, room):
    async def found(query, **options):
        answer = await city.post("entityOperations/query", json=query, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    whole = await found({"type": "Query", "entities": [{"type": "Room"}]})
    assert whole == [ROOM]
    assert await found({"type": "Query", "entities": [{"id": ID}, {"id": "urn:x:2"}], "attrs": ["heat"]}) != []
    assert await found({"type": "Query", "q": "heat>30"}) == []
    geo = {
        "georel": "within",
        "geometry": "Polygon",
        "coordinates": [[[106, 10], [107, 10], [107, 11], [106, 11], [106, 10]]],
    }
    assert len(await found({"type": "Query", "geoQ": geo, "entities": [{"type": "Room"}, {"type": "Car"}]})) == 1
    assert (await found({"type": "Query", "attrs": "heat"}, params={"options": "keyValues"}))[0]["heat"] == 21.5


@pytest.mark.parametrize(
    "query",
    [
        {"type": "Subscription"},
        {"type": "Query", "entities": []},
        {"type": "Query", "entities": [{"typ": "Room"}]},
        {"type": "Query", "entities": [7]},
        {"type": "Query", "q": 1.5},
        {"type": "Query", "attrs": [1]},
        {"type": "Query", "geoQ": "near"},
        {"type": "Query", "what": 1},
        {"type": "Query"},
        {"type": "Query", "attrs": ["heat"], "temporalQ": {"timerel": "before"}},
    ],
)
async def test_a_bad_query_document_is_refused(city, query):
    answer = await city.post("entityOperations/query", json=query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"].endswith("BadRequestData")
