"""The state of a working rule as a JSON document, so that a restart goes on where the cursor stands."""

from __future__ import annotations

from typing import Any

import msgspec

from dothi.automation.rules.machine import Machine, Standing


def export(machine: Machine) -> dict[str, Any]:
    """All that the rule remembers but its relations, which the entities themselves tell."""
    flood = machine.flood
    return {
        "leaves": [watch.leaf.export() for watch in machine.program.watches],
        "truths": [watch.node.truths for watch in machine.program.watches],
        "standings": {source: msgspec.to_builtins(each) for source, each in machine.standings.items()},
        "met": sorted(machine.met),
        "oscillating": sorted(machine.oscillating),
        "flood": {"since": flood.tamed_since, "held": list(flood.held), "times": flood.times},
    }


def restore(machine: Machine, state: dict[str, Any], now: int) -> None:
    """Take the state back, and wait again for what the clock was to bring."""
    for watch, leaf, truths in zip(machine.program.watches, state["leaves"], state["truths"], strict=True):
        watch.leaf.restore(leaf)
        watch.node.truths = dict(truths)
    machine.standings = {source: msgspec.convert(each, Standing) for source, each in state["standings"].items()}
    machine.met = set(state["met"])
    machine.oscillating = set(state["oscillating"])
    flood = machine.flood
    flood.tamed_since, flood.times = state["flood"]["since"], state["flood"]["times"]
    flood.held = dict.fromkeys(state["flood"]["held"])
    machine.resume(now)
