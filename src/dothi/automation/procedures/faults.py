"""What is wrong with a definition: every fault at once, with its place and how to mend it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from dothi.automation.procedures.definition import END, Procedure, Step, Text, is_id

#: Longest clock of a step, seconds: a procedure that waits longer is a project.
LONGEST_DUE = 30 * 86_400
MOST_STEPS = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """`where` leads to the member: steps[2].answers[0].next."""

    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.mend}" if self.where else f"{self.what}; {self.mend}"


def faults_of(procedure: Procedure, roles: Collection[str]) -> list[Fault]:
    """Every fault of a definition; `roles` are the ids of the roster's roles."""
    found = [*_names(procedure), *_texts(procedure), *_roles(procedure, roles), *_clocks(procedure)]
    wrong = list(_targets(procedure))
    if not wrong and procedure.steps:  # ways are only looked at where each leads somewhere
        wrong = [*_unreachable(procedure), *_endless(procedure), *_loops(procedure)]
    return found + wrong


def _names(procedure: Procedure) -> Iterator[Fault]:
    mend = "use a-z, 0-9 and -, such as call-pump-crew"
    if not is_id(procedure.id):
        yield Fault("id", f"{procedure.id!r} is no id", mend)
    if not procedure.steps:
        yield Fault("steps", "there is no step", "add one")
    if len(procedure.steps) > MOST_STEPS:
        yield Fault("steps", f"there are {len(procedure.steps)} steps", f"split it: {MOST_STEPS} are the most")
    seen: dict[str, int] = {}
    for n, step in enumerate(procedure.steps):
        if not is_id(step.id) or step.id == END:
            yield Fault(f"steps[{n}].id", f"{step.id!r} can be no step's id", mend)
        if step.id in seen:
            yield Fault(f"steps[{n}].id", f"{step.id!r} is the id of steps[{seen[step.id]}] too", "rename one of them")
        seen.setdefault(step.id, n)
        answers: set[str] = set()
        for m, answer in enumerate(step.answers):
            if not is_id(answer.id):
                yield Fault(f"steps[{n}].answers[{m}].id", f"{answer.id!r} is no id", mend)
            if answer.id in answers:
                yield Fault(f"steps[{n}].answers[{m}].id", f"{answer.id!r} stands twice", "rename one of them")
            answers.add(answer.id)
        if len(step.answers) == 1:
            yield Fault(f"steps[{n}].answers", "a question with one answer asks nothing", "add an answer, or remove it")
        if step.answers and step.next is not None:
            yield Fault(f"steps[{n}].next", "a question goes where its answer leads", "remove next")


def _texts(procedure: Procedure) -> Iterator[Fault]:
    texts: list[tuple[str, Text | None]] = [("title", procedure.title), ("purpose", procedure.purpose)]
    for n, step in enumerate(procedure.steps):
        texts += [(f"steps[{n}].title", step.title), (f"steps[{n}].detail", step.detail)]
        texts += [(f"steps[{n}].answers[{m}].label", answer.label) for m, answer in enumerate(step.answers)]
    for where, text in texts:
        for language in ("vi", "en") if text is not None else ():
            if not getattr(text, language).strip():
                yield Fault(f"{where}.{language}", "the text is empty", "write it, since both languages are in use")


def _roles(procedure: Procedure, roles: Collection[str]) -> Iterator[Fault]:
    known = f"the roster has {', '.join(sorted(roles)) or 'no roles yet'}"
    for n, step in enumerate(procedure.steps):
        for name in ("role", "escalate_to"):
            role = getattr(step, name)
            if role is not None and role not in roles:
                yield Fault(f"steps[{n}].{name}", f"no role {role!r} is known", f"{known}; choose one, or add it there")


def _clocks(procedure: Procedure) -> Iterator[Fault]:
    for n, step in enumerate(procedure.steps):
        if step.due is not None and not 0 < step.due <= LONGEST_DUE:
            yield Fault(f"steps[{n}].due", f"{step.due} s is no useful clock", "take from 1 s to 30 days, or none")
        if step.escalate_to is not None and step.due is None:
            yield Fault(f"steps[{n}].escalate_to", "without a clock it never escalates", "add due, such as 10m")


def _targets(procedure: Procedure) -> Iterator[Fault]:
    ids = {step.id for step in procedure.steps} | {END}
    known = f"name a step, or {END!r}"
    for n, step in enumerate(procedure.steps):
        if not step.answers and step.next is not None and step.next not in ids:
            yield Fault(f"steps[{n}].next", f"there is no step {step.next!r}", known)
        for m, answer in enumerate(step.answers):
            if answer.next not in ids:
                yield Fault(f"steps[{n}].answers[{m}].next", f"there is no step {answer.next!r}", known)


def _ways(procedure: Procedure) -> dict[str, tuple[str, ...]]:
    return {step.id: procedure.following(step) for step in procedure.steps}


def reachable(ways: Mapping[str, tuple[str, ...]], start: str) -> set[str]:
    """The steps that can come from one on, itself included."""
    found, waiting = {start}, [start]
    while waiting:
        for after in ways.get(waiting.pop(), ()):
            if after not in found:
                found.add(after)
                waiting.append(after)
    return found


def _unreachable(procedure: Procedure) -> Iterator[Fault]:
    there = reachable(_ways(procedure), procedure.steps[0].id)
    for n, step in enumerate(procedure.steps):
        if step.id not in there:
            yield Fault(
                f"steps[{n}]", f"no way leads to {step.id!r}", "let a step or an answer lead there, or remove it"
            )


def _endless(procedure: Procedure) -> Iterator[Fault]:
    ways = _ways(procedure)
    for n, step in enumerate(procedure.steps):
        if END not in reachable(ways, step.id):
            yield Fault(f"steps[{n}]", f"from {step.id!r} no way leads to the end", f"let a way lead to {END!r}")


def _loops(procedure: Procedure) -> Iterator[Fault]:
    """Circles in which no step has a clock: steps without one that reach themselves over such steps."""
    timeless: dict[str, tuple[str, ...]] = {
        step.id: procedure.following(step) for step in procedure.steps if step.due is None
    }
    ways = {id: tuple(each for each in after if each in timeless) for id, after in timeless.items()}
    told: set[str] = set()
    for n, step in enumerate(procedure.steps):
        if step.id not in ways or step.id in told:
            continue
        circle = _circle(ways, step)
        if circle:
            told |= set(circle)
            way = " → ".join([*circle, step.id])
            yield Fault(f"steps[{n}]", f"{way} is a loop without a clock", "give one of its steps a due")


def _circle(ways: Mapping[str, tuple[str, ...]], step: Step) -> list[str]:
    """The steps of a shortest way from a step back to it; none where there is no such way."""
    before: dict[str, str] = {}
    waiting = [step.id]
    for id in waiting:
        for after in ways[id]:
            if after == step.id:
                way = [id]
                while way[-1] != step.id:
                    way.append(before[way[-1]])
                return way[::-1]
            if after not in before:
                before[after] = id
                waiting.append(after)
    return []
