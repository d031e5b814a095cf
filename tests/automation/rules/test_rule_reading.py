"""Rules as TOML and JSON: read, written, and every fault told with its place and a hint."""

import pytest

from dothi.automation.rules.checks import Known, check
from dothi.automation.rules.reading import BadRule, read_rule, read_toml, toml_of

KNOWN = Known(
    {"Gauge": frozenset({"level", "areaServed"}), "Pump": frozenset({"state", "gauge"})},
    frozenset({"ca-truc"}),
    frozenset({"flood"}),
    lambda place: place == "urn:area",
)


def document(**parts):
    return {
        "id": "high", "title": {"vi": "Cao", "en": "High"}, "severity": "major", "types": ["Gauge"],
        "when": {"kind": "threshold", "attribute": "level", "above": 1, "hysteresis": 0.2}, **parts,
    }  # fmt: skip


def told(**parts):
    found = check(rule(**parts), KNOWN)
    return {fault.path: f"{fault.level}: {fault.message}; {fault.hint}" for fault in reversed(found)}


def rule(**parts):
    return read_rule(document(**parts))


def when(kind, **parts):
    return {"kind": kind, **parts}


LEVEL = {"kind": "threshold", "attribute": "level", "above": 1, "hysteresis": 0.2}
WHOLE = document(
    description={"vi": "a", "en": "b"}, category="flood", only=["urn:*"], delay_on="1m30s", most_per_minute=5,
    active={"hours": ["22:00-06:00"], "days": ["mon"], "calendar": "working", "months": [5], "lunar_days": [1, 15]},
    quiet={"hours": ["22:00-05:00"]}, maintenance=[{"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}],
    when=when("all", of=[
        LEVEL,
        when("not", when=when("silent", after="10m")),
        when("any", of=[when("rate", attribute="level", over="10m", above=1), when("during", hours=["06:00-07:00"])]),
        when("window", attribute="level", method="mean", over="1h", below=3),
        when("related", via="gauge", inverse=True, types=["Pump"], when=when("threshold", attribute="state",
                                                                            equals=["off", 1, True])),
        when("area", at_least=2, when=LEVEL),
        when("geofence", side="inside", center=[106.6, 10.9], radius=500),
    ]),
    then=[{"do": "set", "attribute": "flag", "value": True}, {"do": "notify", "people": ["ca-truc"]},
          {"do": "webhook", "url": "https://a.example/b"}, {"do": "procedure", "procedure": "flood"}],
)  # fmt: skip


def test_a_rule_of_everything_is_sound_and_the_same_after_toml():
    whole = read_rule(WHOLE)
    assert [fault for fault in check(whole, KNOWN) if fault.level == "error"] == []
    assert read_rule(read_toml(toml_of(whole))[0]) == whole


@pytest.mark.parametrize(
    ("parts", "path", "words"),
    [
        ({"titel": 1}, "titel", "there is no member 'titel' here; did you mean title?"),
        ({"when": when("treshold", attribute="level")}, "when.kind", "did you mean threshold?"),
        ({"when": when("all", of=[{"attribute": "level"}])}, "when.of[0].kind", "kind is missing"),
        ({"when": {**LEVEL, "abov": 3}}, "when.abov", "did you mean above?"),
        ({"severity": "high"}, "severity", "critical, major, minor or advisory"),
        ({"then": [{"do": "email"}]}, "then[0].do", "there is no do 'email'"),
        ({"when": {**LEVEL, "above": "1"}}, "when.above", "expected `float | null`, got `str`"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(parts, path, words):
    with pytest.raises(BadRule) as caught:
        rule(**parts)
    (fault,) = caught.value.faults
    assert fault.path == path
    assert words in f"{fault.message}; {fault.hint}"


@pytest.mark.parametrize(
    ("parts", "path", "words"),
    [
        ({"types": ["Guage"]}, "types[0]", "error: there is no type 'Guage'; did you mean Gauge?"),
        ({"when": {**LEVEL, "attribute": "levle"}}, "when.attribute", "warning: no entity of type Gauge"),
        ({"when": {**LEVEL, "below": 2}}, "when", "it would always hold"),
        ({"when": {"kind": "threshold", "attribute": "level"}}, "when", "nothing says when it holds"),
        ({"when": {**LEVEL, "below": 0.9}}, "when.hysteresis", "it would never end"),
        ({"when": when("all", of=[LEVEL, {"kind": "threshold", "attribute": "level", "below": 1}])}, "when.of",
         "level is never above 1 and below 1 at once"),
        ({"when": when("all", of=[{"kind": "threshold", "attribute": "level", "equals": [i]} for i in (1, 2)])},
         "when.of", "equal different values at once"),
        ({"when": when("during", hours=["06:00-07:00"])}, "when", "nothing is observed"),
        ({"when": {**LEVEL, "hysteresis": 0}}, "when", "warning: it may oscillate"),
        ({"when": when("silent", after="soon")}, "when.after", "'soon' is no duration"),
        ({"active": {"hours": ["6-7"]}}, "active.hours[0]", "no span of hours like 06:00-22:00"),
        ({"active": {"months": [2], "lunar_days": [31]}}, "active.lunar_days[0]", "31 is not from 1 to 30"),
        ({"active": {"calendar": "tet", "months": [7]}}, "active", "it is never"),
        ({"when": when("geofence", side="inside", area_of="urn:b")}, "when.area_of", "no entity urn:b with a location"),
        ({"when": when("geofence", side="inside")}, "when", "0 areas are given"),
        ({"then": [{"do": "set", "attribute": "level", "value": 1}]}, "then[0].attribute", "a loop"),
        ({"then": [{"do": "notify", "people": ["ca-trực"]}]}, "then[0].people[0]", "did you mean ca-truc?"),
        ({"then": [{"do": "procedure", "procedure": "fire"}]}, "then[0].procedure[0]", "there is no procedure 'fire'"),
        ({"alarm": False}, "alarm", "the rule does nothing"),
        ({"maintenance": [{"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}]}, "maintenance[0].end",
         "not after the start"),
        ({"id": "High level"}, "id", "is no id"),
        ({"most_per_minute": 0}, "most_per_minute", "from 1 to 1000"),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_told_with_its_place_and_how_to_mend_it(parts, path, words):
    assert words in told(**parts)[path]


def test_toml_that_is_none_is_told_with_its_line():
    with pytest.raises(BadRule, match=r"this is no TOML: .*line 1"):
        read_toml("id = = 1")
