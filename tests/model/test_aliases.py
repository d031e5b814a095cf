"""Short names across contexts: every IRI leads back to its name, and the city's own IRI comes first."""

import pytest

from dothi.model.aliases import Aliases
from dothi.model.context import core_context, packaged_context
from dothi.model.packaged import DEFAULT_VOCAB, meanings

ENVIRONMENT = "https://smartdatamodels.org/dataModel.Environment/"
CONTEXTS = (
    "https://smartdatamodels.org/context.jsonld",
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Environment/master/context.jsonld",
    "https://fiware.github.io/data-models/context.jsonld",
)
NAMES = ("AirQualityObserved", "pm25", "airQualityIndex", "temperature", "name", "location")


class Own:
    """A city's context: what it declares under the subject's namespace, the rest as the core context has it."""

    def expand(self, name):
        return ENVIRONMENT + name if name in ("AirQualityObserved", "pm25") else core_context().expand(name)

    def compact(self, iri):
        return iri.removeprefix(ENVIRONMENT) if iri.startswith(ENVIRONMENT) else core_context().compact(iri)


@pytest.fixture(scope="module")
def aliases():
    return Aliases(Own(), NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_alias_leads_back_to_its_name(aliases, name):
    assert {aliases.compact(iri) for iri in aliases.iris(name)} == {name}


@pytest.mark.parametrize("address", [*CONTEXTS, None])
@pytest.mark.parametrize("name", NAMES)
def test_whatever_context_wrote_a_name_it_is_read(aliases, name, address):
    context = core_context() if address is None else packaged_context(address)
    assert context.expand(name) in aliases.iris(name)


def test_the_citys_own_meaning_comes_first_and_none_is_named_twice(aliases):
    for name in NAMES:
        iris = aliases.iris(name)
        assert iris[0] == Own().expand(name)
        assert len(iris) == len(set(iris))


def test_a_term_of_the_core_context_has_one_meaning(aliases):
    assert aliases.iris("location") == ("https://uri.etsi.org/ngsi-ld/location",)


def test_a_full_iri_is_its_only_alias(aliases):
    assert aliases.iris(ENVIRONMENT + "no2") == (ENVIRONMENT + "no2",)


def test_a_name_that_nobody_declared_is_read_by_the_citys_context(aliases):
    assert aliases.compact(DEFAULT_VOCAB + "somethingElse") == "somethingElse"
    assert aliases.iris("somethingElse") == (DEFAULT_VOCAB + "somethingElse",)


def test_the_form_that_an_entity_has_is_taken_and_else_the_own(aliases):
    assert aliases.present("pm25", {DEFAULT_VOCAB + "pm25": {}}) == DEFAULT_VOCAB + "pm25"
    assert aliases.present("pm25", {}) == ENVIRONMENT + "pm25"
    both = {DEFAULT_VOCAB + "pm25": {}, ENVIRONMENT + "pm25": {}}
    assert aliases.present("pm25", both) == ENVIRONMENT + "pm25"


def test_meanings_are_those_of_the_packaged_contexts():
    assert ENVIRONMENT + "AirQualityObserved" in meanings("AirQualityObserved")
    assert "https://uri.fiware.org/ns/data-models#AirQualityObserved" in meanings("AirQualityObserved")
    assert meanings("thisIsNoTerm") == ()
