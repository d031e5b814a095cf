"""Definitions of procedures: what is wrong is said with its place; TOML and back gives the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.automation.procedures.books import library
from dothi.automation.procedures.definition import END, Unreadable, read, seconds_of, span_of
from dothi.automation.procedures.faults import faults_of
from dothi.automation.procedures.run import acted, begin
from dothi.automation.procedures.toml_form import read_toml, write_toml
from dothi.automation.shifts.roster import FIRST_ROLES

ROLES = frozenset(FIRST_ROLES)


def text(words):
    return {"vi": words, "en": words}


def step(id, **more):
    return {"id": id, "title": text(id), "role": "operator", **more}


def answer(id, next):
    return {"id": id, "label": text(id), "next": next}


def procedure(*steps, **more):
    return read({"id": "p", "title": text("p"), "steps": list(steps), **more})


def places(one):
    return {fault.where: str(fault) for fault in faults_of(one, ROLES)}


@pytest.mark.parametrize("one", library(), ids=lambda one: one.id)
def test_the_library_is_without_fault_and_written_in_both_languages(one):
    assert faults_of(one, ROLES) == []
    assert read_toml(write_toml(one)) == one


def test_an_unknown_role_is_told_with_the_roles_there_are():
    told = places(procedure(step("a", role="boss")))
    assert "no role 'boss'" in told["steps[0].role"]
    assert "commander" in told["steps[0].role"]


def test_an_unreachable_step_is_told():
    told = places(procedure(step("a", next=END), step("b")))
    assert "no way leads to 'b'" in told["steps[1]"]


def test_a_loop_without_clock_is_told_with_its_way():
    ask = step("b", answers=[answer("again", "a"), answer("over", END)])
    assert "a → b → a is a loop without a clock" in places(procedure(step("a"), ask))["steps[0]"]
    assert places(procedure(step("a", due="5m"), ask)) == {}


def test_a_way_that_never_ends_is_told():
    told = places(procedure(step("a", due=60, next="b"), step("b", next="a")))
    assert "no way leads to the end" in told["steps[0]"]


def test_a_target_that_is_not_there_is_told():
    told = places(procedure(step("a", next="z"), step("b", answers=[answer("x", "q"), answer("y", END)])))
    assert "no step 'z'" in told["steps[0].next"]
    assert "no step 'q'" in told["steps[1].answers[0].next"]


def test_ids_that_stand_twice_and_empty_texts_are_told():
    told = places(procedure(step("a"), {**step("a"), "title": {"vi": "a", "en": " "}}))
    assert "the id of steps[0] too" in told["steps[1].id"]
    assert "the text is empty" in told["steps[1].title.en"]


def test_what_cannot_be_read_is_told_with_its_place():
    with pytest.raises(Unreadable) as told:
        read({"id": "p", "title": text("p"), "steps": [step("a", due="soon")]})
    assert told.value.where == "steps[0].due"
    with pytest.raises(Unreadable, match="unknown field `rôle`"):
        read({"id": "p", "title": text("p"), "steps": [{**step("a"), "rôle": "x"}]})
    with pytest.raises(Unreadable, match="line 2"):
        read_toml('id = "p"\ntitle = oops')


@given(st.integers(1, 10**7))
def test_a_span_is_read_as_it_was_written(seconds):
    assert seconds_of(span_of(seconds)) == seconds


words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


@settings(max_examples=50)
@given(words, words, st.integers(1, 10**6))
def test_any_text_survives_toml(vi, en, due):
    one = procedure({**step("a", due=due), "title": {"vi": vi, "en": en}}, purpose={"vi": en, "en": vi})
    assert read_toml(write_toml(one)) == one


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(library()), st.randoms(use_true_random=False))
def test_a_procedure_without_fault_always_ends_and_back_undoes_each_step(one, chance):
    run = begin("urn:r", one, 1, "an", 0, None, "an")
    for now in range(1, 400):
        current = run.step
        if current is None:
            break
        if now > 200:  # towards the end: the answer that leads farthest down
            order = [each.id for each in one.steps] + [END]
            choice = max(current.answers, key=lambda a: order.index(a.next)) if current.answers else None
        else:
            choice = chance.choice(current.answers) if current.answers else None
        deed = "answer" if choice else "done"
        after = acted(run, deed, "an", now, step=current.id, answer=choice.id if choice else "")
        if after.status == "running":
            assert acted(after, "back", "an", now).step == current
        run = after
    assert run.status == "done"
    assert run.left == 0
