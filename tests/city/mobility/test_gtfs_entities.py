"""GTFS tables become entities: a small feed by hand, faults by line, and the whole Cairns feed."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.city.mobility import module
from dothi.city.mobility.gtfs import gtfs_entities, urn
from dothi.city.mobility.stop_times import StopTimes, seconds
from dothi.model.reading import Trouble

_FOUND = os.environ.get("DOTHI_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data"
CAIRNS = Path(_FOUND) / "transport" / "cairns_gtfs.zip"

SMALL = {
    "agency": "agency_id,agency_name,agency_url,agency_timezone\nB,Becamex,http://b.example,Asia/Ho_Chi_Minh\n",
    "routes": "route_id,route_short_name,route_long_name,route_type\n51,51,Becamex Tower - ĐHQT Miền Đông,3\n",
    "calendar": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "W,1,1,1,1,1,0,0,20260101,20261231\n"
    ),
    "calendar_dates": "service_id,date,exception_type\nW,20260217,2\nTET,20260217,1\n",
    "stops": (
        "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n"
        "S,Bến xe,11.05,106.68,1,\nA,Trạm A,11.05,106.68,,S\nB,Trạm B,11.06,106.69,0,\n"
    ),
    "shapes": (
        "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nL,11.06,106.69,20\nL,11.05,106.68,3\nL,11.055,106.685,10\n"
    ),
    "trips": "route_id,service_id,trip_id,trip_headsign,direction_id,shape_id\n51,W,T1,Miền Đông,0,L\n",
    "stop_times": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nT1,25:10:00,,B,9\nT1,05:00:00,05:00:30,A,1\n"
    ),
    "frequencies": "trip_id,start_time,end_time,headway_secs,exact_times\nT1,05:00:00,22:00:00,600,0\n",
}


def tables(texts: dict[str, str]) -> dict[str, Iterator[tuple[int, dict[str, str]]]]:
    return {name: enumerate(csv.DictReader(io.StringIO(text)), 2) for name, text in texts.items()}


def decode(texts: dict[str, str]) -> tuple[dict[str, Any], list[Trouble]]:
    found = list(gtfs_entities(tables(texts), "bd"))
    return (
        {item["id"]: item for item in found if not isinstance(item, Trouble)},
        [item for item in found if isinstance(item, Trouble)],
    )


def test_a_small_feed_becomes_linked_entities() -> None:
    entities, troubles = decode(SMALL)
    assert troubles == []
    trip = entities["urn:ngsi-ld:GtfsTrip:bd:T1"]
    assert trip["hasRoute"]["object"] in entities
    assert trip["hasShape"]["object"] in entities
    assert trip["hasService"]["object"] in entities
    assert trip["direction"]["value"] == 0
    assert trip["stopTimes"]["json"] == {"stop": ["A", "B"], "arrival": [18000, 90600], "departure": [18030, None]}
    shape = entities["urn:ngsi-ld:GtfsShape:bd:L"]
    assert shape["location"]["value"]["coordinates"] == [[106.68, 11.05], [106.685, 11.055], [106.69, 11.06]]
    assert shape["name"]["value"] == "51 Becamex Tower - ĐHQT Miền Đông"
    assert entities["urn:ngsi-ld:GtfsStop:bd:A"]["hasParentStation"]["object"] == "urn:ngsi-ld:GtfsStation:bd:S"
    assert Counter(entity["type"] for entity in entities.values()) == {
        "GtfsAgency": 1, "GtfsRoute": 1, "GtfsCalendarRule": 1, "GtfsCalendarDateRule": 2, "GtfsService": 2,
        "GtfsShape": 1, "GtfsStation": 1, "GtfsStop": 2, "GtfsTrip": 1, "GtfsFrequency": 1,
    }  # fmt: skip


def test_every_type_made_is_declared() -> None:
    entities, _ = decode(SMALL)
    assert {entity["type"] for entity in entities.values()} <= {entity.name for entity in module.types}


@pytest.mark.parametrize(
    ("table", "old", "new", "where", "what"),
    [
        ("stops", "Trạm B,11.06", "Trạm B,91", "stops.txt:4", "is no place"),
        ("stops", "11.06", "north", "stops.txt:4", "is no place"),
        ("routes", "Đông,3", "Đông,", "routes.txt:2", "route_type is empty"),
        ("trips", "51,W", "99,W", "trips.txt:2", "route_id '99' is not in routes.txt"),
        ("trips", "51,W", "51,X", "trips.txt:2", "service_id 'X' is not in calendar.txt"),
        ("stop_times", "25:10:00", "25:61:00", "stop_times.txt:2", "is no time like"),
        ("stop_times", ",B,9", ",B,-9", "stop_times.txt:2", "is no whole number"),
        ("stop_times", ",B,9", ",Z,9", "stop_times.txt:2", "stop_id 'Z' is not in stops.txt"),
        ("calendar", "20261231", "31/12/2026", "calendar.txt:2", "is no date"),
        ("calendar_dates", "20260217,2", "20260217,5", "calendar_dates.txt:2", "exception_type '5'"),
    ],
)
def test_a_faulty_row_is_told_by_file_and_line(table: str, old: str, new: str, where: str, what: str) -> None:
    entities, troubles = decode(SMALL | {table: SMALL[table].replace(old, new, 1)})
    assert troubles[0].where == where
    assert what in troubles[0].what
    assert troubles[0].mend
    assert entities


def test_stop_times_of_an_unknown_trip_are_told() -> None:
    _, troubles = decode(SMALL | {"trips": SMALL["trips"].replace("T1", "T2")})
    assert any("trip_id 'T1' is not in trips.txt" in trouble.what for trouble in troubles)


def test_a_line_of_one_place_is_told() -> None:
    points = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nL,11,106,1\nL,11,106,2\n"
    _, troubles = decode(SMALL | {"shapes": points})
    assert "fewer than two places" in troubles[0].what


def test_missing_files_are_told() -> None:
    _, troubles = decode({})
    assert [trouble.where for trouble in troubles] == [
        "agency.txt", "stops.txt", "routes.txt", "trips.txt", "stop_times.txt"
    ]  # fmt: skip


def test_keys_with_odd_characters_make_valid_ids() -> None:
    assert urn("GtfsStop", "bd", "Chợ 1/2") == "urn:ngsi-ld:GtfsStop:bd:Ch%E1%BB%A3%201%2F2"


@given(st.integers(0, 99 * 3600))
def test_times_read_back(total: int) -> None:
    assert seconds(f"{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}") == total


@given(st.lists(st.tuples(st.integers(0, 500), st.sampled_from("ABC"), st.none() | st.integers(0, 200_000)),
                unique_by=lambda visit: visit[0], min_size=1))  # fmt: skip
def test_visits_come_back_in_order(visits: list[tuple[int, str, int | None]]) -> None:
    times = StopTimes()
    for sequence, stop, arrival in visits:
        times.add("T", sequence, stop, arrival, None)
    kept = times.of("T")
    assert kept is not None
    assert list(zip(kept["stop"], kept["arrival"], strict=True)) == [
        visit[1:] for visit in sorted(visits, key=lambda v: v[0])
    ]


@pytest.mark.skipif(not CAIRNS.exists(), reason=f"the Cairns feed is not there: {CAIRNS} (set DOTHI_SHARED_DATA)")
def test_the_cairns_feed_gives_the_counts_of_its_files() -> None:
    with zipfile.ZipFile(CAIRNS) as archive:
        texts = {name[:-4]: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
    entities, troubles = decode(texts)
    assert troubles == []
    count = Counter(entity["type"] for entity in entities.values())
    assert (count["GtfsStop"], count["GtfsRoute"], count["GtfsTrip"]) == (416, 22, 1339)
    shapes = {row["shape_id"] for row in csv.DictReader(io.StringIO(texts["shapes"]))}
    assert count["GtfsShape"] == len(shapes)
    assert (
        sum(len(entity["stopTimes"]["json"]["stop"]) for entity in entities.values() if "stopTimes" in entity) == 37_790
    )
    points = sum(1 for _ in csv.DictReader(io.StringIO(texts["shapes"])))
    kept = sum(len(e["location"]["value"]["coordinates"]) for e in entities.values() if e["type"] == "GtfsShape")
    assert kept == points == 22_784
