"""What holds for every entity: lossless formats, laws of merging and replacing, and agreement with PyLD."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld

from dothi.model import patch
from dothi.model.attribute import CREATE, FEED, MERGE, MERGE_SIMPLIFIED, PARTIAL, UPDATE
from dothi.model.context import core_context
from dothi.model.entity import VALUE_MEMBER, Attributes, Entity, each_instance, instances
from dothi.model.errors import BadRequestData
from dothi.model.merge import merge, merged_value
from dothi.model.packaged import core_terms
from dothi.model.parse import parse_attribute, parse_entity, parse_fragment
from dothi.model.represent import Representation, represent

CORE = core_context()
NULL = "urn:ngsi-ld:null"
LAW = settings(max_examples=40, deadline=None)
NGSI_LD = "https://uri.etsi.org/ngsi-ld/"

names = st.sampled_from(["temperature", "title", "tốc_độ", "max.speed", "mode", "http://example.org/a#b"])
keys = st.sampled_from(["street", "city", "type", "value", "object", "observedAt", "x", "urn:x:y", "dataset"])
uris = st.sampled_from(["urn:x:1", "urn:ngsi-ld:Bus:Bình-Dương", "http://example.org/a?b=c"])
scalars = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), st.floats(-1e9, 1e9), st.text(max_size=5))
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)
property_values = json_values.filter(lambda value: value != NULL)
times = st.sampled_from(["2026-01-31T08:00:00Z", "2026-01-31T08:00:00.25Z", "1999-12-31T23:59:59Z"])
positions = st.tuples(st.integers(-180, 180), st.integers(-90, 90)).map(list)
geometries = st.builds(lambda at: {"type": "Point", "coordinates": at}, positions) | st.builds(
    lambda path: {"type": "LineString", "coordinates": path}, st.lists(positions, min_size=2, max_size=3)
)
terms = st.sampled_from(["male", "DateTime", "ngsi-ld:x", "http://example.org/c"])
one_or_more_terms = terms | st.lists(terms, min_size=2, max_size=3, unique=True)
languages = st.dictionaries(st.sampled_from(["vi", "en", "fr-CH", "@none"]), st.text(max_size=5), min_size=1)
VALUES = {
    "Property": property_values,
    "GeoProperty": geometries,
    "Relationship": uris | st.lists(uris, min_size=2, max_size=3, unique=True),
    "LanguageProperty": languages,
    "VocabProperty": one_or_more_terms,
    "JsonProperty": st.dictionaries(keys, json_values | st.none(), max_size=3),
    "ListProperty": st.lists(property_values, max_size=3),
    "ListRelationship": st.lists(st.builds(lambda uri: {"object": uri}, uris), max_size=3),
}


@st.composite
def bodies(draw: Any, depth: int = 0) -> dict[str, Any]:
    """One instance in normalized form."""
    kind = draw(st.sampled_from(sorted(VALUES)))
    body = {"type": kind, VALUE_MEMBER[kind]: draw(VALUES[kind])}
    if draw(st.booleans()):
        body["observedAt"] = draw(times)
    if kind == "Property" and draw(st.booleans()):
        body["unitCode"] = "CEL"
    if kind == "Relationship" and draw(st.booleans()):
        body["objectType"] = draw(terms)
    if depth < 2 and draw(st.integers(0, 3)) == 0:
        body[draw(names)] = draw(bodies(depth + 1))
    return body


@st.composite
def attributes(draw: Any) -> Any:
    several = draw(st.lists(bodies(), min_size=1, max_size=3))
    for position, body in enumerate(several):
        if position:
            body["datasetId"] = f"urn:d:{position}"
    return several if len(several) > 1 else several[0]


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    """An entity in normalized form as dothi itself writes it."""
    document: dict[str, Any] = {"id": draw(uris), "type": draw(st.sampled_from(["Vehicle", "ngsi-ld:T", ["A", "B"]]))}
    if draw(st.booleans()):
        document["scope"] = draw(st.sampled_from(["/A", ["/A", "/B/C"]]))
    document.update(draw(st.dictionaries(names, attributes(), max_size=4)))
    return document


def entity_of(document: dict[str, Any], now: int = 10) -> Entity:
    return patch.create(parse_entity(document, CORE), now).entity


def without_times(attributes: Attributes) -> Any:
    return {
        name: [{key: item for key, item in each.items() if key not in ("createdAt", "modifiedAt")} for each in several]
        for name, several in ((name, instances(attribute)) for name, attribute in attributes.items())
    }


@LAW
@given(documents())
def test_a_normalized_document_comes_back_as_it_was(document: dict[str, Any]) -> None:
    assert represent(entity_of(document), CORE) == document


@LAW
@given(documents())
def test_concise_is_lossless(document: dict[str, Any]) -> None:
    entity = entity_of(document)
    concise = represent(entity, CORE, Representation("concise"))
    assert entity_of(orjson.loads(orjson.dumps(concise))) == entity


@LAW
@given(documents())
def test_simplified_has_every_attribute_and_nothing_else(document: dict[str, Any]) -> None:
    simplified = represent(entity_of(document), CORE, Representation("simplified"))
    assert simplified.keys() == document.keys()


@LAW
@given(documents())
def test_names_and_terms_expand_as_pyld_expands_them(document: dict[str, Any]) -> None:
    entity = parse_entity(document, CORE)
    [expanded] = jsonld.expand({**_without_values(document), "@context": core_terms()})
    assert list(entity.types) == expanded["@type"]
    assert set(entity.attributes) == expanded.keys() - {"@id", "@type", NGSI_LD + "scope"}
    for name, instance in each_instance(entity.attributes):
        twin = next(each for each in expanded[name] if _dataset(each) == instance.get("datasetId"))
        assert twin["@type"] == [NGSI_LD + instance["type"]]
        if instance["type"] == "VocabProperty":
            vocab = instance["vocab"] if isinstance(instance["vocab"], list) else [instance["vocab"]]
            assert vocab == [each["@id"] for each in twin[NGSI_LD + "hasVocab"]]
        if "objectType" in instance:
            assert [instance["objectType"]] == [each["@id"] for each in twin[NGSI_LD + "hasObjectType"]]


def _without_values(body: Any) -> Any:
    """The document with values of one kind, since PyLD reads values of Properties as JSON-LD and finds faults."""
    if isinstance(body, list):
        return [_without_values(each) for each in body]
    if not isinstance(body, dict):
        return body
    bland = {"value": 1, "valueList": [1], "json": body.get("json")}
    return {key: bland[key] if key in bland else _without_values(item) for key, item in body.items()}


def _dataset(expanded: dict[str, Any]) -> Any:
    found = expanded.get(NGSI_LD + "datasetId")
    return found[0]["@id"] if found else None


@LAW
@given(documents(), documents())
def test_replacing_equals_creating(one: dict[str, Any], other: dict[str, Any]) -> None:
    draft = parse_entity(other, CORE)
    replaced = patch.replace(entity_of(one), draft, 20).entity
    created = patch.create(draft, 20).entity
    assert without_times(replaced.attributes) == without_times(created.attributes)
    assert (replaced.types, replaced.scopes) == (created.types, created.scopes)


@LAW
@given(documents(), documents())
def test_an_upsert_has_what_it_brings_and_keeps_the_rest(one: dict[str, Any], other: dict[str, Any]) -> None:
    old, draft = entity_of(one), parse_entity(other, CORE)
    outcome = patch.upsert(old, draft, 20)
    for name, attribute in old.attributes.items():
        if name not in draft.attributes:
            assert outcome.entity.attributes[name] is attribute
    for name, instance in each_instance(draft.attributes):
        assert instance in without_times(outcome.entity.attributes)[name]
    again = patch.upsert(outcome.entity, draft, 30)
    assert again.entity is outcome.entity
    assert set(old.types) <= set(outcome.entity.types)


@LAW
@given(documents(), documents())
def test_changes_tell_the_whole_way_from_old_to_new(one: dict[str, Any], other: dict[str, Any]) -> None:
    old, draft = entity_of(one), parse_entity(other, CORE)
    for outcome in (patch.upsert(old, draft, 20), patch.replace(old, draft, 20)):
        state = {(name, each.get("datasetId")): each for name, each in each_instance(old.attributes)}
        for change in outcome.changes:
            assert state.pop((change.name, change.dataset), None) == change.before
            if change.after is not None:
                state[change.name, change.dataset] = change.after
        assert state == {(name, each.get("datasetId")): each for name, each in each_instance(outcome.entity.attributes)}


@LAW
@given(documents())
def test_an_entity_merged_with_itself_stays(document: dict[str, Any]) -> None:
    old = entity_of(document)
    assert merge(old, parse_fragment(document, CORE, MERGE), 20).entity is old


@LAW
@given(documents(), documents())
def test_merging_twice_is_merging_once(one: dict[str, Any], other: dict[str, Any]) -> None:
    fragment = parse_fragment(other, CORE, MERGE)
    merged = merge(entity_of(one), fragment, 20).entity
    assert merge(merged, fragment, 30).entity is merged


@LAW
@given(documents())
def test_the_null_removes_every_default_instance(document: dict[str, Any]) -> None:
    old = entity_of(document)
    body = {name: NULL for name in document if name not in ("id", "type", "scope")}
    left = merge(old, parse_fragment(body, CORE, MERGE), 20).entity
    assert all("datasetId" in each for _, each in each_instance(left.attributes))
    assert len(list(each_instance(left.attributes))) == len(list(each_instance(old.attributes))) - len(old.attributes)


patches = st.recursive(
    st.none() | st.integers(0, 3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)


def rfc_7396(target: Any, change: Any) -> Any:
    """MergePatch of RFC 7396 section 2, word by word."""
    if not isinstance(change, dict):
        return change
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = rfc_7396(result.get(name), value)
    return result


def in_ngsi_ld(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_ngsi_ld(item) for key, item in value.items()}
    return NULL if value is None else value


@LAW
@given(patches, patches.filter(lambda value: value is not None))
def test_values_merge_as_rfc_7396_has_it(target: Any, change: Any) -> None:
    assert merged_value(target, in_ngsi_ld(change)) == rfc_7396(target, change)


anything = st.recursive(
    st.none() | scalars | st.sampled_from([NULL, "Property", "Relationship", "urn:x:1", float("nan"), 2**70]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            keys
            | st.sampled_from(
                [*VALUE_MEMBER.values(), "@type", "@value", "id", "datasetId", "unitCode", "scope", "@none"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@LAW
@given(anything)
def test_garbage_is_refused_or_read_but_never_breaks(document: Any) -> None:
    shaped = {"id": "urn:x:1", "type": "T", **document} if isinstance(document, dict) else document
    for rules in (CREATE, FEED):
        try:
            entity = parse_entity(shaped, CORE, rules)
        except BadRequestData:
            continue
        else:
            orjson.dumps(represent(entity, CORE))
    old = entity_of({"id": "urn:x:1", "type": "T", "value": 1, "x": {"object": "urn:x:2"}})
    for rules in (UPDATE, MERGE, MERGE_SIMPLIFIED):
        try:
            fragment = parse_fragment(document, CORE, rules)
            made = (merge if rules.partial else patch.update)(old, fragment, 20).entity
        except BadRequestData:
            continue
        else:
            assert NULL not in repr([each for _, each in each_instance(made.attributes) if each["type"] == "Property"])
            assert represent(entity_of(orjson.loads(orjson.dumps(represent(made, CORE)))), CORE)
    with suppress(BadRequestData):
        parse_attribute("x", document, CORE, PARTIAL)
