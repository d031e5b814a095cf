"""The registration document (GS CIM 009 clause 5.2.9): names expanded, members checked, shown again to a client."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final, cast, get_args
from urllib.parse import urlsplit

from dothi.model import members
from dothi.model.duration import parse_duration
from dothi.model.errors import BadRequestData
from dothi.model.geo import check_geometry
from dothi.model.instant import format_instant
from dothi.model.operations import DEFAULT, GROUPS, OPERATIONS, expand_operations
from dothi.model.pattern import compile_pattern
from dothi.model.registration import EntityInfo, Information, Interval, Management, Mode, Registration
from dothi.model.values import is_uri, json_fault, name_fault, scope_of

Rename = Callable[[str], str]

#: Members that a client may give; every other one is a context source property, whose name is expanded.
MEMBERS: Final = frozenset({
    "id", "type", "registrationName", "description", "information", "tenant", "observationInterval",
    "managementInterval", "location", "observationSpace", "operationSpace", "expiresAt", "endpoint",
    "contextSourceAlias", "mode", "operations", "refreshRate", "management", "contextSourceInfo", "scope", "datasetId",
})  # fmt: skip

#: Members that the broker computes; what a client gives for them is ignored (table 5.2.9-2).
COMPUTED: Final = frozenset({
    "status", "timesSent", "timesFailed", "lastSuccess", "lastFailure", "createdAt", "modifiedAt", "@context",
})  # fmt: skip

#: What an auxiliary source takes part in (clause 5.9.2.4), and the operations that may be named for it.
AUXILIARY: Final = "retrieveOps"
_AUXILIARY_NAMES: Final = frozenset({AUXILIARY, *GROUPS[AUXILIARY]})

#: What contexts expand localOnly to, which is how it is kept where it stands beside management.
_LOCAL_ONLY: Final = "https://uri.etsi.org/ngsi-ld/localOnly"

#: The key of contextSourceInfo that names a context and is no header (clause 5.2.9).
JSONLD_CONTEXT: Final = "jsonldContext"


def expand_registration(document: dict[str, Any], expand: Rename) -> dict[str, Any]:
    """The document, or a fragment of one, as it is kept: names expanded, computed members left out.

    What has not the shape of a name is left for read_registration to refuse. Raises BadRequestData for a context
    source property whose name can be none.
    """
    kept: dict[str, Any] = {}
    for name, value in document.items():
        if name in MEMBERS:
            kept[name] = deepcopy(value)
        elif name not in COMPUTED:
            fault = name_fault(name)
            if fault is not None:
                raise BadRequestData(f"{name!r} is no member of a registration and no name of a property: {fault}.")
            kept[expand(name)] = deepcopy(value)
    _rename(kept.get("information"), expand)
    return kept


def merge_registration(kept: dict[str, Any], fragment: dict[str, Any]) -> dict[str, Any]:
    """The kept document after a PATCH: members replaced, null removes (clause 5.9.3). Both have expanded names.

    Raises BadRequestData when the fragment would change what the registration is.
    """
    if fragment.get("id", kept["id"]) != kept["id"]:
        raise BadRequestData(f"id: this registration is {kept['id']}; its id cannot be changed.")
    merged = {**kept, **fragment}
    return {name: value for name, value in merged.items() if value is not None}


def represent_registration(
    registration: Registration,
    compact: Rename,
    counters: dict[str, Any],
    *,
    sys_attrs: bool = False,
    positions: tuple[int, ...] | None = None,
) -> dict[str, Any]:
    """The registration as a client sees it, names compacted, with the members that the broker computes.

    `positions` chooses elements of its information: a notification holds the matching ones only (clause 5.11.7).
    """
    shown: dict[str, Any] = {}
    for name, value in registration.document.items():
        shown[name if name in MEMBERS else compact(name)] = deepcopy(value)
    if positions is not None:
        shown["information"] = [shown["information"][position] for position in positions]
    _rename(shown["information"], compact)
    shown |= counters
    if sys_attrs:
        shown["createdAt"] = format_instant(registration.created)
        shown["modifiedAt"] = format_instant(registration.modified)
    return shown


def read_registration(kept: dict[str, Any], created: int = 0, modified: int = 0) -> Registration:
    """Read and check a whole document whose names are expanded.

    Raises BadRequestData naming the member, the fault and how to mend it.
    """
    _check_frame(kept)
    mode = _mode(kept)
    operations = _operations(kept, mode)
    registration = Registration(
        id=kept["id"],
        information=_information(kept),
        endpoint=_endpoint(kept),
        mode=mode,
        operations=operations,
        tenant=members.text(kept, "tenant"),
        scopes=_scopes(kept),
        source_info=_source_info(kept),
        alias=members.text(kept, "contextSourceAlias"),
        expires=members.instant(kept, "expiresAt"),
        management=_management(kept),
        location=_geometry(kept, "location"),
        observation_space=_geometry(kept, "observationSpace"),
        operation_space=_geometry(kept, "operationSpace"),
        observation_interval=_interval(kept, "observationInterval"),
        management_interval=_interval(kept, "managementInterval"),
        dataset_ids=_dataset_ids(kept),
        other={name: _property(name, value) for name, value in kept.items() if name not in MEMBERS},
        document=kept,
        created=created,
        modified=modified,
    )
    _check_mode(registration)
    return registration


def _check_frame(kept: dict[str, Any]) -> None:
    if kept.get("type") != "ContextSourceRegistration":
        raise BadRequestData(
            f'type is {kept.get("type")!r}: a registration has "type": "ContextSourceRegistration".',
        )
    if not is_uri(kept.get("id")):
        raise BadRequestData(f"id {kept.get('id')!r} is no URI: write one such as urn:ngsi-ld:ContextSource:thu-duc.")
    for name in ("registrationName", "description"):
        members.text(kept, name)
    if "refreshRate" in kept:
        _duration(kept, "refreshRate", "")


def _check_mode(registration: Registration) -> None:
    """What the modes ask of a registration (clauses 4.3.6.3 and 5.9.2.4)."""
    if registration.mode != "exclusive":
        return
    for n, information in enumerate(registration.information):
        where = f"information[{n}]"
        if not information.entities or any(info.id is None for info in information.entities):
            raise BadRequestData(
                f"{where}.entities: an exclusive registration needs ids of its entities, not types or patterns."
            )
        if information.attributes is None:
            raise BadRequestData(f"{where}: an exclusive registration needs propertyNames or relationshipNames.")


def _mode(kept: dict[str, Any]) -> Mode:
    mode = kept.get("mode", "inclusive")
    if mode not in get_args(Mode):
        raise BadRequestData(f"mode {mode!r} is unknown: use {', '.join(get_args(Mode))}.")
    return cast(Mode, mode)


def _operations(kept: dict[str, Any], mode: Mode) -> frozenset[str]:
    names = members.texts(kept, "operations")
    if names is None:
        names = (AUXILIARY if mode == "auxiliary" else DEFAULT,)
    for name in names:
        if name not in OPERATIONS and name not in GROUPS:
            raise BadRequestData(f"operations: {name!r} is unknown: name operations, or groups: {', '.join(GROUPS)}.")
        if mode == "auxiliary" and name not in _AUXILIARY_NAMES:
            raise BadRequestData(
                f"operations: an auxiliary source is read only, so {name} cannot be: use {', '.join(_AUXILIARY_NAMES)}."
            )
    return expand_operations(names)


def _information(kept: dict[str, Any]) -> tuple[Information, ...]:
    given = kept.get("information")
    if not isinstance(given, list) or not given:
        raise BadRequestData("information must be an array of at least one element: what the source has.")
    return tuple(_element(element, f"information[{n}]") for n, element in enumerate(given))


def _element(element: Any, where: str) -> Information:
    if not isinstance(element, dict):
        raise BadRequestData(f"{where} must be an object with entities, propertyNames or relationshipNames.")
    odd = element.keys() - {"entities", "propertyNames", "relationshipNames"}
    if odd:
        raise BadRequestData(
            f"{where} has the member {min(odd)!r}: it takes entities, propertyNames and relationshipNames only."
        )
    properties = members.texts(element, "propertyNames", where)
    relationships = members.texts(element, "relationshipNames", where)
    entities = element.get("entities")
    if "entities" in element and (not isinstance(entities, list) or not entities):
        raise BadRequestData(f"{where}.entities must be an array of at least one object with a type.")
    if entities is None and properties is None and relationships is None:
        raise BadRequestData(f"{where} is empty: it needs entities, propertyNames or relationshipNames.")
    infos = tuple(_entity_info(info, f"{where}.entities[{n}]") for n, info in enumerate(entities or ()))
    return Information(infos, properties, relationships)


def _entity_info(info: Any, where: str) -> EntityInfo:
    if not isinstance(info, dict):
        raise BadRequestData(f'{where} must be an object such as {{"type": "AirQualityObserved"}}.')
    odd = info.keys() - {"id", "idPattern", "type"}
    if odd:
        raise BadRequestData(f"{where} has the member {min(odd)!r}: it takes id, idPattern and type only.")
    types = info.get("type")
    names = [types] if isinstance(types, str) else types
    if "type" not in info and "id" in info:
        names = []  # table 5.2.8-1 asks for a type; an id without one is clear enough, and peers send it
    elif not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise BadRequestData(f"{where}.type must be an entity type, or an array of them.")
    id, pattern = info.get("id"), members.text(info, "idPattern", where)
    if "id" in info and not is_uri(id):
        raise BadRequestData(f"{where}.id {id!r} is no URI; for several entities write an element for each.")
    if pattern is not None:
        try:
            compile_pattern(pattern)
        except BadRequestData as fault:
            raise BadRequestData(f"{where}.idPattern: {fault.detail}.") from None
    return EntityInfo(tuple(names), id, pattern)


def _endpoint(kept: dict[str, Any]) -> str:
    endpoint = kept.get("endpoint")
    if not is_uri(endpoint):
        raise BadRequestData(f"endpoint {endpoint!r} is no URI: name the address at which the source answers.")
    try:
        parts = urlsplit(cast(str, endpoint))
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise BadRequestData(
            f"endpoint {endpoint} must be an http or https address of a host, without parameters and fragment."
        )
    return cast(str, endpoint).rstrip("/")


def _source_info(kept: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The pairs of contextSourceInfo. Those that belong to the connection may be there, and are ignored when the source
    is called (clause 4.3.6.5)."""
    pairs = members.pairs(kept, "contextSourceInfo")
    for key, value in pairs:
        if key == JSONLD_CONTEXT:
            if not is_uri(value):
                raise BadRequestData(
                    f"contextSourceInfo.{key} {value!r} is no URI: name a context that can be fetched."
                )
        elif key.lower() not in members.OWN_HEADERS and (fault := members.header_fault(key, value)) is not None:
            raise BadRequestData(f"contextSourceInfo {key!r}: {fault}.")
    return pairs


