"""Every payload of the Smart Data Models is read without loss, or refused with the attribute and the fault named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pyld import jsonld

from dothi.model.attribute import FEED, Rules
from dothi.model.context import core_context
from dothi.model.errors import BadRequestData
from dothi.model.packaged import core_terms
from dothi.model.parse import parse_entity
from dothi.model.represent import Representation, represent

DATA = Path(os.environ.get("DOTHI_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data")) / "smart-data-models"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the Smart Data Models payloads are not at {DATA}")
CORE = core_context()
NAMES = sorted(path.name for path in DATA.glob("*.jsonld"))

#: Payloads that break a rule of NGSI-LD -> words of the refusal.
DIRTY = {
    "ACMeasurement.jsonld": "dateObserved.value: '2020-03-17TT08:45:00Z' is no DateTime",
    "AccessPoint.jsonld": "the id 'ap_542' is no URI",
    "AccessPoint.keyvalues.jsonld": "the id 'ap_542' is no URI",
    "AnprFlowObserved.keyvalues.jsonld": "location: coordinates: latitude 168.370658 is out of range",
    "BikeLane.jsonld": "location: is a GeoProperty, not a Property",
    "CityWork.jsonld": "workDisposition.tramwayImpacted: type 'Property ' is no kind of attribute",
    "ComplaintsCollection.jsonld": "groupedAt.value: '2021-04-19T10:00:00.000' is no DateTime",
    "CrowdFlowObserved.jsonld": "dateObserved.value: '2018-08-07T11:10:00' is no DateTime",
    "DcatCatalogue.jsonld": "catalog: a Relationship holds its value in 'object'",
    "DcatDistribution.jsonld": "location: is a GeoProperty, not a Property",
    "DeviceMeasurement.jsonld": "location: is a GeoProperty, not a Property",
    "DigitalInnovationHub.jsonld": "relation: a Relationship holds its value in 'object'",
    "DigitalInnovationHubService.jsonld": "relation: a Relationship holds its value in 'object'",
    "FleetVehicleStatus.keyvalues.jsonld": "unitCode: is a member of attributes",
    "FloodMonitoring.jsonld": "floodLevelStatus: type 'string' is no kind of attribute",
    "GreenEnergyMeasurement.jsonld": "refGreenEnergyGenerator: a Relationship holds its value in 'object'",
    "Open311ServiceRequest.jsonld": "expected_datetime.value: '2010-04-15T06:37:38-08:00Z' is no DateTime",
    "Person.jsonld": "location: type 'Geoproperty' is no kind of attribute",
    "Person.keyvalues.jsonld": "location: coordinates: latitude 170.070362 is out of range",
    "PhotovoltaicDevice.jsonld": "refDevice: a Relationship holds its value in 'object'",
    "PhotovoltaicMeasurement.jsonld": "refPhotovoltaicDevice: a Relationship has no 'object'",
    "PublicOrganization.jsonld": "preferredLabel: type 'string' is no kind of attribute",
    "PublicService.jsonld": "isGroupedBy: a Relationship holds its value in 'object'",
    "QueueMonitor.jsonld": "location: is a GeoProperty, not a Property",
    "RoadAccident.keyvalues.jsonld": "location: coordinates: latitude 168.370658 is out of range",
    "SDGProject.jsonld": "the id '0.E.6.AY1' is no URI",
    "SolarEnergy.jsonld": "location.value: coordinates",
    "TrafficFlowObserved.jsonld": "dateObserved.value: '2016-12-07T11:10:00' is no DateTime",
    "TransportStation.jsonld": "dateLastReported: type 'DateTime' is no kind of attribute",
    "TransportStation.keyvalues.jsonld": "featuredArtist : the name holds the forbidden character ' '",
    "WaterObserved.jsonld": "dateObserved.object: '2020-03-17T08:45:00.209Z' is no URI",
    "WeatherAlert.keyvalues.jsonld": "the id 'WeatherAlert-83b872975414bfca10832e564a1bb416-7' is no URI",
    "WeatherForecast.jsonld": "the id 'Spain-WeatherForecast",
    "WeatherForecast.keyvalues.jsonld": "the id 'Spain-WeatherForecast",
    "WifiPointOfInterest.jsonld": "the id 'poi_226' is no URI",
    "WifiPointOfInterest.keyvalues.jsonld": "the id 'poi_226' is no URI",
}


def expanded(document: dict[str, Any]) -> Any:
    """The document in expanded JSON-LD by PyLD, with the core context alone, without what only a broker sets."""
    members = {key: item for key, item in document.items() if key not in ("createdAt", "modifiedAt")}
    return jsonld.expand({**members, "@context": core_terms()})


@pytest.mark.parametrize("name", NAMES)
def test_a_payload_is_read_without_loss_or_refused_with_words(name: str) -> None:
    simplified = ".keyvalues." in name
    loaded = json.loads((DATA / name).read_text(encoding="utf-8"))
    for document in loaded if isinstance(loaded, list) else [loaded]:
        if name in DIRTY:
            with pytest.raises(BadRequestData) as caught:
                parse_entity(document, CORE, Rules(simplified=True) if simplified else FEED)
            assert DIRTY[name] in caught.value.detail
            continue
        entity = parse_entity(document, CORE, Rules(simplified=True) if simplified else FEED)
        again = [represent(entity, CORE, Representation(form)) for form in ("normalized", "concise")]
        assert all(parse_entity(each, CORE) == entity for each in again)
        if not simplified:
            assert _leaves(expanded(again[0])) == _leaves(expanded(document))


def _leaves(value: Any) -> Any:
    """Expanded JSON-LD with observedAt in one form, since dothi stores instants in one."""
    if isinstance(value, list):
        return [_leaves(each) for each in value]
    if isinstance(value, dict):
        return {key: _time(item) if key.endswith("/observedAt") else _leaves(item) for key, item in value.items()}
    return value


def _time(value: Any) -> Any:
    [literal] = value
    document = {"id": "urn:x:1", "type": "T", "t": {"type": "Property", "value": 1, "observedAt": literal["@value"]}}
    [attribute] = parse_entity(document, CORE, FEED).attributes.values()
    return attribute["observedAt"] if isinstance(attribute, dict) else None
