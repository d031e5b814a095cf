"""Candidates: what is near in place, time, kind and words comes together, what is not stays apart."""

import random

from hypothesis import given
from hypothesis import strategies as st

from dothi.automation.incidents.evidence import Evidence, telling
from dothi.automation.incidents.grouping import MOST_METRES, candidates, distance, score
from dothi.automation.incidents.similarity import Weights, fold, grams

MINUTE = 60_000_000
NOW = 1_795_000_000_000_000


def evidence(id, text="", lon=106.75, lat=10.9, at=NOW, kind="report", category=None, severity=None):
    words = {"vi": text, "en": text}
    known = telling(text) if category is None else category
    return Evidence(id, kind, words, text, at, (lon, lat), known, severity)


def alarm(id, severity="major", **more):
    return evidence(id, "Mực nước vượt báo động", kind="alarm", severity=severity, **more)


def test_texts_are_alike_with_and_without_diacritics():
    a, b, c = grams("Đường Trần Hưng Đạo ngập nặng"), grams("ngap nang o duong tran hung dao"), grams("Đèn đường hỏng")
    weights = Weights([a, b, c])
    assert fold("Đường NGẬP") == "duong ngap"
    assert weights.alike(a, b) > 0.8
    assert weights.alike(a, c) < 0.1
    assert "tran hung" in weights.told(a, b)


def test_the_kind_is_told_by_the_words():
    assert telling("Nước ngập đến đầu gối") == "flood"
    assert telling("Cháy lớn tại xưởng gỗ") == "fire"
    assert telling("Cúp điện từ sáng") == "power"
    assert telling("Xin chào") == ""


def test_a_flood_comes_together_and_a_lamp_stays_out():
    flood = [alarm(f"a{n}", lon=106.75 + n * 0.004) for n in range(5)]
    flood += [evidence(f"r{n}", "Ngập nặng đường Trần Hưng Đạo", lon=106.752 + n * 0.003) for n in range(3)]
    lamp = evidence("lamp", "Đèn đường hỏng ba ngày nay", lon=106.751)
    (found,) = candidates([*flood, lamp])
    assert {each.id for each in found.members} == {each.id for each in flood}
    assert (found.category, found.severity) == ("flood", "major")
    told = " ".join(reason["vi"] for reason in found.reasons)
    assert "5 cảnh báo, 3 phản ánh" in told
    assert "ngập nước (8 trên 8)" in told
    assert "trần hưng" in told


def test_two_floods_far_apart_or_a_day_apart_are_two():
    near = [alarm("a1"), alarm("a2", lon=106.752)]
    far = [alarm("b1", lat=11.2), alarm("b2", lat=11.202)]
    late = [alarm("c1", at=NOW - 1500 * MINUTE), alarm("c2", at=NOW - 1490 * MINUTE)]
    groups = sorted(sorted(each.id for each in found.members) for found in candidates([*near, *far, *late]))
    assert groups == [["a1", "a2"], ["b1", "b2"], ["c1", "c2"]]


def test_without_a_place_only_kind_and_words_together_join():
    a, b = evidence("a", "Ngập nặng đường Trần Hưng Đạo"), evidence("b", "Ngập đường Trần Hưng Đạo")
    nowhere = Evidence("b", "note", b.title, b.text, NOW, None, "flood")
    assert len(candidates([a, nowhere])) == 1
    other = Evidence("c", "note", b.title, "Xe tải đổ", NOW, None, "traffic")
    assert candidates([a, other]) == []


@given(
    st.lists(
        st.tuples(
            st.floats(106.3, 107), st.floats(10.8, 11.5), st.integers(0, 2000), st.sampled_from(["flood", "fire", ""])
        ),
        max_size=25,
    ),
    st.randoms(use_true_random=False),
)
def test_groups_are_apart_bounded_and_do_not_depend_on_the_order(places, chance: random.Random):
    some = [
        evidence(f"e{n}", "ngập", lon, lat, NOW - minutes * MINUTE, category=kind)
        for n, (lon, lat, minutes, kind) in enumerate(places)
    ]
    found = candidates(some)
    ids = [each.id for group in found for each in group.members]
    assert len(ids) == len(set(ids))
    for group in found:
        lons, lats = [each.point[0] for each in group.members], [each.point[1] for each in group.members]
        assert distance((min(lons), min(lats)), (max(lons), max(lats))) <= MOST_METRES
        assert 0 < group.score <= 1
    chance.shuffle(some)
    assert members_of(candidates(some)) == members_of(found)


def members_of(found):
    return sorted(sorted(each.id for each in group.members) for group in found)


@given(st.floats(0, 1), st.integers(0, 600), st.floats(0, 0.05))
def test_a_score_is_symmetric_and_within_bounds(alike, minutes, apart):
    a, b = evidence("a", "ngập"), evidence("b", "ngập", lon=106.75 + apart, at=NOW - minutes * MINUTE)
    assert score(a, b, alike) == score(b, a, alike)
    assert 0 <= score(a, b, alike).total <= 1
