"""orderBy over HTTP: keys, directions, collations, distances, pages that fit together, and what is refused."""

import pytest

NAMES = {"1": "Đà", "2": "da", "3": "Bến", "4": "ấp", "5": "Dĩ"}
PLACES = {"1": [106.60, 10.9], "2": [106.64, 10.9], "3": [106.61, 10.9], "4": [106.63, 10.9], "5": [106.62, 10.9]}


@pytest.fixture
async def towns(city):
    for n, name in NAMES.items():
        title = {"type": "LanguageProperty", "languageMap": {"vi": name, "en": "x" + str(9 - int(n))}}
        place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": PLACES[n]}}
        town = {
            "id": f"urn:t:{n}",
            "type": "Town",
            "name": {"type": "Property", "value": name, "rank": {"type": "Property", "value": int(n) % 3}},
            "title": title,
            "location": place,
        }
        answer = await city.post("entities", json=town)
        assert answer.status_code == 201, answer.text
    await city.post("entities", json={"id": "urn:t:6", "type": "Town"})


async def found(city, **parameters):
    answer = await city.get("entities", params={"type": "Town", **parameters})
    assert answer.status_code == 200, answer.text
    return "".join(each["id"][-1] for each in answer.json())


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"orderBy": "name"}, "352146"),
        ({"orderBy": "name", "collation": "vi"}, "432516"),
        ({"orderBy": "name;desc", "collation": "vi"}, "152346"),
        ({"orderBy": "name", "collation": "und"}, "432156"),
        ({"orderBy": "name.rank,name;desc"}, "341256"),
        ({"orderBy": "id;desc"}, "654321"),
        ({"orderBy": "createdAt;desc"}, "654321"),
        ({"orderBy": "title[en]"}, "543216"),
        ({"orderBy": "title", "lang": "en"}, "543216"),
        ({"orderBy": "title", "lang": "vi", "collation": "vi"}, "432516"),
        ({"orderBy": "location;dist-asc", "orderFrom": "[106.6,10.9]"}, "135426"),
        ({"orderBy": "location;dist-desc", "orderFrom": "[106.6,10.9]"}, "245316"),
        (
            {
                "orderBy": "location;dist-asc,id",
                "orderFrom": "[[106.632,10.8],[106.632,11]]",
                "orderGeometry": "LineString",
            },
            "425316",
        ),
        ({"orderBy": "never,id;desc"}, "654321"),
    ],
)  # fmt: skip
async def test_entities_come_in_the_order_asked_for(city, towns, parameters, expected):
    assert await found(city, **parameters) == expected


async def test_pages_of_an_order_fit_together(city, towns):
    pages = [await found(city, orderBy="name.rank", limit="2", offset=offset) for offset in ("0", "2", "4")]
    assert sorted("".join(pages)) == list("123456")
    assert "".join(pages) == await found(city, orderBy="name.rank")


async def test_a_query_document_orders_by_its_ordering(city, towns):
    async def posted(**ordering):
        query = {"type": "Query", "entities": [{"type": "Town"}], "ordering": ordering}
        answer = await city.post("entityOperations/query", json=query)
        return answer.status_code, answer.json()

    status, body = await posted(orderBy=["location;dist-asc"], coordinates=[106.64, 10.9], geometry="Point")
    assert (status, "".join(each["id"][-1] for each in body)) == (200, "245316")
    status, body = await posted(orderBy=["name;asc"], collation="vi")
    assert "".join(each["id"][-1] for each in body) == "432516"
    for wrong in (
        {"orderBy": ["location;dist-asc"]},
        {"orderBy": ["location;dist-asc"], "coordinates": "8,40"},
        {"orderBy": ["id"], "geometry": 5},
        {"orderBy": ["id"], "collation": "not a tag!!"},
        {"orderBy": "id"},
        {"orderBy": []},
        {"collation": "vi"},
        {"orderBy": ["id"], "sort": 1},
    ):
        status, body = await posted(**wrong)
        assert (status, body["type"].rsplit("/", 1)[1]) == (400, "BadRequestData"), wrong


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("orderBy=name;up", "the direction 'up': write one of asc, desc, dist-asc, dist-desc"),
        ("orderBy=name;asc;desc", "the direction 'asc;desc'"),
        ("orderBy=location;dist-asc", "add orderFrom"),
        ("orderBy=location;dist-asc&orderFrom=here", "no JSON array"),
        ("orderBy=location;dist-asc&orderFrom=[10.9,106.6]", "out of range"),
        ("orderBy=location;dist-asc&orderFrom=[106.6,10.9]&orderGeometry=Circle", "'Circle' is not one of"),
        ("orderBy=location[type];dist-asc&orderFrom=[106.6,10.9]", "only a whole GeoProperty has"),
        ("orderBy=name&collation=!!nope", "no collation tag of RFC 6067"),
        ("orderBy=name&collation=ja", "no order is known for the language ja"),
        ("orderBy=1name", "orderBy, position 1: expected an attribute name"),
        ("orderBy=in{name}", "entities are ordered by attributes of their own"),
    ],
)
async def test_an_order_that_cannot_be_is_refused_precisely(city, query, part):
    answer = await city.get("entities?type=Town&" + query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"].endswith("BadRequestData")
    assert part in answer.json()["detail"]