def _management(kept: dict[str, Any]) -> Management:
    given = kept.get("management")
    # Table 5.2.34-1 has localOnly inside management; beside it nothing else can be meant, and peers write it there.
    beside = kept.get(_LOCAL_ONLY) is True
    if "management" not in kept:
        return Management(local_only=beside)
    if not isinstance(given, dict):
        raise BadRequestData("management must be an object with localOnly, cacheDuration, timeout or cooldown.")
    timeout, cooldown = (members.positive(given, name, "management") for name in ("timeout", "cooldown"))
    return Management(
        local_only=members.flag(given, "localOnly", "management", beside),
        cache=_duration(given, "cacheDuration", "management") if "cacheDuration" in given else None,
        timeout=timeout / 1000 if timeout is not None else None,
        cooldown=cooldown / 1000 if cooldown is not None else None,
    )


def _duration(document: dict[str, Any], name: str, place: str) -> float:
    """Seconds of an ISO 8601 duration."""
    value = document[name]
    try:
        return parse_duration(value) / 1_000_000
    except (TypeError, ValueError):
        raise BadRequestData(f"{members.at(place, name)} {value!r} is no ISO 8601 duration such as PT5M.") from None


def _scopes(kept: dict[str, Any]) -> tuple[str, ...]:
    if "scope" not in kept:
        return ()
    given = kept["scope"]
    scopes = []
    for text in given if isinstance(given, list) else [given]:
        scope = scope_of(text)
        if scope is None:
            raise BadRequestData(f"scope {text!r} is no scope such as /BinhDuong/ThuDauMot.")
        scopes.append(scope)
    return tuple(scopes)


