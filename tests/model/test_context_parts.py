"""Following the addresses in an @context: order, bounds, loops, and what is told to be missing."""

from __future__ import annotations

from typing import Any

import pytest

from dothi.model.context_parts import MAX_TERMS, NOT_KNOWN, Documents, gather
from dothi.model.errors import BadRequestData
from dothi.model.packaged import CORE, core_terms


def documents(pages: dict[str, Any]) -> Documents:
    return lambda address: pages.get(address, NOT_KNOWN)


def test_objects_come_in_the_order_of_the_array_with_addresses_replaced_by_what_they_hold() -> None:
    known = documents({"https://a.example/": [{"b": "https://b"}, None]})
    parts = gather([{"a": "https://a"}, "https://a.example/", {"@context": {"c": "https://c"}}], known)
    assert parts.objects == [{"a": "https://a"}, {"b": "https://b"}, None, {"c": "https://c"}]
    assert parts.missing == []


def test_the_core_context_is_never_missing_and_never_protected() -> None:
    parts = gather(["http://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"], documents({}))
    assert parts.objects == [core_terms(CORE)]
    assert "@protected" not in core_terms(CORE)


def test_documents_that_are_not_at_hand_are_told_once_each() -> None:
    known = documents({"https://a.example/x/": ["b", {"@import": "../c"}, "https://a.example/x/b"]})
    parts = gather(["https://a.example/x/", "https://d.example/"], known)
    assert parts.missing == ["https://a.example/x/b", "https://a.example/c", "https://d.example/"]


def test_an_import_lies_below_what_imports_it() -> None:
    known = documents({"https://a.example/": {"a": "https://old", "b": "https://b"}})
    parts = gather({"@import": "https://a.example/", "a": "https://new"}, known)
    assert parts.objects == [{"a": "https://new", "b": "https://b"}]


@pytest.mark.parametrize("imported", [[{"a": "https://a"}, {"b": "https://b"}], [], None])
def test_an_import_of_anything_but_one_object_is_refused(imported: Any) -> None:
    with pytest.raises(BadRequestData, match="one context object"):
        gather({"@import": "https://a.example/"}, documents({"https://a.example/": imported}))


@pytest.mark.parametrize(
    ("context", "fault"),
    [
        (7, "@context is a number"),
        ([{}, True], r"@context\[1\] is a boolean"),
        ([[{}]], r"@context\[0\] is an array within"),
        ({"@import": 7}, "@import in @context"),
        ("relative.jsonld", "no http or https address"),
        (["https://self.example/"], "loops: https://self.example/ -> https://self.example/"),
        ({f"t{n}": "https://x" for n in range(MAX_TERMS + 1)}, "over 10000 terms"),
    ],
    ids=lambda value: str(value)[:25],
)
def test_a_fault_is_told_with_its_place(context: Any, fault: str) -> None:
    with pytest.raises(BadRequestData, match=fault):
        gather(context, documents({"https://self.example/": {"@import": "https://self.example/"}}))
