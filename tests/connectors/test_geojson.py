"""GeoJSON features become entities, in WGS 84 and with checked geometries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from dothi.connectors.geojson import read_features
from dothi.connectors.mapping import parse_mapping
from dothi.connectors.places import mover
from dothi.model.errors import InvalidRequest

SQUARE = [[[106.0, 11.0], [106.1, 11.0], [106.1, 11.1], [106.0, 11.0]]]


def feature(id: Any, geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "id": id, "properties": properties, "geometry": geometry}


def collection(folder: Path, features: list[Any], **more: Any) -> Path:
    path = folder / "ward plots.geojson"
    path.write_bytes(orjson.dumps({"type": "FeatureCollection", **more, "features": features}))
    return path


def test_properties_are_taken_as_they_are_with_safe_names(tmp_path: Path) -> None:
    plot = feature("7", {"type": "Polygon", "coordinates": SQUARE}, **{"Dân số": 5, "type": "park", "empty": None})
    [batch] = read_features(collection(tmp_path, [plot]))
    assert batch.entities == [
        {
            "id": "urn:ngsi-ld:WardPlots:7",
            "type": "WardPlots",
            "danSo": {"type": "Property", "value": 5},
            "xType": {"type": "Property", "value": "park"},
            "location": {"type": "GeoProperty", "value": {"type": "Polygon", "coordinates": SQUARE}},
        }
    ]


def test_a_mapping_chooses_type_id_and_attributes(tmp_path: Path) -> None:
    rules = parse_mapping("""
        [entity]
        type = "Building"
        id = "urn:ngsi-ld:Building:{id}"
        [columns.height]
        attribute = "height"
        type = "number"
        unit = "MTR"
    """)
    point = {"type": "Point", "coordinates": [106.0, 11.0]}
    [batch] = read_features(
        collection(tmp_path, [feature(1, point, height=12, x=1), feature(2, None, height="tall")]), rules
    )
    assert batch.entities == [
        {
            "id": "urn:ngsi-ld:Building:1",
            "type": "Building",
            "height": {"type": "Property", "value": 12, "unitCode": "MTR"},
            "location": {"type": "GeoProperty", "value": point},
        }
    ]
    assert [problem.what for problem in batch.problems] == ["column 'height': 'tall' is no number"]


@pytest.mark.parametrize("behind", [False, True])
def test_the_reference_system_of_the_file_is_applied_wherever_it_stands(tmp_path: Path, behind: bool) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::9210"}}
    move = mover("EPSG:9210")
    assert move is not None
    point = feature(1, {"type": "Point", "coordinates": [599800.5, 1212700.25]})
    path = collection(tmp_path, [point], crs=crs)
    if behind:
        path.write_bytes(orjson.dumps({"type": "FeatureCollection", "features": [point], "crs": crs}))
    [batch] = read_features(path)
    assert batch.entities[0]["location"]["value"]["coordinates"] == list(move(599800.5, 1212700.25))


def test_an_unknown_reference_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="'EPSG:1' is no coordinate reference system"):
        list(read_features(collection(tmp_path, [], crs={"type": "name", "properties": {"name": "EPSG:1"}})))


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}, "ring is open"),
        ({"type": "Point", "coordinates": [11.0, 106.0]}, "latitude 106.0 is out of range"),
        ({"type": "Point", "coordinates": [599800.5, 1212700.2]}, "longitude 599800.5 is out of range"),
        ({"type": "Blob", "coordinates": []}, "geometry type 'Blob'"),
        ([1, 2], "a geometry is an object"),
    ],
)
def test_a_wrong_geometry_is_told_with_its_line_and_the_others_are_read(
    tmp_path: Path, geometry: Any, words: str
) -> None:
    good = feature(2, {"type": "Point", "coordinates": [106.0, 11.0]})
    [batch] = read_features(collection(tmp_path, [feature(1, geometry), good]))
    assert len(batch.entities) == 1
    [problem] = batch.problems
    assert problem.where == "ward plots.geojson:1"
    assert words in problem.what


def test_features_one_a_line_and_a_single_feature_are_read(tmp_path: Path) -> None:
    one = feature(1, None, a=1)
    path = tmp_path / "x.geojson"
    path.write_bytes(orjson.dumps(one) + b"\n" + orjson.dumps(feature(2, None, a=2)) + b"\n{broken}\n")
    [batch] = read_features(path)
    assert [entity["id"] for entity in batch.entities] == ["urn:ngsi-ld:X:1", "urn:ngsi-ld:X:2"]
    assert [problem.where for problem in batch.problems] == ["x.geojson:3"]
