"""Every Smart Data Models payload is stored by a real server without loss, or refused with its fault named."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyld import jsonld

from dothi.app import open_city
from dothi.connectors.load import load_files
from dothi.model.instant import format_instant, parse_instant
from dothi.settings import read_settings

SHARED = Path(os.environ.get("DOTHI_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
DATA = SHARED / "smart-data-models"
CONTEXTS = SHARED / "clients" / "contexts"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the Smart Data Models payloads are not at {DATA}")

CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context"
#: The scoped context of the core term ngsildproof, which no payload has.
PROOFS = "https://w3id.org/security/data-integrity/v2"
OBSERVED_AT = "https://uri.etsi.org/ngsi-ld/observedAt"
NAMES = sorted(path.name for path in DATA.glob("*.jsonld"))


def load_offline(address: str, options: Any = None) -> dict[str, Any]:
    """PyLD's document loader over the originals of the contexts, as their publishers wrote them."""
    mapped = json.loads((CONTEXTS / "map.json").read_text("utf-8"))
    if address.startswith(CORE):
        document = json.loads((CONTEXTS / "ngsi-ld-core-context-v1.9.jsonld").read_text("utf-8"))
        for word in ("@protected", "@version"):  # NGSI-LD lets other contexts come before it (clause 5.5.7)
            document["@context"].pop(word, None)
    elif address == PROOFS:
        document = {"@context": {}}
    elif address in mapped:
        document = json.loads((CONTEXTS / mapped[address]).read_text("utf-8"))
    else:
        subject = address.removesuffix("/context.jsonld").removesuffix("/master").rpartition("dataModel.")[2]
        document = json.loads((DATA / "contexts" / f"{subject}.context.jsonld").read_text("utf-8"))
        for term in [term for term in document["@context"] if ":" in term]:
            del document["@context"][term]
    return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": address, "document": document}


def own_contexts(document: dict[str, Any]) -> list[str]:
    """The contexts of a document but the core context, which comes last anyway."""
    context = document.get("@context", [])
    return [part for part in (context if isinstance(context, list) else [context]) if not part.startswith(CORE)]


def expanded(document: dict[str, Any], contexts: list[str]) -> Any:
    members = {name: item for name, item in document.items() if name not in ("createdAt", "modifiedAt", "@context")}
    whole = {**members, "@context": [*contexts, CORE + ".jsonld"]}
    return with_instants(jsonld.expand(whole, {"documentLoader": load_offline}))


