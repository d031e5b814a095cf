"""Durations of ISO 8601."""

import pytest

from dothi.model.duration import parse_duration

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT1S", 1), ("PT0.5S", 0.5), ("PT1,5S", 1.5), ("PT30M", 1800), ("PT1H", 3600), ("P1D", 86400),
        ("P1W", 604800), ("P1M", 30 * 86400), ("P1Y", 365 * 86400), ("P1DT1H", 90000), ("P0D", 0),
    ],
)  # fmt: skip
def test_durations_are_read(text, seconds):
    assert parse_duration(text) == seconds * SECOND


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "1H", "PT1", "P1H", "P1DT", "-P1D", "P1.5DT1H", "P١D", "P" + "9" * 99 + "D"]
)
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="no ISO 8601 duration"):
        parse_duration(text)
