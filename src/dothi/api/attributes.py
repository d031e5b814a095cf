"""Attributes of one entity, under /entities/{id}/attrs: append, update, replace, delete (clauses 6.6 and 6.7)."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from dothi.api import distributed_writes as shared
from dothi.api.distributed import federation_of
from dothi.api.exchange import Exchange, Operation, Reply, json_reply, no_content
from dothi.api.parameters import flag, listed
from dothi.api.query import check_id, entity_type
from dothi.broker.provision import UpdateResult
from dothi.model.attribute import CREATE, PARTIAL
from dothi.model.errors import InvalidRequest
from dothi.model.parse import parse_attribute


async def append(x: Exchange, id: str) -> Reply:
    """POST entities/{id}/attrs: 204, or 207 where some attributes were left alone (6.6.3.1, 5.6.3)."""
    check_id(id)
    options = listed(x.parameters, "options")
    if options not in ((), ("noOverwrite",)):
        raise InvalidRequest(f"options={','.join(options)} is not supported here: write noOverwrite.")
    document, context = await x.document()
    where = entity_type(x, context)

    async def local(mine: dict[str, Any]) -> UpdateResult:
        return await x.broker.provision.append(id, mine, context, overwrite=not options, where=where)

    if (federation := federation_of(x)) is not None:
        written = await shared.fragment(x, federation, id, document, context, local, shared.APPENDING, where)
        if written is not None:
            return shared.attributes_reply(written)
    return _result(await local(document))


async def update(x: Exchange, id: str) -> Reply:
    """PATCH entities/{id}/attrs: 204, or 207 where some attributes are not there (6.6.3.2, 5.6.2)."""
    check_id(id)
    document, context = await x.document(patch=True)
    where = entity_type(x, context)

    async def local(mine: dict[str, Any]) -> UpdateResult:
        return await x.broker.provision.update(id, mine, context, where=where)

    if (federation := federation_of(x)) is not None:
        written = await shared.fragment(x, federation, id, document, context, local, shared.UPDATING, where)
        if written is not None:
            return shared.attributes_reply(written)
    return _result(await local(document))


async def update_one(x: Exchange, id: str, name: str) -> Reply:
    """PATCH entities/{id}/attrs/{name}: 204 (6.7.3.1, 5.6.4)."""
    check_id(id)
    document, context = await x.document(patch=True)
    where = entity_type(x, context)
    if (federation := federation_of(x)) is not None:
        parse_attribute(name, document, context, PARTIAL)
        write = shared.SharedWrite(x, federation, id, "updateAttrs", context, where=where)
        local = partial(x.broker.provision.update_attribute, id, name, document, context, where=where)
        written = await write.attribute("PATCH", name, document, local)
        if written is not None:
            return shared.entity_reply(id, written, no_content())
    await x.broker.provision.update_attribute(id, name, document, context, where=where)
    return no_content()


async def replace_one(x: Exchange, id: str, name: str) -> Reply:
    """PUT entities/{id}/attrs/{name}: 204 (6.7.3.3, 5.6.19)."""
    check_id(id)
    document, context = await x.document()
    where = entity_type(x, context)
    if (federation := federation_of(x)) is not None:
        parse_attribute(name, document, context, CREATE)
        write = shared.SharedWrite(x, federation, id, "replaceAttrs", context, where=where)
        local = partial(x.broker.provision.replace_attribute, id, name, document, context, where=where)
        written = await write.attribute("PUT", name, document, local)
        if written is not None:
            return shared.entity_reply(id, written, no_content())
    await x.broker.provision.replace_attribute(id, name, document, context, where=where)
    return no_content()


async def delete_one(x: Exchange, id: str, name: str) -> Reply:
    """DELETE entities/{id}/attrs/{name}: 204; one instance by datasetId, all by deleteAll (6.7.3.2, 5.6.5)."""
    check_id(id)
    context = await x.context()
    everything = flag(x.parameters, "deleteAll")
    dataset = x.parameters.get("datasetId")
    if everything and dataset is not None:
        raise InvalidRequest("deleteAll=true and datasetId contradict one another: write one of them.")
    where = entity_type(x, context)
    if (federation := federation_of(x)) is not None:
        parameters = ("datasetId", "deleteAll")
        write = shared.SharedWrite(x, federation, id, "deleteAttrs", context, where=where, parameters=parameters)
        local = partial(
            x.broker.provision.delete_attribute, id, name, context, dataset=dataset, everything=everything, where=where
        )
        written = await write.attribute("DELETE", name, None, local)
        if written is not None:
            return shared.entity_reply(id, written, no_content())
    await x.broker.provision.delete_attribute(id, name, context, dataset=dataset, everything=everything, where=where)
    return no_content()


def _result(result: UpdateResult) -> Reply:
    """204, or 207 with an UpdateResult (clause 5.2.18), whose names are IRIs."""
    if not result.not_updated:
        return no_content()
    refused = [{"attributeName": name, "reason": reason} for name, reason in result.not_updated]
    return json_reply({"updated": result.updated, "notUpdated": refused}, 207)


_TYPE: Final = frozenset({"type"})
_DELETING: Final = frozenset({"datasetId", "deleteAll", "type"})

ROUTES: Final = (
    Operation("POST", "entities/{id}/attrs", append, "5.6.3", frozenset({"options", "type"})),
    Operation("PATCH", "entities/{id}/attrs", update, "5.6.2", _TYPE),
    Operation("PATCH", "entities/{id}/attrs/{name}", update_one, "5.6.4", _TYPE),
    Operation("PUT", "entities/{id}/attrs/{name}", replace_one, "5.6.19", _TYPE),
    Operation("DELETE", "entities/{id}/attrs/{name}", delete_one, "5.6.5", _DELETING),
)