def with_instants(value: Any) -> Any:
    """Expanded JSON-LD in which observedAt, which a broker may write in another zone, has one form."""
    if isinstance(value, list):
        return [with_instants(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: format_instant(parse_instant(item[0]["@value"])) if name == OBSERVED_AT else with_instants(item)
        for name, item in value.items()
    }


#: Payloads that break a rule of NGSI-LD -> words of the refusal.
DIRTY = {
    "ACMeasurement.jsonld": "dateObserved.value: '2020-03-17TT08:45:00Z' is no DateTime",
    "AccessPoint.jsonld": "the id 'ap_542'",
    "AccessPoint.keyvalues.jsonld": "the id 'ap_542'",
    "AnprFlowObserved.keyvalues.jsonld": "location: coordinates: latitude 168.370658 is out of range -90..90",
    "BikeLane.jsonld": "location: is a GeoProperty, not a Property",
    "CityWork.jsonld": "workDisposition.tramwayImpacted: type 'Property ' is no kind of attribute",
    "CityWork.keyvalues.jsonld": "The @context https://smartdatamodels.org/context cannot be had",
    "ComplaintsCollection.jsonld": "groupedAt.value: '2021-04-19T10:00:00.000' is no DateTime",
    "CrowdFlowObserved.jsonld": "dateObserved.value: '2018-08-07T11:10:00' is no DateTime",
    "DcatCatalogue.jsonld": "catalog: a Relationship holds its value in 'object', not 'value'",
    "DcatDistribution.jsonld": "location: is a GeoProperty, not a Property",
    "DeviceMeasurement.jsonld": "location: is a GeoProperty, not a Property",
    "DigitalInnovationHub.jsonld": "relation: a Relationship holds its value in 'object', not 'value'",
    "DigitalInnovationHubService.jsonld": "relation: a Relationship holds its value in 'object', not 'value'",
    "EVChargingStation.keyvalues.jsonld": "@context[1] is 'iudx:EVChargingStation', which is no http or https address.",
    "FleetVehicleStatus.keyvalues.jsonld": "unitCode: is a member of attributes and can be the name of none",
    "FloodMonitoring.jsonld": "floodLevelStatus: type 'string' is no kind of attribute",
    "GreenEnergyMeasurement.jsonld": "refGreenEnergyGenerator: a Relationship holds its value in 'object', not 'value'",
    "Open311ServiceRequest.jsonld": "expected_datetime.value: '2010-04-15T06:37:38-08:00Z' is no DateTime",
    "Person.jsonld": "location: type 'Geoproperty' is no kind of attribute",
    "Person.keyvalues.jsonld": "location: coordinates: latitude 170.070362 is out of range -90..90",
    "PhotovoltaicDevice.jsonld": "refDevice: a Relationship holds its value in 'object', not 'value'",
    "PhotovoltaicMeasurement.jsonld": "refPhotovoltaicDevice: a Relationship has no 'object'",
    "PublicOrganization.jsonld": "preferredLabel: type 'string' is no kind of attribute",
    "PublicService.jsonld": "isGroupedBy: a Relationship holds its value in 'object', not 'value'",
    "QueueMonitor.jsonld": "location: is a GeoProperty, not a Property",
    "RoadAccident.keyvalues.jsonld": "location: coordinates: latitude 168.370658 is out of range -90..90",
    "SDGProject.jsonld": "the id '0.E.6.AY1'",
    "SolarEnergy.jsonld": "location.value: coordinates must be a position [longitude, latitude]",
    "TrafficFlowObserved.jsonld": "dateObserved.value: '2016-12-07T11:10:00' is no DateTime",
    "TransitManagement.keyvalues.jsonld": "@context[0] is 'iudx:TransitManagement', which is no http or https address.",
    "TransportStation.jsonld": "dateLastReported: type 'DateTime' is no kind of attribute",
    "TransportStation.keyvalues.jsonld": "featuredArtist : the name holds the forbidden character ' ' at position 14",
    "Vehicle.jsonld": "battery.observedAt: '2021-03-11T15:51:02+05:30' is not in UTC",
    "WaterObserved.jsonld": "dateObserved.object: '2020-03-17T08:45:00.209Z' is no URI",
    "WeatherAlert.keyvalues.jsonld": "the id 'WeatherAlert-83b872975414bfca10832e564a1bb416-7'",
    "WeatherForecast.jsonld": "the id 'Spain-WeatherForecast-46005_2016-12-01T18:00:00_2016-12-",
    "WeatherForecast.keyvalues.jsonld": "the id 'Spain-WeatherForecast-46005_2016-12-01T18:00:00_2016-12-",
    "WifiPointOfInterest.jsonld": "the id 'poi_226'",
    "WifiPointOfInterest.keyvalues.jsonld": "the id 'poi_226'",
}
#: Payloads in key-values that are no concise form either: an object with a type of its own stands for the attribute.
#: They are for `dothi load` (below) and for PATCH with format=simplified.
BARE_OBJECTS = {
    "AirQualityForecast.keyvalues.jsonld": "address: type 'PostalAddress' is no kind of attribute",
    "AirQualityObserved.keyvalues.jsonld": "address: type 'PostalAddress' is no kind of attribute",
    "Building.keyvalues.jsonld": "address: type 'PostalAddress' is no kind of attribute",
    "FlowerBed.keyvalues.jsonld": "address: type 'PostalAddress' is no kind of attribute",
    "GtfsStation.keyvalues.jsonld": "address: type 'PostalAddress' is no kind of attribute",
    "IndoorEnvironmentObserved.keyvalues.jsonld": "address: type 'PostalAddress' is no kind of attribute",
    "OffStreetParking.keyvalues.jsonld": "address: type 'PostalAddress' is no kind of attribute",
    "TrafficFlowObserved.keyvalues.jsonld": "address: type 'PostalAddress' is no kind of attribute",
    "WasteContainerIsle.keyvalues.jsonld": "address: type 'PostalAddress' is no kind of attribute",
}


@pytest.fixture(scope="module")
def city(city_server: Any) -> Iterator[httpx.Client]:
    with city_server.client() as client:
        yield client


def post(city: httpx.Client, document: dict[str, Any]) -> httpx.Response:
    media = "application/ld+json" if "@context" in document else "application/json"
    return city.post("entities", content=json.dumps(document), headers={"content-type": media})


def link_to(city: httpx.Client, contexts: list[str]) -> dict[str, str]:
    """The Link header of these contexts; several are first hosted by the broker as one."""
    if not contexts:
        return {}
    address = contexts[0]
    if len(contexts) > 1:
        hosted = city.post("jsonldContexts", json={"@context": contexts}).raise_for_status()
        address = str(city.base_url.join(hosted.headers["location"]))
    return {"link": f'<{address}>; rel="http://www.w3.org/ns/json-ld#context"'}


@pytest.mark.parametrize("name", NAMES)
def test_a_payload_is_stored_without_loss_or_refused_with_attribute_and_fault(city, name):
    document = json.loads((DATA / name).read_text("utf-8"))
    answer = post(city, document)
    if words := (DIRTY | BARE_OBJECTS).get(name):
        problem = answer.json()
        assert answer.status_code == problem["status"] == (504 if "cannot be had" in words else 400)
        assert problem["detail"].startswith(words)
        counted = city.get("entities", params={"local": "true", "limit": 0, "count": "true"})
        assert counted.headers["ngsild-results-count"] == "0"
        return
    assert answer.status_code == 201, answer.text
    path = answer.headers["location"].removeprefix("/ngsi-ld/v1/")
    headers = {"accept": "application/ld+json", **link_to(city, own_contexts(document))}
    form = {"format": "simplified"} if ".keyvalues." in name else {}
    kept = city.get(path, headers=headers, params=form).raise_for_status().json()
    assert city.delete(path).status_code == 204
    assert expanded(kept, own_contexts(document)) == expanded(document, own_contexts(document))


async def test_loading_takes_more_and_lenient_loading_nearly_all(tmp_path):
    """`load` reads key-values and times with an offset; --lenient leaves only coordinates that may mean two things."""
    files = [DATA / name for name in NAMES]
    async with open_city(read_settings(storage={"folder": tmp_path / "city"})) as city:
        strict = await load_files(files, city.tenants.default.ingest)
        lenient = await load_files(files, city.tenants.default.ingest, lenient=True)
    assert {each.file for each in strict.files if each.rejected} == DIRTY.keys() - {"Vehicle.jsonld"}
    assert {each.file for each in lenient.files if each.rejected} == {
        "AnprFlowObserved.keyvalues.jsonld",
        "Person.keyvalues.jsonld",
        "RoadAccident.keyvalues.jsonld",
        "SolarEnergy.jsonld",
    }
    assert all(trouble.what and trouble.mend for each in lenient.files for trouble in each.mended)


def test_most_payloads_are_stored_and_the_others_are_known():
    assert len(NAMES) == 215
    assert len(NAMES) - len(DIRTY) - len(BARE_OBJECTS) == 166
    assert set(DIRTY | BARE_OBJECTS) <= set(NAMES)
