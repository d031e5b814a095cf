"""The index of subscriptions finds exactly those that a look at every one of them would find."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dothi.broker.mailbox import Mailbox
from dothi.broker.watch import Watch, compile_tests, is_touched, is_triggered
from dothi.model.change import AttributeChange, Cause, Change, ChangeKind
from dothi.model.entity import Entity
from dothi.model.subscription import TRIGGERS, read_subscription

TYPES = ["A", "B", "C"]
NAMES = ["v", "w"]
IDS = ["urn:x:1", "urn:x:2"]

selectors = st.fixed_dictionaries(
    {"type": st.sampled_from(["*", "A", "B", "A,B", "(A;B)", "(A,B);C", "(A;B),C"])},
    optional={"id": st.sampled_from(IDS), "idPattern": st.sampled_from([".*1", "urn.*"])},
)
watched = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2)
chosen = st.one_of(
    st.fixed_dictionaries(
        {"entities": st.lists(selectors, min_size=1, max_size=2)}, optional={"watchedAttributes": watched}
    ),
    st.fixed_dictionaries({"watchedAttributes": watched}),
)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "notificationTrigger": st.lists(st.sampled_from(TRIGGERS), min_size=1, max_size=3),
        "q": st.sampled_from(["v>1", "w", "v==1;w"]),
    },
)
documents = st.builds(lambda which, when: {**which, **when}, chosen, conditions)


def mailbox(n: int, document: dict[str, Any]) -> Mailbox:
    endpoint = {"endpoint": {"uri": "http://example.org/"}}
    whole = {"id": f"urn:x:{n}", "type": "Subscription", "notification": endpoint, **document}
    return Mailbox(read_subscription(whole))


@st.composite
def changes(draw: st.DrawFn) -> Change:
    attributes: dict[str, Any] = {
        name: {"type": "Property", "value": draw(st.integers(0, 2)), "createdAt": 1, "modifiedAt": 1}
        for name in draw(st.sets(st.sampled_from(NAMES)))
    }
    types = tuple(draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True)))
    entity = Entity(draw(st.sampled_from(IDS)), types, attributes)
    kind: ChangeKind = draw(st.sampled_from(["created", "updated", "deleted"]))
    before = draw(st.sampled_from([None, {"type": "Property", "value": 0}]))
    written = tuple(
        AttributeChange(name, None, None if kind == "created" else before, attributes.get(name)) for name in NAMES
    )
    return Change(1, 1, kind, entity, () if kind == "deleted" else written, Cause())


@given(st.lists(documents, max_size=6), changes(), st.integers(0, 5))
def test_the_index_finds_what_a_full_search_finds(given: list[dict[str, Any]], change: Change, gone: int) -> None:
    watch = Watch()
    mailboxes = [mailbox(n, document) for n, document in enumerate(given)]
    for one in mailboxes:
        watch.add(one)
    for one in mailboxes[gone : gone + 1]:
        watch.remove(one)
    del mailboxes[gone : gone + 1]
    slow = [
        one.id
        for one in mailboxes
        if is_triggered(one.subscription, change)
        and (one.subscription.entities or is_touched(one.subscription, change))
        and any(test(change.entity) for test in compile_tests(one.subscription))
    ]
    assert sorted(found.id for found in watch.concerned(change)) == sorted(slow)


def test_subscriptions_of_other_types_are_not_looked_at() -> None:
    watch = Watch()
    for n in range(1000):
        watch.add(mailbox(n, {"entities": [{"type": f"T{n % 100}"}]}))
    entity = Entity("urn:x:1", ("T7",), {"v": {"type": "Property", "value": 1}})
    change = Change(1, 1, "updated", entity, (AttributeChange("v", None, None, entity.attributes["v"]),), Cause())  # type: ignore[arg-type]
    assert len(watch.concerned(change)) == 10


def test_an_equal_value_written_anew_is_an_update_to_a_subscriber() -> None:
    before = {"type": "Property", "value": 1, "createdAt": 1, "modifiedAt": 1}
    again = AttributeChange("v", None, before, before | {"modifiedAt": 2})
    entity = Entity("urn:x:1", ("A",), {"v": again.after})  # type: ignore[dict-item]
    change = Change(1, 2, "updated", entity, (again,), Cause())
    for triggers, fires in ((["attributeUpdated"], True), (["entityUpdated"], True), (["attributeCreated"], False)):
        one = mailbox(1, {"entities": [{"type": "A"}], "notificationTrigger": triggers})
        assert is_triggered(one.subscription, change) is fires
