"""The q language: what is read, and what is said about what cannot be."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.model.errors import BadRequestData, Problem, TooComplexQuery
from dothi.model.instant import parse_instant
from dothi.model.qlang import hops, parse_path, parse_query
from dothi.model.query import (
    And,
    AttributePath,
    Compare,
    DateTimeLiteral,
    Exists,
    LinkedPath,
    Or,
    Query,
    Range,
    UriLiteral,
)


def expand(name: str) -> str:
    return "https://x/" + name


def read(text: str, *, expand_values: tuple[str, ...] = ()) -> Query:
    return parse_query(text, expand, expand_values=expand_values)


def path(*names: str, members: tuple[str, ...] = ()) -> AttributePath:
    return AttributePath(names, members)


A, B, C = path("https://x/a"), path("https://x/b"), path("https://x/c")
NOON = DateTimeLiteral("2026-01-31T12:00:00Z", parse_instant("2026-01-31T12:00:00Z"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", Exists(A)),
        ("a==20", Compare(A, "==", (20,))),
        ("a!=-1.5e2", Compare(A, "!=", (-150.0,))),
        (' a >= "x;|)\\"\\u00e9" ', Compare(A, ">=", ('x;|)"é',))),
        ("a==true", Compare(A, "==", (True,))),
        ('a=="red","blue",3,false', Compare(A, "==", ("red", "blue", 3, False))),
        ("a==10..20", Compare(A, "==", (Range(10, 20),))),
        ("a!=1.5..2.5,7", Compare(A, "!=", (Range(1.5, 2.5), 7))),
        ("a==2026-01-31T12:00:00Z", Compare(A, "==", (NOON,))),
        ("a>2026-01-31", Compare(A, ">", (DateTimeLiteral("2026-01-31", None),))),
        ("a<12:30:00.5Z", Compare(A, "<", (DateTimeLiteral("12:30:00.5Z", None),))),
        ("a==urn:ngsi-ld:X:1", Compare(A, "==", (UriLiteral("urn:ngsi-ld:X:1"),))),
        ("(a==http://x/y(1))", Compare(A, "==", (UriLiteral("http://x/y(1)"),))),
        ('a~="^R.*"', Compare(A, "~=", ("^R.*",))),
        ("(a~=Mer(c|k)[;|)]e;b)", And((Compare(A, "~=", ("Mer(c|k)[;|)]e",)), Exists(B)))),
        ("a!~=x|b", Or((Compare(A, "!~=", ("x",)), Exists(B)))),
        ("a;b|c", Or((And((Exists(A), Exists(B))), Exists(C)))),
        ("a;(b|c)", And((Exists(A), Or((Exists(B), Exists(C)))))),
        ("((a>50|b>3000);c)", And((Or((Compare(A, ">", (50,)), Compare(B, ">", (3000,)))), Exists(C)))),
        ("!a", Exists(A, absent=True)),
        ("b==1;! a|c", Or((And((Compare(B, "==", (1,)), Exists(A, absent=True))), Exists(C)))),
        ("a.b", Exists(path("https://x/a", "https://x/b"))),
        ("a.observedAt>=2026-01-31T12:00:00Z", Compare(path("https://x/a", "observedAt"), ">=", (NOON,))),
        ('a.unitCode=="CEL"', Compare(path("https://x/a", "unitCode"), "==", ("CEL",))),
        ("modifiedAt<2026-01-31T12:00:00Z", Compare(path("modifiedAt"), "<", (NOON,))),
        ('a[city]=="Huế"', Compare(path("https://x/a", members=("city",)), "==", ("Huế",))),
        ("a.b[c-d.e f]", Exists(path("https://x/a", "https://x/b", members=("c-d", "e f")))),
        ('a[*]=="red"', Compare(path("https://x/a", members=("*",)), "==", ("red",))),
        ("nhiệt_độ>30", Compare(path("https://x/nhiệt_độ"), ">", (30,))),
        ("ex:a", Exists(path("https://x/ex:a"))),
        ("https://y/z.w==1", Compare(path("https://y/z.w"), "==", (1,))),
        (f"a=={10**30}", Compare(A, "==", (1e30,))),
    ],
)
def test_a_query_is_read_into_its_tree(text: str, expected: Query) -> None:
    assert read(text) == expected


def test_a_quoted_date_time_is_a_time_where_only_a_time_can_stand() -> None:
    assert read('a.observedAt=="2026-01-31T12:00:00Z"') == Compare(path("https://x/a", "observedAt"), "==", (NOON,))
    assert read('a=="2026-01-31T12:00:00Z"') == Compare(A, "==", ("2026-01-31T12:00:00Z",))


def test_true_is_not_read_as_one() -> None:
    (value,) = read("a==true").values  # type: ignore[union-attr]
    assert value is True


def test_values_of_listed_attributes_are_expanded_to_uris() -> None:
    expected = Compare(A, "==", (UriLiteral("https://x/Male"), UriLiteral("https://x/Female")))
    assert read('a==Male,"Female"', expand_values=("a",)) == expected


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("", 1, "an attribute name"),
        ("a==", 4, "a value"),
        ("a==red", 4, 'in double quotes, as "red"'),
        ('a=="red', 4, "ends with a double quote"),
        ("a==1;", 6, "an attribute name"),
        ("(a==1", 6, "the ')' of position 1"),
        ("a==1)", 5, "no ')' without its '('"),
        ("a==1 b", 6, "';', '|' or the end"),
        ("a>1,2", 4, "one value after >"),
        ("a>1..2", 4, "one value after >"),
        ("a>true", 3, "a number, a quoted text or a time"),
        ("a==1..x:y", 7, "same kind"),
        ('a==1.."x"', 7, "same kind as the lower one (number)"),
        ("a==true..false", 4, "a range between"),
        ("a==2026-02-30", 4, "a date that exists"),
        ("a==2026-02-30T00:00:00Z", 4, "a DateTime that exists"),
        ("a==25:00:00Z", 4, "a time that exists"),
        ("a.observedAt>5", 14, "a DateTime like"),
        ("a.observedAt>2026-01-31", 14, "a DateTime like"),
        ("a.observedAt~=2026", 15, "patterns are for texts"),
        ("a.observedAt.b", 1, "nothing after 'observedAt'"),
        ("a.value==1", 1, "no '.value'"),
        ("id==1", 1, "use the parameter id"),
        ("a[b", 2, "a ']'"),
        ("a[b..c]", 3, "member names"),
        ("a[b][c]", 5, "one pair of brackets"),
        ("a~=(", 4, "missing )"),
        ("a~=x{5000}", 4, "invalid repetition"),
        ("a==1e999", 4, "a double can hold"),
        ("a=1", 2, "';', '|' or the end"),
        ("!a==1", 3, "';', '|' or the end"),
        ("a{b", 4, "the '}' of position 2"),
        ("a{}", 3, "an attribute name"),
        ("a[x]{b}", 5, "a relationship before '{'"),
        ("a.observedAt{b}", 13, "a relationship before '{'"),
        ("5==a", 1, "an attribute name"),
    ],
)
def test_a_fault_is_told_with_its_position(text: str, position: int, expected: str) -> None:
    with pytest.raises(BadRequestData, match=re.escape(expected)) as caught:
        read(text)
    assert f"position {position}:" in caught.value.detail
    assert caught.value.document()["position"] == position


def link(name: str, inner: AttributePath, *types: str) -> AttributePath:
    return AttributePath((name,), (), LinkedPath(inner, types))


def test_a_path_follows_relationships_into_linked_entities() -> None:
    def read(text: str) -> Query:
        return parse_query(text, lambda name: name if ":" in name else expand(name), expand_values={"gender"})

    a = "https://x/a"
    assert read("a{b}==40") == Compare(link(a, B), "==", (40,))
    assert read("a{Device:b}") == Exists(link(a, B, "https://x/Device"))
    assert read("a{Device|Room:b[m]}") == Exists(
        link(a, path("https://x/b", members=("m",)), "https://x/Device", "https://x/Room")
    )
    assert read("a{b{c.observedAt}}>2026-01-31T12:00:00Z;c") == And(
        (Compare(link(a, link("https://x/b", path("https://x/c", "observedAt"))), ">", (NOON,)), Exists(C))
    )
    assert read("a{http://x.org/y}") == Exists(link(a, path("http://x.org/y")))
    assert read("a{gender}==Male") == (
        Compare(link(a, path("https://x/gender")), "==", (UriLiteral("https://x/Male"),))
    )


def test_a_prefix_of_the_context_is_no_type() -> None:
    def with_prefix(name: str) -> str:
        return name.replace("ex:", "https://example.org/") if name.startswith("ex:") else name

    assert parse_query("a{ex:b}", with_prefix) == Exists(link("a", path("https://example.org/b")))
    assert parse_query("a{Ex:b}", with_prefix) == Exists(link("a", path("b"), "Ex"))


def test_hops_are_the_longest_way_that_a_query_goes() -> None:
    assert [hops(read(text)) for text in ("a", "a{b}", "a{b{c}}|a;b{c}", "a;b")] == [0, 1, 2, 0]


def test_an_order_names_its_parameter_and_follows_no_link() -> None:
    with pytest.raises(BadRequestData, match="orderBy, position 2: expected no"):
        parse_path("a{b}", expand, "orderBy")


@pytest.mark.parametrize(
    "text",
    [
        "a" * 9000,
        "(" * 65 + "a" + ")" * 65,
        ";".join("a" * 257),
        "a==" + ",".join("1" * 258),
        ".".join("a" * 9),
        "{".join("a" * 12) + "}" * 11,
        "a[" + ".".join("b" * 17) + "]",
    ],
)
def test_a_query_that_is_too_much_is_refused(text: str) -> None:
    with pytest.raises(TooComplexQuery):
        read(text)


def test_the_bounds_themselves_are_taken() -> None:
    read("(" * 64 + "a" + ")" * 64)
    read(";".join("a" * 256))


def test_an_attribute_path_is_read_alone() -> None:
    assert parse_path("a[b.c]", expand) == path("https://x/a", members=("b", "c"))
    with pytest.raises(BadRequestData, match="expected the end"):
        parse_path("a;b", expand)


WORDS = 'a b.c a[b] == != > ~= .. , ; | ( ) [ ] " \\ 1 "x" true 2026-01-31 T12:00:00Z urn:x:y .* { đ \x00'
marks = st.sampled_from(WORDS.split())


@given(st.lists(marks, max_size=12).map("".join) | st.text(max_size=30))
def test_any_text_is_read_or_refused_as_a_problem(text: str) -> None:
    with suppress(Problem):
        read(text)
