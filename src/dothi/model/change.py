"""What happened to an entity: the event that history keeps and that followers are told."""

from __future__ import annotations

from typing import Literal

import msgspec

from dothi.model.entity import Entity, Instance

ChangeKind = Literal["created", "updated", "deleted"]


class Cause(msgspec.Struct, frozen=True):
    """Why a change happened: `by` names the writer ("api", "load:air.csv", "mqtt:lorawan", "rule:flood"), `depth`
    counts how many rules stand between it and the outside (0 = came from outside)."""

    by: str = "api"
    depth: int = 0


class AttributeChange(msgspec.Struct, frozen=True, gc=False):
    """One attribute instance before and after; `after` is None when it was deleted, `before` when it is new."""

    name: str
    dataset: str | None
    before: Instance | None
    after: Instance | None


class Change(msgspec.Struct, frozen=True, gc=False):
    """One write to one entity. `seq` grows by commit order, `at` is the time of recording in microseconds.

    `entity` is the state after it, or the last state where `kind` is "deleted".
    """

    seq: int
    at: int
    kind: ChangeKind
    entity: Entity
    attributes: tuple[AttributeChange, ...]
    cause: Cause
