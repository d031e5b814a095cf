"""The life of an incident over a real store: led, merged, split, taken back; its history is the audit."""

import asyncio
import builtins

import pytest
from pypdf import PdfReader

from dothi.automation.alarms.alarm import Raise
from dothi.automation.alarms.alarms import Alarms
from dothi.automation.incidents import transitions as steps
from dothi.automation.incidents.entity import incident_of
from dothi.automation.incidents.incidents import Incidents, check_states
from dothi.automation.incidents.report import Facts, after_action_report
from dothi.automation.incidents.timeline import Timeline
from dothi.model.aliases import Aliases
from dothi.model.context import core_context
from dothi.model.errors import BadRequestData, Conflict, OperationNotSupported, ResourceNotFound
from dothi.storage.sqlite import SqliteStore

TITLE = {"vi": "Ngập tại Dĩ An", "en": "Flood in Dĩ An"}


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def alarms(store):
    alarms = Alarms(store, Aliases(core_context(), ["ServiceRequest"]))
    await alarms.open()
    yield alarms
    alarms.close()


@pytest.fixture
def incidents(store):
    return Incidents(store, Aliases(core_context(), ["ServiceRequest"]))


async def raised(alarms, count, lon=106.75):
    reports = [
        Raise(rule="flood", severity="major", title={"vi": "Ngập nước", "en": "Flooding"}, key=f"{lon}-{n}",
              location={"type": "Point", "coordinates": [lon + n / 1000, 10.9]})
        for n in range(count)
    ]  # fmt: skip
    return [alarm.id for alarm in await alarms.raise_all(reports)]


async def opened(alarms, incidents, count=3, **more):
    return await incidents.open_(await raised(alarms, count), "lan", title=TITLE, **more)


async def test_an_incident_is_an_entity_with_relationships_and_reads_back_the_same(alarms, incidents, store):
    made = await opened(alarms, incidents)
    entity = await store.entity(made.id)
    assert incident_of(entity) == made == await incidents.get(made.id)
    assert entity.attributes["https://dothi.dev/ontology/hasAlarm"]["objectList"] == list(made.alarms)
    assert (made.state, made.severity, made.category, made.area["type"]) == ("confirmed", "major", "flood", "Polygon")
    assert await incidents.candidates() == []


async def test_states_go_by_their_steps_and_going_back_needs_a_reason(alarms, incidents):
    made = await opened(alarms, incidents)

    async def to(state, reason=None):
        return await incidents.change(made.id, lambda old, at: steps.stepped(old, state, "lan", at, reason))

    with pytest.raises(Conflict, match="confirmed already"):
        await to("confirmed")
    assert (await to("working")).working_at
    assert (await to("contained")).contained_at
    with pytest.raises(BadRequestData, match="from contained there is no step to new; possible: closed, working"):
        await to("new", "x")
    with pytest.raises(BadRequestData, match="say why"):
        await to("working")
    assert (await to("working", "mưa lại")).contained_at is None
    with pytest.raises(BadRequestData, match="say why"):
        await to("closed")
    closed = await to("closed", "nước rút")
    assert closed.closed_at
    assert (await to("working", "ngập lại")).closed_at is None


async def test_the_audit_keeps_every_act_with_a_time_of_its_own(alarms, incidents):
    made = await opened(alarms, incidents)
    for n in range(20):
        await incidents.change(made.id, lambda old, at, n=n: steps.wrote(old, f"dòng {n}", "minh", at))
    acts = [act for _, act in await incidents.acts([made.id])]
    assert [act.reason for act in acts[1:]] == [f"dòng {n}" for n in range(20)]
    assert len({act.at for act in acts}) == 21


async def test_of_two_who_decide_on_the_same_version_the_second_is_told_who_was_first(alarms, incidents):
    made = await opened(alarms, incidents)

    async def command(who):
        return await incidents.change(made.id, lambda old, at: steps.commanded(old, who, who, at, None), made.version)

    told = await asyncio.gather(command("minh"), command("hoa"), return_exceptions=True)
    (lost,) = [each for each in told if isinstance(each, Conflict)]
    assert lost.extra["by"] == (await incidents.get(made.id)).commander


async def test_tasks_are_given_done_once_and_opened_again(alarms, incidents):
    made = await opened(alarms, incidents)
    await incidents.change(made.id, lambda old, at: steps.tasked(old, "Bơm nước", "hung", at + 1, "lan", at))

    def done(value):
        return lambda old, at: steps.task_changed(old, "1", "hung", at, done=value, reason=None)

    (task,) = (await incidents.change(made.id, done(True))).tasks
    assert (task.done_by, task.is_overdue(task.due + 1)) == ("hung", False)
    with pytest.raises(Conflict, match="hung did this"):
        await incidents.change(made.id, done(True))
    (task,) = (await incidents.change(made.id, done(False))).tasks
    assert task.is_overdue(task.due + 1)
    with pytest.raises(ResourceNotFound, match="no task 7"):
        await incidents.change(made.id, lambda old, at: steps.task_changed(old, "7", "x", at, done=True, reason=None))


