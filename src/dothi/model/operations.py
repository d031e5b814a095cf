"""The operations that brokers hand on to each other, by the names of GS CIM 009 clause 4.20, and groups of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

_PROVISION: Final = (
    "createEntity", "updateEntity", "appendAttrs", "updateAttrs", "deleteAttrs", "deleteEntity",
    "createBatch", "upsertBatch", "updateBatch", "deleteBatch",
    "upsertTemporal", "appendAttrsTemporal", "deleteAttrsTemporal", "updateAttrsTemporal",
    "updateAttrInstanceTemporal", "deleteAttrInstanceTemporal", "deleteTemporal",
    "mergeEntity", "replaceEntity", "replaceAttrs", "mergeBatch", "purgeEntity",
)  # fmt: skip
_CONSUMPTION: Final = (
    "retrieveEntity", "queryEntity", "queryBatch", "retrieveTemporal", "queryTemporal",
    "retrieveEntityTypes", "retrieveEntityTypeDetails", "retrieveEntityTypeInfo",
    "retrieveAttrTypes", "retrieveAttrTypeDetails", "retrieveAttrTypeInfo",
)  # fmt: skip
_SUBSCRIPTION: Final = (
    "createSubscription", "updateSubscription", "retrieveSubscription", "querySubscription", "deleteSubscription",
)  # fmt: skip
_ENTITY_MAP: Final = (
    "retrieveEntityMap", "updateEntityMap", "deleteEntityMap",
    "createEntityMapQueryEntity", "createEntityMapQueryTemporal",
)  # fmt: skip

#: Every named operation (table 4.20-1).
OPERATIONS: Final = frozenset(
    {*_PROVISION, *_CONSUMPTION, *_SUBSCRIPTION, *_ENTITY_MAP, "retrieveContextSourceIdentity"}
)

_DISCOVERY: Final = frozenset(name for name in _CONSUMPTION if "Type" in name)
_MAPS: Final = frozenset(_ENTITY_MAP) - {"createEntityMapQueryTemporal"}
_ASSOCIATION: Final = frozenset({"retrieveEntity", "queryEntity", "queryBatch", *_DISCOVERY, *_SUBSCRIPTION})

#: Named groups of operations (table 4.20-2).
GROUPS: Final[Mapping[str, frozenset[str]]] = {
    "federationOps": _ASSOCIATION | _MAPS,
    "associationOps": _ASSOCIATION,
    "updateOps": frozenset({"updateEntity", "updateAttrs", "replaceEntity", "replaceAttrs"}),
    "retrieveOps": frozenset({"retrieveEntity", "queryEntity"}),
    "redirectionOps": _DISCOVERY
    | _MAPS
    | {
        "createEntity", "updateEntity", "appendAttrs", "updateAttrs", "deleteAttrs", "deleteEntity", "mergeEntity",
        "replaceEntity", "replaceAttrs", "retrieveEntity", "queryEntity", "purgeEntity",
    },
}  # fmt: skip

#: What a registration takes part in that names no operations (clause 5.2.9).
DEFAULT: Final = "federationOps"


def expand_operations(names: Iterable[str]) -> frozenset[str]:
    """The named operations with groups taken apart. Raises KeyError for a name that is neither."""
    found: set[str] = set()
    for name in names:
        if name in OPERATIONS:
            found.add(name)
        else:
            found |= GROUPS[name]
    return frozenset(found)
