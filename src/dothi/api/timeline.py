"""How the past is shown: format, projection, language, aggregation (GS CIM 009 clauses 4.5.6 to 4.5.9, 4.5.19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dothi.api.parameters import listed
from dothi.api.projection import attribute_name, projection
from dothi.api.timespan import aggregation_of
from dothi.model.context import Context
from dothi.model.entity import VALUE_MEMBER, Instance
from dothi.model.errors import BadRequestData, InvalidRequest
from dothi.model.patch import SCOPE
from dothi.model.projection import MEMBERS
from dothi.model.query import Aggregation, TimeProperty
from dothi.model.represent import Representation
from dothi.model.temporal import OVER_TIME, TemporalFormat, represent_aggregates, represent_history
from dothi.storage.store import Bucket, History

#: Parameters that say how the past is shown.
TIMELINE: Final = frozenset({"attrs", "pick", "omit", "options", "format", "lang", "datasetId"})

_FORMS: Final[dict[str, TemporalFormat]] = {
    "normalized": "normalized",
    "concise": "concise",
    "temporalValues": "temporalValues",
    "simplified": "temporalValues",
    "keyValues": "temporalValues",
}
_AGGREGATED: Final = "aggregatedValues"


@dataclass(frozen=True, slots=True)
class Timeline:
    """How the past is shown; `attributes` are the IRIs to read, none means all."""

    representation: Representation
    form: TemporalFormat
    attributes: tuple[str, ...]
    aggregation: Aggregation | None = None

    def shown(self, history: History, whole: History, time: TimeProperty, context: Context) -> dict[str, Any]:
        """The past of an entity, instance by instance or as values over time.

        `whole` is the history before it was cut to fit the answer; an attribute that was cut away is shown empty.
        """
        document = represent_history(history, context, self.representation, form=self.form, time=time)
        for name, several in history.attributes.items():
            if not several and name != SCOPE and self.representation.shows(name):
                document[context.compact(name)] = self._emptied(whole.attributes[name])
        return document

    def _emptied(self, before: Sequence[Instance]) -> Any:
        kind = before[0]["type"] if before else "Property"
        return {"type": kind, OVER_TIME[VALUE_MEMBER[kind]]: []} if self.form == "temporalValues" else []

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasetIds that are asked for; none means all."""
        return tuple(self.representation.dataset_ids)

    def finds_nothing_in(self, document: dict[str, Any]) -> bool:
        """Whether nothing of what was asked for is left of an entity: no member, or none of the attributes in attrs."""
        return not document or (bool(self.representation.attrs) and not document.keys() - MEMBERS - {"deletedAt"})

    def aggregated(self, history: History, buckets: dict[str, list[Bucket]], context: Context) -> dict[str, Any]:
        """The aggregated past of an entity; `history` needs one instance of each attribute, which tells its kind."""
        assert self.aggregation is not None
        kinds = {name: several[0]["type"] for name, several in history.attributes.items() if several}
        methods = self.aggregation.methods
        return represent_aggregates(history, buckets, methods, context, self.representation, kinds)


def timeline_of(parameters: dict[str, str], context: Context) -> Timeline:
    """Read the parameters of TIMELINE and those of aggregation. Raises InvalidRequest, BadRequestData."""
    form, sys_attrs = _form(parameters)
    attrs = tuple(attribute_name(name, "attrs", context) for name in listed(parameters, "attrs"))
    pick, omit = projection(parameters, "pick", context), projection(parameters, "omit", context)
    if attrs and (pick or omit):
        raise BadRequestData("attrs cannot stand beside pick or omit: use pick instead of attrs.")
    if both := set(pick) & set(omit):
        raise BadRequestData(f"pick and omit both name {context.compact(min(both))}: take it out of one of them.")
    representation = Representation(
        sys_attrs=sys_attrs,
        lang=parameters.get("lang"),
        pick=frozenset(pick),
        omit=frozenset(omit),
        attrs=frozenset(attrs),
        dataset_ids=frozenset(listed(parameters, "datasetId")),
    )
    aggregation = aggregation_of(parameters) if form == _AGGREGATED else None
    return Timeline(representation, _FORMS.get(form, "normalized"), attrs or _attributes(pick), aggregation)


def _attributes(names: Sequence[str]) -> tuple[str, ...]:
    """The series that members need."""
    found = tuple(name for name in names if name not in MEMBERS)
    return (*found, SCOPE) if "scope" in names else found


def _form(parameters: dict[str, str]) -> tuple[str, bool]:
    form, sys_attrs = _AGGREGATED if "aggrMethods" in parameters else "normalized", False
    known = (*_FORMS, _AGGREGATED)
    for name in ("options", "format"):
        for word in listed(parameters, name):
            if word == "sysAttrs" and name == "options":
                sys_attrs = True
            elif word in known:
                form = word
            else:
                raise InvalidRequest(f"{name}={word} is not supported here: write one of {', '.join(known)}.")
    return form, sys_attrs
