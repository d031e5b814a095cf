"""CAP 1.2 by the rules of the OASIS standard: elements and their order, enumerations, times, polygons."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.automation.incidents.area import around, checked
from dothi.automation.incidents.cap import NAMESPACE, cap_alert, moment, sender
from dothi.automation.incidents.incident import STATES, Incident
from dothi.automation.incidents.sketch import sketch
from dothi.automation.incidents.words import KINDS
from dothi.model.errors import BadRequestData
from dothi.model.instant import parse_instant

NOW = parse_instant("2026-11-25T04:00:00.123456Z")
CITY = {"vi": "Bình Dương", "en": "Bình Dương"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
# Section 3.2: names in the order of the schema, and the closed lists.
ALERT = [
    "identifier",
    "sender",
    "sent",
    "status",
    "msgType",
    "source",
    "scope",
    "restriction",
    "addresses",
    "code",
    "note",
    "references",
    "incidents",
    "info",
]
INFO = [
    "language",
    "category",
    "event",
    "responseType",
    "urgency",
    "severity",
    "certainty",
    "audience",
    "eventCode",
    "effective",
    "onset",
    "expires",
    "senderName",
    "headline",
    "description",
    "instruction",
    "web",
    "contact",
    "parameter",
    "resource",
    "area",
]
LISTS = {
    "status": {"Actual", "Exercise", "System", "Test", "Draft"},
    "msgType": {"Alert", "Update", "Cancel", "Ack", "Error"},
    "scope": {"Public", "Restricted", "Private"},
    "category": {
        "Geo",
        "Met",
        "Safety",
        "Security",
        "Rescue",
        "Fire",
        "Health",
        "Env",
        "Transport",
        "Infra",
        "CBRNE",
        "Other",
    },
    "responseType": {"Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"},
    "urgency": {"Immediate", "Expected", "Future", "Past", "Unknown"},
    "severity": {"Extreme", "Severe", "Moderate", "Minor", "Unknown"},
    "certainty": {"Observed", "Likely", "Possible", "Unlikely", "Unknown"},
}
NEEDED = {
    "alert": {"identifier", "sender", "sent", "status", "msgType", "scope"},
    "info": {"category", "event", "urgency", "severity", "certainty"},
}


def incident(**more):
    told = {"id": "urn:ngsi-ld:Incident:1",
            "title": {"vi": "Ngập <Dĩ An> & phụ cận", "en": "Flood"}, "state": "working",
            "severity": "critical", "opened_at": NOW, "opened_by": "lan", "category": "flood",
            "area": around([(106.75, 10.9), (106.76, 10.91)])}  # fmt: skip
    return Incident(**{**told, **more})


def names(element):
    return [each.tag.removeprefix(f"{{{NAMESPACE}}}") for each in element]


def texts(alert, name):
    return [each.text for each in alert.iter(f"{{{NAMESPACE}}}{name}")]


@given(
    st.sampled_from(STATES), st.sampled_from(["critical", "major", "minor", "advisory"]), st.sampled_from(sorted(KINDS))
)
def test_every_alert_keeps_the_standard(state, severity, kind):
    alert = ElementTree.fromstring(cap_alert(incident(state=state, severity=severity, category=kind), CITY, NOW))
    assert alert.tag == f"{{{NAMESPACE}}}alert"
    infos = alert.findall(f"{{{NAMESPACE}}}info")
    assert len(infos) == 2
    for element, order, needed in ((alert, ALERT, NEEDED["alert"]), *((info, INFO, NEEDED["info"]) for info in infos)):
        found = names(element)
        assert [order.index(name) for name in found] == sorted(order.index(name) for name in found)
        assert needed <= set(found)
    for name, allowed in LISTS.items():
        assert set(texts(alert, name)) <= allowed, name
    for name in ("identifier", "sender"):
        assert not re.search(r"[\s,<&]", texts(alert, name)[0])
    for name in ("sent", "effective", "onset", "expires"):
        assert all(TIME.fullmatch(each) for each in texts(alert, name))
    assert texts(alert, "language") == ["vi-VN", "en-GB"]
    assert all(texts(alert, "areaDesc"))


def test_a_polygon_is_latitude_first_and_closed():
    alert = ElementTree.fromstring(cap_alert(incident(), CITY, NOW))
    for polygon in texts(alert, "polygon"):
        pairs = [tuple(map(float, pair.split(","))) for pair in polygon.split(" ")]
        assert len(pairs) >= 4
        assert pairs[0] == pairs[-1]
        assert all(10 < lat < 12 and 106 < lon < 108 for lat, lon in pairs)


def test_times_are_vietnamese_and_the_sender_is_plain():
    assert moment(NOW) == "2026-11-25T11:00:00+07:00"
    assert sender(CITY) == "binh-duong@dothi"
    assert sender({}) == "city@dothi"


def test_a_closed_incident_gives_the_all_clear():
    alert = ElementTree.fromstring(cap_alert(incident(state="closed", area=None), CITY, NOW, "Exercise"))
    assert texts(alert, "responseType") == ["AllClear", "AllClear"]
    assert texts(alert, "expires") == []
    assert texts(alert, "status") == ["Exercise"]


def test_an_area_that_is_none_is_refused_with_the_reason():
    with pytest.raises(BadRequestData, match="Polygon or MultiPolygon, not a Point"):
        checked({"type": "Point", "coordinates": [106, 11]})
    with pytest.raises(BadRequestData, match="cross itself"):
        checked({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]})
    with pytest.raises(BadRequestData, match="no GeoJSON"):
        checked({"type": "Polygon", "coordinates": "here"})
    with pytest.raises(BadRequestData, match="longitude, latitude"):
        checked({"type": "Polygon", "coordinates": [[[0, 100], [1, 100], [1, 101], [0, 100]]]})


def test_the_sketch_is_well_formed_and_none_without_a_place():
    assert sketch(None, []) is None
    drawn = ElementTree.fromstring(sketch(incident().area, []))
    assert drawn.tag.endswith("svg")
