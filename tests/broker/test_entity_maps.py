"""The keeping of entity maps: expiry and bounds, without HTTP."""

import pytest

from dothi.broker import entity_maps
from dothi.broker.entity_maps import LONGEST, USUAL, EntityMaps
from dothi.model.errors import BadRequestData, ResourceNotFound
from dothi.model.query import EntityQuery

QUERY = EntityQuery()
MINUTE = 60_000_000


class Clock:
    now = 0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def maps(clock):
    return EntityMaps(clock)


def sources(count):
    return {f"urn:x:{number}": ("@none",) for number in range(count)}


def test_a_map_lives_as_long_as_was_asked_for(maps, clock):
    map = maps.keep(QUERY, sources(1), 5 * MINUTE)
    clock.now = 5 * MINUTE - 1
    assert maps.get(map.id) is map
    clock.now = 5 * MINUTE
    with pytest.raises(ResourceNotFound):
        maps.get(map.id)


def test_nobody_gets_a_map_for_longer_than_the_bound(maps, clock):
    clock.now = MINUTE
    assert maps.keep(QUERY, sources(1)).expires == MINUTE + USUAL
    assert maps.keep(QUERY, sources(1), 365 * LONGEST).expires == MINUTE + LONGEST


def test_when_there_are_too_many_maps_the_first_to_expire_give_way(maps, monkeypatch):
    monkeypatch.setattr(entity_maps, "MAPS", 2)
    long, short = maps.keep(QUERY, sources(1), 10 * MINUTE), maps.keep(QUERY, sources(1), MINUTE)
    new = maps.keep(QUERY, sources(1), 2 * MINUTE)
    assert [maps.find(map.id) for map in (long, short, new)] == [long, None, new]


def test_all_maps_together_hold_no_more_than_the_bound(maps, monkeypatch):
    monkeypatch.setattr(entity_maps, "MOST_TOGETHER", 10)
    first, second = maps.keep(QUERY, sources(6), MINUTE), maps.keep(QUERY, sources(4), 2 * MINUTE)
    third = maps.keep(QUERY, sources(5), 3 * MINUTE)
    assert [maps.find(map.id) for map in (first, second, third)] == [None, second, third]


def test_an_id_that_is_no_uri_is_told_so(maps):
    with pytest.raises(BadRequestData, match="no URI"):
        maps.get("not a uri")