def _geometry(kept: dict[str, Any], name: str) -> dict[str, Any] | None:
    if name not in kept:
        return None
    try:
        check_geometry(kept[name])
    except ValueError as fault:
        raise BadRequestData(f"{name}: {fault}.") from None
    return cast(dict[str, Any], kept[name])


def _interval(kept: dict[str, Any], name: str) -> Interval | None:
    """A TimeInterval (clause 5.2.11)."""
    if name not in kept:
        return None
    given = kept[name]
    if not isinstance(given, dict) or "startAt" not in given:
        raise BadRequestData(f"{name} must be an object with startAt, and endAt where it has ended.")
    start, end = members.instant(given, "startAt", name), members.instant(given, "endAt", name)
    if end is not None and end < cast(int, start):
        raise BadRequestData(f"{name}.endAt lies before startAt: change them round.")
    return cast(int, start), end


def _dataset_ids(kept: dict[str, Any]) -> tuple[str, ...]:
    ids = members.texts(kept, "datasetId") or ()
    for id in ids:
        if id != "@none" and not is_uri(id):
            raise BadRequestData(f"datasetId {id!r} is no URI; the default instance is @none.")
    return ids


def _property(name: str, value: Any) -> Any:
    fault = json_fault(value)
    if fault is not None:
        raise BadRequestData(f"{name}{fault}.")
    return value


def _rename(information: Any, rename: Rename) -> None:
    """Rename, in place, the types and attributes of information elements, as far as they have the shape of names."""
    for element in information if isinstance(information, list) else ():
        if not isinstance(element, dict):
            continue
        for name in ("propertyNames", "relationshipNames"):
            if isinstance(element.get(name), list):
                element[name] = [_renamed(text, rename) for text in element[name]]
        infos = element.get("entities")
        for info in infos if isinstance(infos, list) else ():
            types = info.get("type") if isinstance(info, dict) else None
            if isinstance(types, list):
                info["type"] = [_renamed(text, rename) for text in types]
            elif types is not None:
                info["type"] = _renamed(types, rename)


def _renamed(text: Any, rename: Rename) -> Any:
    return rename(text) if isinstance(text, str) and text else text
