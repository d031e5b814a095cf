"""The part of docs/reference/conformance.md that is measured: rates by area, between two marks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from conformance.runner import Outcome

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "conformance.md"
BEGIN: Final = "<!-- rates: written by `make conformance` -->"
END: Final = "<!-- end of rates -->"

#: Names of cases in the page's section on failing ones: file names of the suite, such as 019_31 or D001_02_exc.
_EXPLANATIONS: Final = re.compile(r"^## Cases that fail.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_CASE: Final = re.compile(r"`([\w.-]+)`")


def write_rates(page: Path, outcomes: Sequence[Outcome], day: str) -> None:
    """Put the table of these outcomes, measured on `day`, between the marks. Raises ValueError where they are not."""
    text = page.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} lacks the marks {BEGIN!r} and {END!r}")
    page.write_text(before + begin + "\n" + rates(outcomes, day) + "\n" + end + after, "utf-8")


def rates(outcomes: Sequence[Outcome], day: str) -> str:
    """The section: a sentence, a table of totals, a table by area."""
    suite = outcomes[0].suite if outcomes else "unknown"
    lines = [f"Measured on {day} with `make conformance SUITE=...`, commit {suite} of the suite.", ""]
    lines += ["| cases | passed | of | rate |", "| --- | --- | --- | --- |"]
    lines += [f"| {each.run.title} | {each.passed} | {each.cases} | {each.rate:.1%} |" for each in outcomes]
    lines += ["", "| area | cases | passed | of |", "| --- | --- | --- | --- |"]
    for each in outcomes:
        lines += [f"| {area} | {each.run.tier} | {p} | {n} |" for area, (p, n) in sorted(each.areas.items())]
    return "\n".join(lines)


def explained_cases(text: str) -> frozenset[str]:
    """The cases that the page's section "Cases that fail" names, each in backquotes."""
    section = _EXPLANATIONS.search(text)
    return frozenset(_CASE.findall(section[0])) if section else frozenset()
