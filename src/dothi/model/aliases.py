"""Every IRI under which a short name may have come in: one word means one thing here, whichever @context wrote it.

A sensor may send `AirQualityObserved` without any @context, with that of the Smart Data Models' subject, with their
combined one, or with FIWARE's older one: four IRIs. The standard rightly keeps them apart; people who look at a city
do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dothi.model.attribute import Naming
from dothi.model.packaged import DEFAULT_VOCAB, core_terms, meanings


class Aliases:
    """`own` is the city's context, `names` the short names that its modules declare.

    `iris(name)`: the IRI of the city's own context first, then those of the packaged contexts, then that of a document
    without any. `compact(iri)`: the declared name of which it is an alias, else what the city's context says.
    """

    def __init__(self, own: Naming, names: Iterable[str]) -> None:
        self._own = own
        self._iris: dict[str, tuple[str, ...]] = {}
        names = list(dict.fromkeys(names))
        #: A name's own IRI is that name, whatever other name it might be an alias of.
        self._names = {own.expand(name): name for name in names}
        for name in names:
            for iri in self.iris(name):
                self._names.setdefault(iri, name)

    def expand(self, name: str) -> str:
        return self._own.expand(name)

    def compact(self, iri: str) -> str:
        return self._names.get(iri) or self._own.compact(iri)

    def iris(self, name: str) -> tuple[str, ...]:
        """All IRIs that the name may have; a term of the core context and a full IRI have one."""
        found = self._iris.get(name)
        if found is None:
            own = self._own.expand(name)
            one = name in core_terms() or ":" in name
            found = (own,) if one else tuple(dict.fromkeys((own, *meanings(name), DEFAULT_VOCAB + name)))
            self._iris[name] = found
        return found

    def present(self, name: str, attributes: Mapping[str, Any]) -> str:
        """The IRI under which an entity has the attribute; where it has it under none, the city's own."""
        iris = self.iris(name)
        return next((iri for iri in iris if iri in attributes), iris[0])
