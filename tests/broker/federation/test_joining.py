"""Versions of one entity become one: whatever the order, the newest instance counts."""

from hypothesis import given
from hypothesis import strategies as st

from dothi.broker.federation.joining import Version, joined, narrowed
from dothi.model.entity import Entity, instances

names = st.sampled_from(["a:1", "a:2"])
datasets = st.sampled_from([None, "urn:d:1"])
hours = st.integers(0, 9)


@st.composite
def entities(draw):
    attributes = {}
    for name in draw(st.sets(names)):
        found = []
        for dataset in draw(st.sets(datasets, min_size=1)):
            hour = draw(hours)
            instance = {"type": "Property", "value": draw(st.integers()), "observedAt": f"2026-01-01T0{hour}:00:00Z"}
            found.append(instance if dataset is None else {**instance, "datasetId": dataset})
        attributes[name] = found[0] if len(found) == 1 else found
    return Entity("urn:x:1", ("T",), attributes)


def newest(entity):
    return {
        (name, each.get("datasetId")): each["observedAt"]
        for name, attribute in entity.attributes.items()
        for each in instances(attribute)
    }


@given(st.lists(entities(), min_size=1, max_size=4), st.randoms())
def test_the_newest_instance_of_each_dataset_counts_in_whatever_order(versions, random):
    expected = {}
    for version in versions:
        for key, time in newest(version).items():
            expected[key] = max(expected.get(key, ""), time)
    shuffled = list(versions)
    random.shuffle(shuffled)
    assert newest(joined([Version(each) for each in shuffled])) == expected


@given(entities(), entities())
def test_an_auxiliary_version_changes_nothing_that_is_there(here, there):
    result = joined([Version(there, "auxiliary"), Version(here)])
    for name, attribute in here.attributes.items():
        known = {each.get("datasetId"): each for each in instances(attribute)}
        assert known.items() <= {each.get("datasetId"): each for each in instances(result.attributes[name])}.items()
    assert newest(result).keys() == newest(here).keys() | newest(there).keys()


@given(entities(), entities())
def test_an_exclusive_version_alone_has_its_attributes(here, there):
    result = joined([Version(here), Version(narrowed(there, frozenset({"a:1"})), "exclusive", frozenset({"a:1"}))])
    assert result.attributes.get("a:1") == there.attributes.get("a:1")
    assert result.attributes.get("a:2") == here.attributes.get("a:2")


def test_types_and_scopes_are_put_together_and_the_latest_end_counts():
    one = Entity("urn:x:1", ("A", "B"), {}, ("/a",), 5, 9, 100)
    two = Entity("urn:x:1", ("B", "C"), {}, ("/b",), 3, 7, 200)
    result = joined([Version(one), Version(two)])
    assert (result.types, result.scopes) == (("A", "B", "C"), ("/a", "/b"))
    assert (result.created, result.modified, result.expires) == (3, 9, 200)
