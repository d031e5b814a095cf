"""The copy of a subscription for a context source holds what that source can answer, and nothing of the subscriber."""

from __future__ import annotations

from typing import Any

from dothi.model.context import core_context
from dothi.model.remote_subscription import OPTIONAL, digest, reduced_copy
from dothi.model.subscription import MEMBERS, Subscription, read_subscription
from dothi.model.subscription_names import expand_document

CORE = core_context()
ADDRESS = "https://city.example.vn/ngsi-ld/ex/remote-notify"


def subscription(**more: Any) -> Subscription:
    document = {
        "id": "urn:ngsi-ld:Subscription:1",
        "type": "Subscription",
        "entities": [{"type": "Vehicle"}, {"type": "Bus", "id": "urn:x:1"}],
        "q": "speed>50",
        "watchedAttributes": ["speed"],
        "description": "Xe chạy nhanh",
        "notification": {
            "format": "keyValues",
            "attributes": ["speed"],
            "endpoint": {"uri": "http://subscriber.example/n", "receiverInfo": [{"key": "X-Key", "value": "secret"}]},
        },
        **more,
    }
    return read_subscription(expand_document(document, CORE.expand))


def copied(one: Subscription, *, same_names: bool = True, had: frozenset[str] | None = None) -> dict[str, Any]:
    return reduced_copy(one, one.entities[:1], had, CORE.compact, ADDRESS, same_names=same_names)


def test_the_copy_has_the_matching_selectors_and_notifies_this_broker() -> None:
    copy = copied(subscription())
    assert copy["entities"] == [{"type": "Vehicle"}]
    assert copy["watchedAttributes"] == ["speed"]
    assert copy["q"] == "speed>50"
    assert copy["notification"]["endpoint"]["uri"] == ADDRESS
    assert copy["notification"]["format"] == "normalized"
    assert "secret" not in str(copy)
    assert "subscriber.example" not in str(copy)
    assert "id" not in copy
    assert "description" not in copy


def test_conditions_stay_here_where_entities_are_split_or_names_are_others() -> None:
    assert "q" not in copied(subscription(splitEntities=True))
    assert "q" not in copied(subscription(), same_names=False)
    assert copied(subscription(splitEntities=True))["splitEntities"] is True
    assert "scopeQ" not in copied(subscription(splitEntities=True, scopeQ="/north"))
    assert copied(subscription(scopeQ="/north"), same_names=False)["scopeQ"] == "/north"


def test_a_copy_is_known_again_and_a_changed_one_is_not() -> None:
    assert digest(copied(subscription())) == digest(copied(subscription()))
    assert digest(copied(subscription())) != digest(copied(subscription(isActive=False)))
    assert digest(copied(subscription())) != digest(copied(subscription(q="speed>60")))


def test_what_an_update_takes_away_are_members_of_a_subscription() -> None:
    assert set(OPTIONAL) <= MEMBERS[""]
    assert {"q", "geoQ", "scopeQ", "expiresAt", "throttling"} <= set(OPTIONAL)


def test_a_source_of_some_attributes_watches_and_tells_these() -> None:
    had = frozenset({CORE.expand("speed"), CORE.expand("heading")})
    copy = copied(subscription(), had=had)
    assert copy["watchedAttributes"] == ["speed"]
    assert copy["notification"]["attributes"] == ["heading", "speed"]
    whole = expand_document({"watchedAttributes": ["speed"]}, CORE.expand)["watchedAttributes"]
    everything = {name: value for name, value in subscription().kept.items() if value != whole}
    assert copied(read_subscription(everything), had=had)["watchedAttributes"] == ["heading", "speed"]
