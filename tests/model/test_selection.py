"""Entity type selection and scope queries."""

from __future__ import annotations

import pytest

from dothi.model.errors import BadRequestData, TooComplexQuery
from dothi.model.query import AllOf, AnyOf, Name, Selection
from dothi.model.selection import names, parse_scopes, parse_types, select_scopes, select_types


def types(text: str) -> Selection:
    return parse_types(text, lambda name: name if ":" in name else "x:" + name)


A, B, C = Name("x:A"), Name("x:B"), Name("x:C")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A", A),
        ("A,B", AnyOf((A, B))),
        ("A|B", AnyOf((A, B))),
        ("(A;B),C", AnyOf((AllOf((A, B)), C))),
        ("A;B|C", AnyOf((AllOf((A, B)), C))),
        ("((A|B);C)", AllOf((AnyOf((A, B)), C))),
        ("https://y/T , A", AnyOf((Name("https://y/T"), A))),
    ],
)
def test_a_type_selection_is_read_into_its_tree(text: str, expected: Selection) -> None:
    assert types(text) == expected


def test_types_are_selected_in_memory() -> None:
    chosen = select_types(types("(A;B),C"))
    assert chosen(("x:B", "x:A"))
    assert chosen(("x:C",))
    assert not chosen(("x:A",))
    assert not chosen(())


@pytest.mark.parametrize(
    ("pattern", "covered", "not_covered"),
    [
        ("/Madrid", ["/Madrid"], ["/Madrid/Gardens", "/Madri"]),
        ("/Madrid/Gardens/#", ["/Madrid/Gardens", "/Madrid/Gardens/Norte/P1"], ["/Madrid", "/Madrid/GardensX"]),
        ("/Madrid/+/Norte", ["/Madrid/A/Norte", "/Madrid/B/Norte"], ["/Madrid/Norte", "/Madrid/A/B/Norte"]),
        ("/+/b/#", ["/a/b", "/c/b/d/e"], ["/b", "/a/c/b"]),
        ("/#", ["/a", "/a/b"], []),
        ("Madrid", ["/Madrid"], ["/madrid"]),
        ("(/a/b;/c)|/d", [], ["/a/b", "/c"]),
    ],
)
def test_scope_patterns_cover_what_the_clause_says(pattern: str, covered: list[str], not_covered: list[str]) -> None:
    chosen = select_scopes(parse_scopes(pattern))
    assert all(chosen((scope,)) for scope in covered)
    assert not any(chosen((scope,)) for scope in not_covered)
    assert not chosen(())


def test_scopes_combine() -> None:
    chosen = select_scopes(parse_scopes("(/Madrid/Districts;/CompanyA),CompanyB"))
    assert chosen(("/Madrid/Districts", "/CompanyA"))
    assert chosen(("/CompanyB",))
    assert not chosen(("/CompanyA",))


def test_names_come_in_order() -> None:
    assert list(names(types("(A;B),C"))) == ["x:A", "x:B", "x:C"]


@pytest.mark.parametrize(
    ("text", "position"), [("", 1), ("A,", 3), ("(A", 3), ("A)", 2), ("A B", 3), (";A", 1), ("A,(B;)", 6)]
)
def test_a_wrong_type_selection_is_refused_with_its_position(text: str, position: int) -> None:
    with pytest.raises(BadRequestData, match=rf"type, position {position}:"):
        types(text)


@pytest.mark.parametrize("text", ["/a/#/b", "/a//b", "/", "/a/b#", "/a/*"])
def test_a_wrong_scope_is_refused(text: str) -> None:
    with pytest.raises(BadRequestData, match="scopeQ, position 1: expected a scope"):
        parse_scopes(text)


@pytest.mark.parametrize("text", ["(" * 65 + "A" + ")" * 65, ",".join(["A"] * 257), "A" * 8193])
def test_a_selection_that_is_too_much_is_refused(text: str) -> None:
    with pytest.raises(TooComplexQuery):
        types(text)
