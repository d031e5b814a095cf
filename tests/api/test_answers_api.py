"""What answers tell beside their content: the @context, the links to other pages, the version they conform to."""

import pytest

LD = {"accept": "application/ld+json"}


def rooms(*names):
    return [{"id": f"urn:x:{name}", "type": "Room", "heat": {"type": "Property", "value": 1}} for name in names]


def link(address):
    return {"link": f'<{address}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}


async def hosted(city, context):
    answer = await city.post("jsonldContexts", json={"@context": context})
    return "http://city" + answer.headers["location"]


async def test_a_context_that_holds_the_core_context_stands_alone_in_the_body(city):
    await city.post("entityOperations/create", json=rooms("a"))
    core = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
    whole = await hosted(city, [{"warmth": "https://uri.etsi.org/ngsi-ld/default-context/heat"}, core])
    shown = (await city.get("entities/urn:x:a", headers=LD | link(whole))).json()
    assert (shown["@context"], "warmth" in shown) == (whole, True)
    bare = await hosted(city, {"warmth": "https://uri.etsi.org/ngsi-ld/default-context/heat"})
    shown = (await city.get("entities/urn:x:a", headers=LD | link(bare))).json()
    assert shown["@context"][0] == bare
    assert "ngsi-ld-core-context" in shown["@context"][1]


@pytest.mark.parametrize("media", ["application/json", "application/ld+json"])
async def test_links_to_other_pages_are_of_the_media_type_of_this_one(city, media):
    await city.post("entityOperations/create", json=rooms("a", "b", "c"))
    answer = await city.get("entities?type=Room&limit=1&offset=1", headers={"accept": media})
    pages = [each for each in answer.headers.get_list("link") if 'rel="next"' in each or 'rel="prev"' in each]
    assert len(pages) == 2
    assert all(f'type="{media}"' in each for each in pages)


async def test_who_prefers_a_version_is_told_which_one_the_answer_has(city):
    await city.post("entityOperations/create", json=rooms("a"))
    answer = await city.get("entities/urn:x:a", headers={"prefer": "ngsi-ld=1.9"})
    assert answer.headers["preference-applied"] == "ngsi-ld=1.9"
    assert "preference-applied" not in (await city.get("entities/urn:x:a")).headers


async def test_selectors_of_different_kinds_choose_together(city):
    await city.post("entityOperations/create", json=[*rooms("a", "b", "c1"), {"id": "urn:x:d", "type": "Car"}])
    selectors = [{"type": "Car"}, {"type": "Room", "id": "urn:x:a"}, {"type": "*", "idPattern": "c[0-9]$"}]
    answer = await city.post(
        "entityOperations/query", json={"type": "Query", "entities": selectors}, params={"count": "true"}
    )
    assert [entity["id"] for entity in answer.json()] == ["urn:x:a", "urn:x:c1", "urn:x:d"]
    assert answer.headers["ngsild-results-count"] == "3"
    bad = await city.post("entityOperations/query", json={"type": "Query", "entities": [{"type": "A"}, {"id": "no"}]})
    assert bad.status_code == 400


async def test_a_patch_without_an_id_is_no_method_of_the_subscriptions(city):
    answer = await city.patch("subscriptions/", json={"isActive": False})
    assert answer.status_code == 405
    assert "PATCH" not in answer.headers["allow"]
    assert (await city.patch("entities/", json={"heat": 1})).status_code == 400


async def test_a_temporal_query_leaves_out_entities_without_an_instance_of_the_datasets(city):
    seen = {"type": "Property", "value": 1, "observedAt": "2026-01-01T00:00:00Z"}
    await city.post("temporal/entities", json={"id": "urn:x:a", "type": "Room", "heat": [seen]})
    query = "temporal/entities?type=Room&timerel=after&timeAt=2025-01-01T00:00:00Z"
    assert [entity["id"] for entity in (await city.get(query)).json()] == ["urn:x:a"]
    assert (await city.get(f"{query}&datasetId=urn:d:1")).json() == []
    assert len((await city.get(f"{query}&datasetId=@none")).json()) == 1


async def test_who_prefers_an_earlier_version_gets_entities_as_that_version_knew_them(city):
    kind = {"type": "VocabProperty", "vocab": "fast"}
    await city.post("entities", json={"id": "urn:ngsi-ld:V:1", "type": "V", "scope": "/a", "kind": kind})
    for path in ("entities/urn:ngsi-ld:V:1", "entities?type=V"):
        answer = await city.get(path, headers={"Prefer": "ngsi-ld=1.3"})
        assert (answer.status_code, answer.headers["preference-applied"]) == (203, "ngsi-ld=1.3")
        entity = answer.json()[0] if "?" in path else answer.json()
        assert entity["kind"] == {"type": "Property", "value": "fast"}
        assert "scope" not in entity
        again = await city.get(path)
        assert (again.status_code, "preference-applied" in again.headers) == (200, False)
        assert "VocabProperty" in again.text
    answer = await city.get("entities/urn:ngsi-ld:V:1", headers={"Prefer": "ngsi-ld=1.8"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "ngsi-ld=1.8")
