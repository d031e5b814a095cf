"""Finds what may be about the same thing: pairs scored by place, time, kind and words, joined into candidates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from dothi.automation.alarms.alarm import RANK, Severity, Words
from dothi.automation.incidents.evidence import Evidence
from dothi.automation.incidents.similarity import Weights, fold, grams
from dothi.automation.incidents.words import KINDS

#: What each side of a score counts; they add up to 1.
PLACE, TIME, KIND, WORDS = 0.35, 0.2, 0.25, 0.2
#: Pairs from this score on are joined.
ENOUGH: Final = 0.6
#: How alike words must be where the kind is not known.
LEAST_ALIKE: Final = 0.3
#: Metres and seconds at which nearness counts half.
HALF_WAY, HALF_TIME = 1_500.0, 3_600.0
#: Pairs further apart are not looked at; a candidate stretches no further.
MOST_METRES, MOST_SPAN = 8_000.0, 12 * 3_600.0
#: How much evidence one search looks at: the newest.
MOST_EVIDENCE: Final = 600

_SECOND: Final = 1_000_000
_DEGREE: Final = 111_320.0


@dataclass(frozen=True, slots=True)
class Score:
    """How much two pieces of evidence seem to be about one thing, 0 to 1, with what it is made of.

    `metres` is None where one has no place, `kind` None where one tells no kind.
    """

    total: float
    metres: float | None
    seconds: float
    kind: bool | None
    words: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """Evidence that may be one incident. `score` is the mean of the pairs that joined it; `reasons` says why in words.

    `incident` is the open incident that it seems to belong to, None for a new one.
    """

    members: tuple[Evidence, ...]
    score: float
    reasons: tuple[Words, ...]
    category: str
    severity: Severity
    title: Words
    incident: str | None = None


def score(a: Evidence, b: Evidence, alike: float) -> Score:
    """The score of a pair; `alike` is how alike their words are. What is not known counts neither for nor against."""
    metres = None if a.point is None or b.point is None else distance(a.point, b.point)
    seconds = abs(a.at - b.at) / _SECOND
    kind = None if not a.category or not b.category else a.category == b.category
    sides = [(TIME, 1 / (1 + (seconds / HALF_TIME) ** 2))]
    if metres is not None:
        sides.append((PLACE, 1 / (1 + (metres / HALF_WAY) ** 2)))
    if kind is not None:
        sides.append((KIND, 1.0 if kind else 0.0))
    if not (a.kind == "alarm" and b.kind == "alarm"):
        sides.append((WORDS, alike))
    known = sum(weight for weight, _ in sides)
    total = sum(weight * value for weight, value in sides) / known
    # Neither place nor kind known to agree: words and time alone join nothing.
    if metres is None and not (kind and alike > 0.5):
        total = min(total, ENOUGH - 0.01)
    # What is of another kind, or of none that is known and in other words, is another thing at the same place.
    if kind is False or (kind is None and alike < LEAST_ALIKE):
        total = min(total, ENOUGH - 0.01)
    return Score(total, metres, seconds, kind, alike)


def candidates(evidence: Sequence[Evidence], least: int = 2) -> list[Candidate]:
    """Groups of `least` or more, the best first; of more than MOST_EVIDENCE only the newest are looked at. Pure."""
    some = sorted(evidence, key=lambda each: (-each.at, each.id))[:MOST_EVIDENCE]
    texts = [grams(each.text) for each in some]
    weights = Weights(texts)
    pairs: list[tuple[float, int, int, Score]] = []
    for i, a in enumerate(some):
        for j in range(i + 1, len(some)):
            b = some[j]
            if a.at - b.at > MOST_SPAN * _SECOND:
                break
            if a.point and b.point and distance(a.point, b.point) > MOST_METRES:
                continue
            found = score(a, b, weights.alike(texts[i], texts[j]))
            if found.total >= ENOUGH:
                pairs.append((found.total, i, j, found))
    groups = _joined(some, sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])))
    made = [_candidate(some, group, scores, texts, weights) for group, scores in groups if len(group) >= least]
    return sorted(made, key=lambda each: (RANK[each.severity], -len(each.members), -each.score))


def distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres between two points (lon, lat), in the plane: exact enough within a city."""
    x = (a[0] - b[0]) * math.cos(math.radians((a[1] + b[1]) / 2))
    return math.hypot(x, a[1] - b[1]) * _DEGREE


def _joined(
    some: Sequence[Evidence], pairs: Sequence[tuple[float, int, int, Score]]
) -> list[tuple[list[int], list[Score]]]:
    """Groups grown from the best pairs on, none wider or longer than the limits; with the scores that joined them."""
    group = list(range(len(some)))
    members: dict[int, list[int]] = {i: [i] for i in group}
    scores: dict[int, list[Score]] = {i: [] for i in group}
    for _, i, j, found in pairs:
        a, b = group[i], group[j]
        if a != b:
            if not _fits([some[k] for k in members[a] + members[b]]):
                continue
            if len(members[a]) < len(members[b]):
                a, b = b, a
            for k in members[b]:
                group[k] = a
            members[a] += members.pop(b)
            scores[a] += scores.pop(b)
        scores[a].append(found)
    return [(sorted(members[each]), scores[each]) for each in members if len(members[each]) > 1]


