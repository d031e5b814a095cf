"""Entities as light map features: status by bands, age by the layer's longest silence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.city.module import Band, CityModule, Layer, ModulePage, Text
from dothi.model.entity import Entity
from dothi.model.query import AnyOf, Name
from dothi.web.features import OFFLINE_FACTOR, age_class, judge, layer_views
from dothi.web.vocabulary import vocabulary_of

NAMES = "https://example.org/"
LOCATION = "https://uri.etsi.org/ngsi-ld/location"
TEXT = Text("a", "a")
BANDS = (Band(0, "ok", TEXT), Band(10, "minor", TEXT), Band(20, "critical", TEXT))


class Words:
    def expand(self, name):
        return LOCATION if name == "location" else NAMES + name

    def compact(self, iri):
        return iri.removeprefix(NAMES)


def module(*layers, name="m"):
    return CityModule(name=name, label=TEXT, page=ModulePage(layers=layers))


def view(**more):
    declared = {"label": TEXT, "types": ("Station",), "value": "aqi", "bands": BANDS, **more}
    modules = [module(Layer("air", **declared))]
    return layer_views(modules, vocabulary_of(modules, Words()))["air"]


def station(**attributes):
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.7, 11.0]}}
    given = {NAMES + name: value for name, value in attributes.items()}
    return Entity("urn:ngsi-ld:Station:7", (NAMES + "Station",), {LOCATION: place, **given}, modified=5_000_000)


@pytest.mark.parametrize(
    ("value", "status"), [(-1, "unknown"), (0, "ok"), (9.99, "ok"), (10, "minor"), (1e9, "critical")]
)
def test_a_value_has_the_status_of_the_highest_band_it_reaches(value, status):
    assert judge(value, BANDS) == status


@given(st.floats(allow_nan=False))
def test_the_order_of_bands_does_not_matter(value):
    assert judge(value, BANDS) == judge(value, BANDS[::-1])


@pytest.mark.parametrize("value", [None, "12", True, [1]])
def test_what_is_no_number_cannot_be_judged(value):
    assert judge(value, BANDS) == "unknown"


def test_a_layer_without_bands_is_always_ok():
    assert judge("anything", ()) == "ok"


@given(st.integers(0, 10_000), st.floats(1, 1_000))
def test_age_only_gets_worse(seconds, stale_after):
    order = ["fresh", "stale", "offline"]
    now = 10**15
    first = age_class(now, stale_after, now + seconds * 1_000_000)
    later = age_class(now, stale_after, now + (seconds + 1) * 1_000_000)
    assert order.index(first) <= order.index(later)


def test_a_thing_is_stale_after_its_silence_and_offline_after_four():
    now = 10**15
    assert age_class(now, 10, now + 10_000_000) == "fresh"
    assert age_class(now, 10, now + 10_000_001) == "stale"
    assert age_class(now, 10, now + OFFLINE_FACTOR * 10_000_000 + 1) == "offline"
    assert age_class(None, 10, now) == "offline"
    assert age_class(None, None, now) == "timeless"


def test_a_feature_holds_what_the_map_shows():
    entity = station(
        aqi={"type": "Property", "value": 12, "observedAt": "1970-01-01T00:00:03Z"},
        name={"type": "Property", "value": "Trạm Bến Cát"},
        heading={"type": "Property", "value": -90},
    )
    feature = view().feature(entity, 4_000_000)
    assert feature["id"] == "urn:ngsi-ld:Station:7"
    assert feature["geometry"] == {"type": "Point", "coordinates": [106.7, 11.0]}
    assert feature["properties"] == {
        "name": "Trạm Bến Cát",
        "value": 12,
        "status": "minor",
        "observedAt": 3000,
        "heading": 270,
        "stale": False,
    }


def test_an_entity_without_a_place_is_on_no_map():
    assert view().feature(Entity("urn:x", (NAMES + "Station",), {}), 0) is None


def test_the_name_falls_back_to_the_tail_of_the_id():
    assert view().feature(station(), 0)["properties"]["name"] == "7"


def test_a_name_in_languages_keeps_them():
    name = {"type": "LanguageProperty", "languageMap": {"vi": "Phường", "en": "Ward"}}
    assert view().feature(station(name=name), 0)["properties"]["name"] == {"vi": "Phường", "en": "Ward"}


def test_the_default_instance_is_shown_among_several():
    aqi = [{"type": "Property", "value": 1, "datasetId": "urn:a"}, {"type": "Property", "value": 15}]
    assert view().feature(station(aqi=aqi), 0)["properties"]["value"] == 15


def test_two_modules_cannot_declare_one_layer_id():
    layer = Layer("air", TEXT, ("Station",))
    with pytest.raises(ValueError, match="'air' is declared by both 'm' and 'n'"):
        layer_views([module(layer), module(layer, name="n")], vocabulary_of((), Words()))


DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"


def test_an_entity_written_without_a_context_is_on_the_layer_with_its_value():
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.7, 11.0]}}
    aqi = {"type": "Property", "value": 15, "observedAt": "1970-01-01T00:00:03Z"}
    entity = Entity("urn:a:1", (DEFAULT + "Station",), {LOCATION: place, DEFAULT + "aqi": aqi}, modified=4_000_000)
    air = view()
    assert air.covers(entity)
    assert Name(DEFAULT + "Station") in air.query.types.parts
    assert isinstance(air.query.types, AnyOf)
    properties = air.feature(entity, 4_000_000)["properties"]
    assert (properties["value"], properties["status"], properties["observedAt"]) == (15, "minor", 3000)


def test_the_citys_own_form_of_a_value_wins_over_others():
    entity = station(aqi={"type": "Property", "value": 12})
    entity.attributes[DEFAULT + "aqi"] = {"type": "Property", "value": 99}
    assert view().feature(entity, 0)["properties"]["value"] == 12


def test_texts_are_judged_by_states():
    states = {"up": "ok", "down": "minor"}
    assert [judge(value, (), states) for value in ("up", "down", "odd", None)] == ["ok", "minor", "unknown", "unknown"]
    assert judge(12, BANDS, states) == "minor"
    feature = view(bands=(), states=states).feature(station(aqi={"type": "Property", "value": "down"}), 0)
    assert (feature["properties"]["status"], feature["properties"]["value"]) == ("minor", "down")
