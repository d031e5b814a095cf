"""Fetching linked entities: a read a level, nothing twice, and the same answer as with everything at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.broker.linked import join, linked_by
from dothi.model.entity import Entity
from dothi.model.errors import TooManyResults
from dothi.model.linked import Join, flattened
from dothi.model.match import compile_query
from dothi.model.qlang import parse_query

IDS = [f"urn:{n}" for n in range(6)]


class Names:
    """A context in which names stand for themselves."""

    expand = compact = str


class City:
    """Entities by id, which count how often they are asked for."""

    def __init__(self, entities: Sequence[Entity]) -> None:
        self.entities = {entity.id: entity for entity in entities}
        self.asked: list[list[str]] = []

    async def fetch(self, ids: Sequence[str]) -> list[Entity]:
        self.asked.append(list(ids))
        return [self.entities[id] for id in ids if id in self.entities]


def entity(id: str, value: int = 0, **links: list[str]) -> Entity:
    attributes: dict[str, Any] = {"v": {"type": "Property", "value": value}}
    attributes |= {name: {"type": "Relationship", "object": objects} for name, objects in links.items()}
    return Entity(id, ("T",), attributes)


links = st.dictionaries(st.sampled_from(["a", "b"]), st.lists(st.sampled_from(IDS), min_size=1, max_size=3))
graphs = st.lists(st.tuples(st.integers(0, 2), links), min_size=1, max_size=5).map(
    lambda rows: [entity(IDS[n], value, **to) for n, (value, to) in enumerate(rows)]
)
texts = st.sampled_from(["a{v}==1", "a{b{v}}>0", "b{T:v}!=1|a{a{a{v}}}", "v==1;b{v}", "a{U:v}", "a{b{v}}==2|b{v}==2"])


def read(text: str) -> Any:
    return parse_query(text, str)


@given(made=graphs, text=texts)
async def test_a_query_finds_the_same_with_what_was_fetched_as_with_everything(made: list[Entity], text: str) -> None:
    city, query = City(made), read(text)
    found = await linked_by(query, made[:2], city.fetch)
    fetched, whole = compile_query(query, linked=found.get), compile_query(query, linked=city.entities.get)
    assert [fetched(each) for each in made[:2]] == [whole(each) for each in made[:2]]
    asked = [id for ids in city.asked for id in ids]
    assert len(asked) == len(set(asked))
    assert len(city.asked) <= 3


@given(made=graphs, level=st.integers(1, 4))
async def test_a_join_finds_the_same_with_what_was_fetched_as_with_everything(made: list[Entity], level: int) -> None:
    city, how = City(made), Join("flat", level)
    assert await join(made[:1], how, city.fetch, Names()) == flattened(made[:1], how, city.entities)
    asked = [id for ids in city.asked for id in ids]
    assert len(asked) == len(set(asked))
    assert len(city.asked) <= level


async def test_what_leads_nowhere_asks_for_nothing() -> None:
    city = City([])
    assert await linked_by(read("v==1"), [entity("urn:0", a=["urn:1"])], city.fetch) == {}
    assert len(await join([entity("urn:0")], Join("inline", 5), city.fetch, Names())) == 1
    assert city.asked == []


async def test_more_linked_entities_than_an_answer_may_hold_are_refused() -> None:
    many = entity("urn:0", a=[f"urn:{n}" for n in range(1, 10_003)])
    with pytest.raises(TooManyResults, match="pick the relationships"):
        await join([many], Join("flat"), City([]).fetch, Names())