async def test_a_merge_is_taken_back_whole(alarms, incidents):
    one = await opened(alarms, incidents)
    two = await incidents.open_(await raised(alarms, 2, 106.9), "minh", title={"vi": "Hai", "en": "Two"})
    merged = await incidents.merge(one.id, two.id, "lan", "cùng một trận")
    assert set(merged.members) == {*one.members, *two.members}
    assert (await incidents.get(two.id)).state == "merged"
    with pytest.raises(Conflict, match="merged into"):
        await incidents.merge(one.id, two.id, "lan")
    back = await incidents.merge(one.id, two.id, "lan", "nhầm", back=True)
    other = await incidents.get(two.id)
    assert (back.members, back.area) == (one.members, one.area)
    assert (other.state, other.members, other.merged_into) == ("confirmed", two.members, None)


async def test_a_split_takes_members_along_and_a_merge_takes_it_back(alarms, incidents):
    made = await opened(alarms, incidents)
    left, part = await incidents.split(made.id, made.alarms[:1], {"vi": "Phần", "en": "Part"}, "lan", "nơi khác")
    assert (left.alarms, part.alarms) == (made.alarms[1:], made.alarms[:1])
    assert [act.deed for _, act in await incidents.acts([left.id])] == ["open", "split"]
    assert set((await incidents.merge(left.id, part.id, "lan")).alarms) == set(made.alarms)
    with pytest.raises(BadRequestData, match="leave something behind"):
        await incidents.split(left.id, made.alarms, TITLE, "lan")


async def test_a_member_belongs_to_one_open_incident_only(alarms, incidents):
    made = await opened(alarms, incidents)
    with pytest.raises(Conflict, match="merge the two, or unlink it"):
        await incidents.open_(made.alarms[:1], "minh")
    with pytest.raises(BadRequestData, match=r"urn:x:1 is no alarm"):
        await incidents.link(made.id, ["urn:x:1"], "lan")
    freed = await incidents.unlink(made.id, made.alarms[:1], "lan", "không liên quan")
    assert freed.alarms == made.alarms[1:]
    empty = await incidents.unlink(made.id, freed.alarms, "lan")
    assert (empty.members, empty.area, await incidents.get(made.id)) == ((), None, empty)


async def test_what_comes_later_is_proposed_for_the_open_incident(alarms, incidents):
    made = await opened(alarms, incidents)
    note = await incidents.note("Nước ngập vào nhà dân", "lan", {"type": "Point", "coordinates": [106.751, 10.9]})
    more = await raised(alarms, 1, 106.7505)
    (found,) = await incidents.candidates()
    assert {each.id for each in found.members} == {note.id, *more}
    assert found.incident == made.id
    linked = await incidents.link(made.id, [note.id, *more], "lan")
    assert (linked.notes, len(linked.alarms)) == ((note.id,), 4)


async def test_incidents_are_found_without_diacritics_open_ones_first(alarms, incidents):
    made = await opened(alarms, incidents)
    quiet = await incidents.open_([], "lan", title={"vi": "Cây đổ", "en": "Tree"}, category="tree")
    await incidents.change(made.id, lambda old, at: steps.stepped(old, "closed", "lan", at, "xong"))
    assert [each.id for each in await incidents.all()] == [quiet.id, made.id]
    assert [each.id for each in await incidents.all((), "ngap di an")] == [made.id]
    with pytest.raises(BadRequestData, match="needs a title"):
        await incidents.open_([], "lan")
    with pytest.raises(BadRequestData, match="none of flood"):
        await incidents.edit(made.id, "lan", {"category": "volcano"}, None, None)


def test_states_of_a_list_are_known_words():
    assert check_states("open, closed") == ("new", "confirmed", "working", "contained", "closed")
    assert check_states("all") == ()
    with pytest.raises(BadRequestData, match="state: 'done' is none of open, all, new"):
        check_states("done")


async def facts(alarms, incidents):
    made = await opened(alarms, incidents, description='#let x = panic("no") *đậm* $')
    timeline = Timeline(incidents, alarms.acts)
    members = await incidents.members(made)
    events = await timeline.events(made, members)
    return Facts(made, members, events, (), {"vi": "Bình Dương", "en": "Bình Dương"}, made.opened_at)


async def test_words_in_the_report_are_words_and_no_commands(alarms, incidents, tmp_path):
    told = await facts(alarms, incidents)
    file = tmp_path / "report.pdf"
    file.write_bytes(after_action_report(told, "vi"))
    text = " ".join(page.extract_text() for page in PdfReader(file).pages)
    assert 'panic("no")' in text
    assert "BÁO CÁO SAU SỰ CỐ" in text
    assert text.count("Phát sinh cảnh báo") == 3


async def test_without_typst_the_report_says_what_to_install(alarms, incidents, monkeypatch):
    told = await facts(alarms, incidents)
    real = builtins.__import__

    def refused(name, *rest, **more):
        if name == "typst":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refused)
    with pytest.raises(OperationNotSupported, match="pip install typst"):
        after_action_report(told)