def _fits(some: Sequence[Evidence]) -> bool:
    times = [each.at for each in some]
    if max(times) - min(times) > MOST_SPAN * _SECOND:
        return False
    points = [each.point for each in some if each.point]
    if len(points) < 2:
        return True
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    return distance((west, south), (east, north)) <= MOST_METRES


def _candidate(
    some: Sequence[Evidence],
    group: Sequence[int],
    scores: Sequence[Score],
    texts: Sequence[frozenset[str]],
    weights: Weights,
) -> Candidate:
    members = tuple(sorted((some[i] for i in group), key=lambda each: (each.at, each.id)))
    known = [each.category for each in members if each.category]
    category = max(sorted(set(known)), key=known.count) if known else "other"
    severity: Severity = min(
        (each.severity for each in members if each.severity), key=RANK.__getitem__, default="minor"
    )
    return Candidate(
        members=members,
        score=sum(each.total for each in scores) / len(scores),
        reasons=(_who(members), *_why(members, scores, category), *_words(some, group, texts, weights)),
        category=category,
        severity=severity,
        title=_title(members, category),
    )


def _who(members: Sequence[Evidence]) -> Words:
    alarms, reports, notes = (sum(each.kind == kind for each in members) for kind in ("alarm", "report", "note"))
    vi = [f"{n} {word}" for n, word in ((alarms, "cảnh báo"), (reports, "phản ánh"), (notes, "ghi chép")) if n]
    en = [f"{n} {word}" for n, word in ((alarms, "alarms"), (reports, "reports"), (notes, "notes")) if n]
    return {"vi": ", ".join(vi), "en": ", ".join(en)}


def _why(members: Sequence[Evidence], scores: Sequence[Score], category: str) -> list[Words]:
    reasons: list[Words] = []
    metres = sorted(each.metres for each in scores if each.metres is not None)
    if metres:
        usual, widest = _length(metres[len(metres) // 2]), _length(_extent(members))
        reasons.append({
            "vi": f"Cùng khu vực: thường cách nhau {usual}, rộng nhất {widest}",
            "en": f"Same area: usually {usual} apart, {widest} across",
        })  # fmt: skip
    minutes = round((members[-1].at - members[0].at) / _SECOND / 60)
    reasons.append({"vi": f"Cùng thời gian: trong vòng {minutes} phút", "en": f"Same time: within {minutes} minutes"})
    if any(each.kind for each in scores):
        name, share = KINDS.get(category, KINDS["other"]), sum(each.category == category for each in members)
        reasons.append({
            "vi": f"Cùng loại: {name['vi'].lower()} ({share} trên {len(members)})",
            "en": f"Same kind: {name['en'].lower()} ({share} of {len(members)})",
        })  # fmt: skip
    return reasons


def _words(
    some: Sequence[Evidence], group: Sequence[int], texts: Sequence[frozenset[str]], weights: Weights
) -> list[Words]:
    """The words that reports and notes share, as somebody wrote them."""
    told = [i for i in group if some[i].kind != "alarm"]
    found: dict[str, int] = {}
    for i, j in pairwise(told):
        for gram in weights.told(texts[i], texts[j]):
            found[gram] = found.get(gram, 0) + 1
    best = sorted(found, key=lambda gram: (-found[gram], -len(gram), gram))[:3]
    written = [f"“{_as_written(gram, [some[i].text for i in told])}”" for gram in best]
    if not written:
        return []
    shown = ", ".join(written)
    return [{"vi": f"Lời kể giống nhau: {shown}", "en": f"Alike in words: {shown}"}]


def _as_written(gram: str, texts: Sequence[str]) -> str:
    size = len(gram.split())
    for text in texts:
        words = text.split()
        for at in range(len(words) - size + 1):
            part = " ".join(words[at : at + size]).strip(".,;:!?()\"'")
            if fold(part) == gram:
                return part.lower()
    return gram


def _title(members: Sequence[Evidence], category: str) -> Words:
    name = KINDS.get(category, KINDS["other"])
    worst = min(members, key=lambda each: (RANK[each.severity] if each.severity else len(RANK), each.at))
    return {lang: f"{name[lang]}: {worst.title.get(lang) or worst.title.get('vi', '')}"[:300] for lang in ("vi", "en")}


def _extent(members: Sequence[Evidence]) -> float:
    points = [each.point for each in members if each.point]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    return distance((west, south), (east, north))


def _length(metres: float) -> str:
    return f"{round(metres / 10) * 10} m" if metres < 1000 else f"{metres / 1000:.1f} km"
