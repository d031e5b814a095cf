"""Runs over a real store: who is second is told, a run keeps its version, clocks run and escalate."""

import asyncio
from pathlib import Path

import pytest

from dothi.automation.procedures.faults import faults_of
from dothi.automation.procedures.toml_form import read_toml
from dothi.automation.shifts.roster import FIRST_ROLES
from dothi.model.errors import BadRequestData, Conflict, ResourceNotFound


async def test_two_people_do_the_same_step_and_one_is_told_who_was_first(centre):
    runs = centre.desk.runs
    run = await runs.start("flood", by="an")
    results = await asyncio.gather(
        runs.act(run.id, "done", step="verify", by="an"),
        runs.act(run.id, "done", step="verify", by="dung"),
        return_exceptions=True,
    )
    (refused,) = [each for each in results if isinstance(each, Conflict)]
    assert refused.extra["by"] in {"an", "dung"}
    assert (await runs.get(run.id)).step.id == "is-real"


async def test_a_running_procedure_keeps_its_version_when_it_is_changed(centre):
    books, runs = centre.desk.books, centre.desk.runs
    run = await runs.start("flood", by="an")
    changed = books.book("flood").toml(1).replace("Urban flooding", "Flood").replace("5m", "9m")
    await books.save("flood", None, changed, 1, "binh", "slower")
    kept = await runs.get(run.id)
    assert (kept.version, kept.definition.title.en) == (1, "Urban flooding")
    assert (await runs.start("flood", by="an")).version == 2


async def test_two_people_editing_one_procedure_one_is_told(centre):
    books = centre.desk.books
    text = books.book("flood").toml(1)
    await books.save("flood", None, text, 1, "an", "")
    with pytest.raises(Conflict, match="an saved version 2"):
        await books.save("flood", None, text, 1, "binh", "")
    with pytest.raises(BadRequestData, match="no role 'boss'"):
        await books.save("flood", None, text.replace('"field"', '"boss"'), 2, "binh", "")


async def test_what_makes_no_sense_is_refused_with_what_does(centre):
    runs = centre.desk.runs
    run = await runs.start("flood", by="an")
    with pytest.raises(BadRequestData, match="there is no step 'x'"):
        await runs.act(run.id, "done", step="x", by="an")
    with pytest.raises(BadRequestData, match="cannot be skipped"):
        await runs.act(run.id, "skip", step="verify", by="an")
    await runs.act(run.id, "done", step="verify", by="an")
    with pytest.raises(BadRequestData, match="yes, no"):
        await runs.act(run.id, "answer", step="is-real", answer="perhaps", by="an")
    with pytest.raises(BadRequestData, match="say why"):
        await runs.act(run.id, "cancel", by="an")
    with pytest.raises(ResourceNotFound, match="air-pollution"):
        await runs.start("fire", by="an")


async def test_an_overdue_step_is_marked_once_and_told_to_its_role(centre):
    desk = centre.desk
    run = await desk.runs.start("flood", by="an")
    assert await desk.runs.tick() == []
    centre.later(301)
    await desk.runs.tick()
    assert await desk.runs.tick() == []
    await desk.escalation.tick()
    ((names, title, severity),) = centre.told
    assert names[0] == "lead"
    assert "overdue step" in title
    assert severity == "major"
    assert [act.kind for act in (await desk.runs.get(run.id)).acts] == ["start", "overdue"]
    entries, _ = await desk.book.find(kind="escalation")
    assert entries[0].links == (run.id,)


async def test_a_rule_starts_one_run_about_one_thing_however_often_it_asks(centre):
    runs = centre.desk.runs
    first = await runs.start("flood", subject="urn:ngsi-ld:FloodMonitoring:1", by="rule:flood", key="rule:flood")
    second = await runs.start("flood", subject="urn:ngsi-ld:FloodMonitoring:1", by="rule:flood", key="rule:flood")
    other = await runs.start("flood", subject="urn:ngsi-ld:FloodMonitoring:2", by="rule:flood", key="rule:flood")
    assert first.id == second.id != other.id
    assert await runs.running_by_procedure() == {"flood": 2}


async def test_a_run_is_worked_off_to_its_end_and_the_watch_book_knows(centre):
    runs = centre.desk.runs
    run = await runs.start("flood", by="an", subject="urn:ngsi-ld:Alert:x:y")
    run = await runs.act(run.id, "done", step="verify", by="an")
    run = await runs.act(run.id, "answer", step="is-real", answer="no", by="an")
    run = await runs.act(run.id, "back", by="an")
    run = await runs.act(run.id, "answer", step="is-real", answer="no", by="an")
    run = await runs.act(run.id, "done", step="sensor-fault", by="dung", note="gọi bảo trì")
    assert (run.status, run.step, run.acts[-2].by) == ("done", None, "dung")
    told = [entry.text.en for entry in (await centre.desk.book.find(kind="procedure"))[0]]
    assert told == ["Procedure done: Urban flooding.", "Procedure started: Urban flooding."]
    assert (await runs.find("done", subject="urn:ngsi-ld:Alert:x:y"))[1] == 1


async def test_two_rules_of_one_name_that_ask_at_once_start_one_run(centre):
    runs = centre.desk.runs
    about = {"subject": "urn:ngsi-ld:FloodMonitoring:1", "by": "rule:flood", "key": "rule:flood"}
    started = await asyncio.gather(*(runs.start("flood", **about) for _ in range(5)))
    assert len({run.id for run in started}) == 1


async def test_files_of_the_city_become_versions_and_their_faults_are_shown(centre, tmp_path):
    books = centre.desk.books
    good = books.book("flood").toml(1)
    (tmp_path / "flood.toml").write_text(good.replace("Urban flooding", "Flood in town"), "utf-8")
    (tmp_path / "bad.toml").write_text(good.replace('"operator"', '"boss"'), "utf-8")
    for _ in range(2):
        await books.open(tmp_path)
    assert (books.book("flood").version, books.book("flood").newest.title.en) == (2, "Flood in town")
    assert "bad.toml: steps[0].role" in {fault.where for fault in books.problems}


def test_the_example_of_the_guide_has_no_fault():
    guide = (Path(__file__).parents[3] / "docs/howto/run-a-shift.md").read_text("utf-8")
    example = guide.partition("```toml\n")[2].partition("```")[0]
    assert faults_of(read_toml(example), FIRST_ROLES) == []
