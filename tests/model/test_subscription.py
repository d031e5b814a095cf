"""Subscription documents: what is taken, what is refused and how it is said, and how they are shown again."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.model.context import core_context
from dothi.model.errors import BadRequestData, Problem
from dothi.model.query import AnyOf, Name
from dothi.model.subscription import MEMBERS, Subscription, read_subscription
from dothi.model.subscription_names import expand_document, merge_fragment, represent_subscription

CORE = core_context()
NAMES = "https://uri.etsi.org/ngsi-ld/default-context/"
ID = "urn:ngsi-ld:Subscription:1"


def document(**members: Any) -> dict[str, Any]:
    base = {
        "id": ID,
        "type": "Subscription",
        "entities": [{"type": "Building"}],
        "notification": {"endpoint": {"uri": "http://example.org/notify"}},
    }
    return {name: value for name, value in {**base, **members}.items() if value is not ...}


def read(given: dict[str, Any]) -> Subscription:
    return read_subscription(expand_document(given, CORE.expand))


def notification(**members: Any) -> dict[str, Any]:
    return document(notification={"endpoint": {"uri": "http://example.org/notify"}, **members})


def endpoint(**members: Any) -> dict[str, Any]:
    return document(notification={"endpoint": {"uri": "http://example.org/notify", **members}})


def test_names_are_expanded_wherever_they_stand() -> None:
    subscription = read(
        document(
            entities=[{"type": "(Building|Tower)", "idPattern": ".*:1$"}],
            watchedAttributes=["level"],
            q='level>5;name=="x"',
            geoQ={"georel": "within", "geometry": "Point", "coordinates": [1, 2]},
            notification={
                "endpoint": {"uri": "http://example.org/n"},
                "pick": ["id", "level"],
            },
        )
    )
    assert subscription.entities[0].types == AnyOf((Name(NAMES + "Building"), Name(NAMES + "Tower")))
    assert subscription.watched == {NAMES + "level"}
    assert subscription.pick == ("id", NAMES + "level")
    assert subscription.geo is not None
    assert subscription.geo.property == "https://uri.etsi.org/ngsi-ld/location"
    assert NAMES + "level" in str(subscription.q)
    (query,) = subscription.queries()
    assert query.id_pattern == ".*:1$"


def test_defaults_are_those_of_the_standard() -> None:
    subscription = read(document())
    assert subscription.triggers == {"attributeCreated", "attributeUpdated"}
    assert subscription.format == "normalized"
    assert subscription.endpoint.accept == "application/json"
    assert subscription.status(0) == "active"


def test_status_follows_activity_and_expiry() -> None:
    assert read(document(isActive=False)).status(0) == "paused"
    subscription = read(document(isActive=False, expiresAt="1970-01-01T00:00:01Z"))
    assert subscription.status(999_999) == "paused"
    assert subscription.status(1_000_000) == "expired"


def test_timeout_and_cooldown_are_milliseconds() -> None:
    subscription = read(endpoint(timeout=1500, cooldown=0))
    assert subscription.endpoint.timeout == 1.5
    assert subscription.endpoint.cooldown == 0.0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "type is None"),
        (document(type="Sub"), "type is 'Sub'"),
        (document(id="invalidId"), "id 'invalidId' is no URI"),
        (document(id=""), "id '' is no URI"),
        (document(entities=...), "neither entities nor watchedAttributes"),
        (document(entities=[]), "entities must be an array"),
        (document(entities=["Building"]), r"entities\[0\] must be an object"),
        (document(entities=[{"id": "urn:x:1"}]), r"entities\[0\]\.type"),
        (document(entities=[{"type": "A", "id": "x"}]), r"entities\[0\]\.id 'x' is no URI"),
        (document(notification=...), "notification is missing"),
        (document(notification={"format": "keyValues"}), "notification.endpoint must be an object"),
        (document(watchedAttributes=[]), "watchedAttributes must be an array"),
        (document(watchedAttribute=["x"]), "watchedAttribute is no member of a subscription: write watchedAttributes"),
        (endpoint(receiverInf=[]), "notification.endpoint.receiverInf is no member"),
        (document(notificationTrigger=["entityChanged"]), "notificationTrigger 'entityChanged' is unknown"),
        (document(throttling=-30), "throttling -30 must be a number greater than 0"),
        (document(throttling=5, timeInterval=10), "exclude each other"),
        (document(expiresAt="tomorrow"), "expiresAt 'tomorrow' is no DateTime"),
        (document(isActive="yes"), "isActive must be true or false"),
        (document(q="((level>1"), "."),
        (document(csf="(("), "."),
        (document(geoQ={"georel": "within"}), "geoQ.geometry is missing"),
        (document(jsonldContext="unknownContext"), "jsonldContext 'unknownContext' is no URI"),
        (document(datasetId=["french"]), "datasetId 'french' is no URI"),
        (notification(format="xml"), "notification.format 'xml' is unknown"),
        (notification(format="keyValues", showChanges=True), "showChanges needs format"),
        (notification(format="simplified", showChanges=True), "showChanges needs format"),
        (notification(pick=[]), "notification.pick must be an array"),
        (notification(pick=["id"], attributes=["id"]), "cannot stand beside pick or omit"),
        (notification(pick=["id"], omit=["id"]), "both name id"),
        (endpoint(uri="example"), "is no URI"),
        (endpoint(uri="ftp://example.org/x"), "no delivery for 'ftp'; supported: http, https, mqtt, mqtts"),
        (notification(join="both"), "join 'both' is unknown"),
        (notification(join="flat", joinLevel=0), "joinLevel 0 must be a whole number"),
        (notification(join="flat", joinLevel=True), "joinLevel True must be a whole number"),
        (endpoint(accept="text/xml"), "accept 'text/xml' is not supported"),
        (endpoint(receiverInfo=[{"key": "K", "value": 42}]), r"receiverInfo\[0\] must have a key and a value"),
        (endpoint(notifierInfo=[{"key": "K"}]), r"notifierInfo\[0\] must have"),
        (endpoint(receiverInfo=[{"key": "X", "value": "a\r\nHost: b"}]), "cannot be an HTTP header"),
        (endpoint(receiverInfo=[{"key": "Content-Length", "value": "1"}]), "the broker sets this header itself"),
    ],
)
def test_faults_are_named_with_their_member(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequestData, match=said):
        read(given)


def test_linked_entities_are_asked_for_by_join_and_its_level() -> None:
    assert read(document()).join is None
    assert read(notification(join="@none")).join is None
    asked = read(notification(join="flat", joinLevel=2, containedBy=["urn:x:1"]))
    assert (asked.join, asked.join_level, asked.contained_by) == ("flat", 2, ("urn:x:1",))


def test_computed_and_unknown_members_of_a_client_are_ignored() -> None:
    kept = expand_document(
        document(status="expired", __context="x", notification={
            "endpoint": {"uri": "http://example.org/n"}, "timesSent": 42
        }), CORE.expand
    )  # fmt: skip
    assert "status" not in kept
    assert "__context" not in kept
    assert "timesSent" not in kept["notification"]
    assert read_subscription(kept).status(0) == "active"


def test_a_percent_encoded_q_is_understood() -> None:
    assert read(document(q='name=="Eiffel%20Tower"')).q == read(document(q='name=="Eiffel Tower"')).q


def test_a_patch_replaces_members_and_null_removes_them() -> None:
    kept = expand_document(document(q="level>1", description="x"), CORE.expand)
    change = expand_document({"q": None, "description": "y", "entities": [{"type": "Car"}]}, CORE.expand)
    merged = merge_fragment(kept, change)
    subscription = read_subscription(merged)
    assert subscription.q is None
    assert "qTerms" not in merged
    assert merged["description"] == "y"
    assert subscription.entities[0].types == Name(NAMES + "Car")
    with pytest.raises(BadRequestData, match="notification is missing"):
        read_subscription(merge_fragment(kept, {"notification": None}))
    with pytest.raises(BadRequestData, match="endpoint"):
        read_subscription(merge_fragment(kept, {"notification": {"endpoint": None}}))
    with pytest.raises(BadRequestData, match="id"):
        merge_fragment(kept, {"id": "urn:x:other"})


def test_a_document_is_shown_as_it_was_given() -> None:
    given = document(
        subscriptionName="Ngập",
        entities=[{"type": "(A;B),C", "id": "urn:x:1"}, {"type": "*"}],
        watchedAttributes=["level", "https://example.org/x"],
        q='level>5|name=="x"',
        geoQ={"georel": "within", "geometry": "Point", "coordinates": [1, 2], "geoproperty": "place"},
        scopeQ="/a/#",
        throttling=5,
    )
    shown = represent_subscription(read(given), CORE.compact, 0, {"timesSent": 0}, {"createdAt": 1_000_000})
    assert shown.pop("status") == "active"
    assert shown.pop("createdAt") == "1970-01-01T00:00:01Z"
    assert shown["notification"].pop("timesSent") == 0
    assert shown.pop("notificationTrigger") == ["attributeCreated", "attributeUpdated"]
    assert shown == given


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([(place, name) for place, names in MEMBERS.items() for name in sorted(names)]), JSON)
def test_any_value_of_any_member_is_taken_or_refused_as_a_problem(where: tuple[str, str], value: Any) -> None:
    place, name = where
    given = document()
    target: Any = given
    for step in place.split(".") if place else ():
        target = target[step]
    target[name] = value
    with suppress(Problem):
        read({name: value for name, value in given.items() if value is not None})
