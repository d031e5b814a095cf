"""Which registrations answer a query about sources: filters, places, times, and subscriptions to them."""

from __future__ import annotations

from typing import Any

import pytest

from dothi.model.errors import BadRequestData
from dothi.model.geo import parse_geo
from dothi.model.qlang import parse_query
from dothi.model.query import Window
from dothi.model.registration import Registration
from dothi.model.registration_document import expand_registration, read_registration
from dothi.model.selection import parse_scopes, parse_types
from dothi.model.source_query import CORE, SourceQuery, compile_sources, compile_watch, may_have, read_window
from dothi.model.subscription import read_subscription


def source(**more: Any) -> Registration:
    document = {
        "id": "urn:x:source",
        "type": "ContextSourceRegistration",
        "endpoint": "http://there.example",
        "information": [{"entities": [{"type": "Bus"}]}],
        **more,
    }
    return read_registration(expand_registration(document, str))


def answers(query: SourceQuery, registration: Registration, now: int = 0) -> bool:
    return compile_sources(query)(registration, now) is not None


@pytest.mark.parametrize(
    ("csf", "holds"),
    [
        ('owner=="city"', True),
        ('owner=="land"', False),
        ("level>2", True),
        ("level>3", False),
        ("missing", False),
        ('endpoint=="http://there.example"', True),
        ('address[street]=="Lê Lợi"', True),
        ('owner=="city";level==3', True),
    ],
)
def test_a_filter_looks_at_the_members_of_the_registration(csf: str, holds: bool) -> None:
    registered = source(owner="city", level=3, address={"street": "Lê Lợi"})
    query = parse_query(csf, lambda name: CORE + name if name == "endpoint" else name)
    assert answers(SourceQuery(filters=(query,)), registered) is holds


def test_a_place_is_held_against_the_geometry_that_is_asked_for() -> None:
    near = parse_geo("near;maxDistance==2000", "Point", [106.6, 10.9])
    observed = parse_geo("near;maxDistance==2000", "Point", [106.6, 10.9], CORE + "observationSpace")
    point = {"type": "Point", "coordinates": [106.601, 10.9]}
    assert answers(SourceQuery(geo=near), source(location=point))
    assert not answers(SourceQuery(geo=near), source(observationSpace=point))
    assert answers(SourceQuery(geo=observed), source(observationSpace=point))
    assert not answers(SourceQuery(geo=near), source())


def test_a_scope_must_be_the_registration_s_own() -> None:
    query = SourceQuery(scope=parse_scopes("/city/#"))
    assert answers(query, source(scope="/city/north"))
    assert not answers(query, source())


INTERVAL = {"startAt": "1970-01-01T00:00:10Z", "endAt": "1970-01-01T00:00:20Z"}


@pytest.mark.parametrize(
    ("start", "end", "holds"),
    [(None, 10, False), (None, 11, True), (20, None, True), (21, None, False), (0, 10, False), (0, 15, True)],
)
def test_a_window_must_meet_the_interval(start: int | None, end: int | None, holds: bool) -> None:
    micros = [None if at is None else at * 1_000_000 for at in (start, end)]
    observed, managed = source(observationInterval=INTERVAL), source(managementInterval=INTERVAL)
    assert answers(SourceQuery(window=Window(*micros)), observed) is holds
    assert answers(SourceQuery(window=Window(*micros, property="createdAt")), managed) is holds
    assert not answers(SourceQuery(window=Window(*micros)), managed)
    assert not answers(SourceQuery(window=Window(*micros)), source())


def test_without_a_window_only_sources_of_the_latest_information_count() -> None:
    assert answers(SourceQuery(), source())
    assert not answers(SourceQuery(), source(observationInterval=INTERVAL))


@pytest.mark.parametrize(
    ("temporal", "words"),
    [
        ({"timeAt": "2020-01-01T00:00:00Z"}, "timerel None is unknown"),
        ({"timerel": "before"}, "timeAt is missing"),
        ({"timerel": "between", "timeAt": "2020-01-01T00:00:00Z"}, "endTimeAt is missing"),
        ({"timerel": "after", "timeAt": "now"}, "timeAt 'now' is no DateTime"),
        ({"timerel": "after", "timeAt": "2020-01-01T00:00:00Z", "timeproperty": "x"}, "timeproperty 'x' is unknown"),
        (
            {"timerel": "between", "timeAt": "2020-01-02T00:00:00Z", "endTimeAt": "2020-01-01T00:00:00Z"},
            "endTimeAt lies before",
        ),
    ],
)
def test_a_temporal_query_that_is_wrong_is_refused_by_its_member(temporal: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestData, match=words):
        read_window(temporal)


def test_a_subscription_matches_only_the_elements_that_it_asks_for() -> None:
    subscription = read_subscription({
        "id": "urn:x:s",
        "type": "Subscription",
        "entities": [{"type": "Bus"}, {"type": "Tram", "id": "urn:x:1"}],
        "watchedAttributes": ["speed"],
        "notification": {"endpoint": {"uri": "http://there.example"}},
    })  # fmt: skip
    match = compile_watch(subscription, None)
    registered = source(
        information=[
            {"entities": [{"type": "Car"}]},
            {"entities": [{"type": "Tram"}], "propertyNames": ["speed"]},
            {"entities": [{"type": "Bus"}], "propertyNames": ["colour"]},
            {"entities": [{"type": "Bus"}]},
        ]
    )
    found = match(registered, 0)
    assert found is not None
    assert found.positions == (1, 3)
    assert match(source(information=[{"entities": [{"type": "Car"}]}]), 0) is None
    assert answers(SourceQuery(types=parse_types("Tram;Bus", str)), registered)


BERLIN = {"type": "Polygon", "coordinates": [[[13.0, 52.3], [13.8, 52.3], [13.8, 52.7], [13.0, 52.7], [13.0, 52.3]]]}
PARIS = {"type": "Point", "coordinates": [2.35, 48.85]}


@pytest.mark.parametrize(
    ("georel", "geometry", "there", "elsewhere"),
    [
        ("near;maxDistance==5000", {"type": "Point", "coordinates": [13.4, 52.52]}, True, False),
        ("near;minDistance==5000", {"type": "Point", "coordinates": [13.4, 52.52]}, True, True),
        ("within", BERLIN, True, False),
        ("contains", {"type": "Point", "coordinates": [13.4, 52.52]}, True, False),
        ("disjoint", BERLIN, True, True),
    ],
)
def test_a_source_is_asked_only_about_places_that_meet_its_location(
    georel: str, geometry: dict[str, Any], there: bool, elsewhere: bool
) -> None:
    geo = parse_geo(georel, geometry["type"], geometry["coordinates"])
    assert may_have(source(location=BERLIN), geo) is there
    assert may_have(source(location=PARIS), geo) is elsewhere
    assert may_have(source(), geo)
    assert may_have(source(location=PARIS), parse_geo(georel, geometry["type"], geometry["coordinates"], "urn:x:place"))


def test_a_source_is_asked_only_about_its_time() -> None:
    early, late = Window(end=5_000_000), Window(start=15_000_000)
    assert not may_have(source(observationInterval=INTERVAL), None, early)
    assert may_have(source(observationInterval=INTERVAL), None, late)
    assert may_have(source(), None, early)
