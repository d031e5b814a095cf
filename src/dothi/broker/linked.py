"""Fetches the entities to which relationships lead, a level at a time (GS CIM 009 clauses 4.5.23 and 4.9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from dothi.model.attribute import Naming
from dothi.model.entity import Entity
from dothi.model.errors import TooManyResults
from dothi.model.linked import MAX_LINKED, Join, Shown, View, flattened, inlined, leads_to, steps
from dothi.model.match import compile_links
from dothi.model.query import And, Compare, Exists, Or, Query

#: Gives the living ones among the entities of these ids, in any order.
Fetch = Callable[[Sequence[str]], Awaitable[Iterable[Entity]]]


async def join(entities: Sequence[Entity], how: Join, fetch: Fetch, context: Naming) -> list[Shown]:
    """The entities joined with those to which they lead (4.5.23), each with how it is to be shown.

    One fetch for each level. Raises TooManyResults past 10,000 linked entities.
    """
    found = await _gathered(entities, how, fetch)
    return flattened(entities, how, found) if how.form == "flat" else inlined(entities, how, found, context)


async def linked_by(
    query: Query, entities: Sequence[Entity], fetch: Fetch, dataset_ids: tuple[str, ...] = ()
) -> dict[str, Entity]:
    """The entities that the query looks at behind relationships of these ones, by id (4.9): what model.match needs.

    One fetch for each link of its longest path; none where the query follows no relationship.
    """
    found: dict[str, Entity] = {}
    looked: set[str] = set()
    terms = [(term, list(entities)) for term in _terms(query)]
    while terms:
        behind = [(term, _ids(term, sources, dataset_ids)) for term, sources in terms]
        await _add(found, looked, (id for _, ids in behind for id in ids), fetch)
        terms = []
        for term, ids in behind:
            link = term.path.linked
            if link is not None and link.path.linked is not None:
                terms.append((replace(term, path=link.path), [found[id] for id in ids if id in found]))
    return found


async def _gathered(entities: Sequence[Entity], how: Join, fetch: Fetch) -> dict[str, Entity]:
    """All that is within reach, by id. An entity is looked at once for each way in which it is shown."""
    found: dict[str, Entity] = {}
    looked: set[str] = set(how.contained_by)
    seen: set[tuple[str, View]] = set()
    frontier: list[tuple[Entity, View]] = [(entity, how.view) for entity in entities]
    own = {entity.id: entity for entity in entities}
    for _ in range(how.level):
        links = [step for entity, view in frontier for step in steps(entity, view)]
        await _add(found, looked, (id for id, _, _ in links), fetch, own)
        frontier = []
        for id, instance, view in links:
            target = found.get(id)
            if target is not None and (id, view) not in seen and leads_to(instance, target):
                seen.add((id, view))
                frontier.append((target, view))
        if not frontier:
            break
    return found


async def _add(
    found: dict[str, Entity], looked: set[str], ids: Iterable[str], fetch: Fetch, own: dict[str, Entity] | None = None
) -> None:
    """Fetch those among the ids that were never looked for; `own` are at hand already."""
    wanted = []
    for id in ids:
        if id in looked:
            continue
        looked.add(id)
        if own is not None and id in own:
            found[id] = own[id]
        else:
            wanted.append(id)
    if len(found) + len(wanted) > MAX_LINKED:
        raise TooManyResults(
            f"The entities lead to more than {MAX_LINKED} others: lower joinLevel or limit, or pick the relationships "
            "that you need."
        )
    if wanted:
        found.update((entity.id, entity) for entity in await fetch(wanted))


def _terms(query: Query) -> list[Exists | Compare]:
    """The terms that follow a relationship."""
    if isinstance(query, And | Or):
        return [term for part in query.parts for term in _terms(part)]
    return [query] if query.path.linked is not None else []


def _ids(term: Exists | Compare, sources: Iterable[Entity], dataset_ids: tuple[str, ...]) -> list[str]:
    first, links = term.path.names[0], compile_links(term.path.names, dataset_ids)
    attributes = (source.attributes.get(first) for source in sources)
    return [id for attribute in attributes if attribute is not None for id in links(attribute)]
