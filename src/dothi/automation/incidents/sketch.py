"""A sketch of where an incident was, as SVG: its area, alarms, reports and notes, a scale and north."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from dothi.automation.incidents.evidence import Evidence

WIDTH, HEIGHT, MARGIN = 680.0, 360.0, 36.0
#: Fills of the alarm's severities, as the app has them; each has a shape of its own besides.
FILL: Final[Mapping[str, str]] = {
    "critical": "#c5221f", "major": "#f28c1b", "minor": "#ffdb57", "advisory": "#4c8dff",
}  # fmt: skip

_DEGREE: Final = 111_320.0
#: Least width of what is shown, metres: one point alone is no map.
_LEAST: Final = 600.0


class _Plane:
    """Puts (lon, lat) on the sheet, north up, equal scales."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        west, east = min(x for x, _ in points), max(x for x, _ in points)
        south, north = min(y for _, y in points), max(y for _, y in points)
        self._middle = ((west + east) / 2, (south + north) / 2)
        self._squeeze = math.cos(math.radians(self._middle[1]))
        wide = max((east - west) * self._squeeze * _DEGREE, _LEAST)
        high = max((north - south) * _DEGREE, _LEAST / 2)
        #: Units of the sheet in a metre.
        self.scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)

    def at(self, point: Sequence[float]) -> tuple[float, float]:
        x = (point[0] - self._middle[0]) * self._squeeze * _DEGREE * self.scale
        y = (point[1] - self._middle[1]) * _DEGREE * self.scale
        return round(WIDTH / 2 + x, 1), round(HEIGHT / 2 - y, 1)


def sketch(area: Mapping[str, Any] | None, members: Sequence[Evidence]) -> str | None:
    """The SVG document; None where nothing has a place."""
    rings = _rings(area)
    placed = [each for each in members if each.point is not None]
    points = [point for ring in rings for point in ring] + [each.point for each in placed if each.point]
    if not points:
        return None
    plane = _Plane(points)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}"',
        f' width="{WIDTH:g}" height="{HEIGHT:g}">',
        f'<rect width="{WIDTH:g}" height="{HEIGHT:g}" fill="#f4f6f8" stroke="#d5dce3"/>',
        *(_ring(plane, ring) for ring in rings),
        *(_mark(plane, each) for each in sorted(placed, key=lambda each: each.kind == "alarm")),
        *_scale(plane),
        _north(),
        "</svg>",
    ]
    return "".join(parts)


def _rings(area: Mapping[str, Any] | None) -> list[list[tuple[float, float]]]:
    if area is None or area["type"] not in ("Polygon", "MultiPolygon"):
        return []
    parts = [area["coordinates"]] if area["type"] == "Polygon" else area["coordinates"]
    return [[(each[0], each[1]) for each in part[0]] for part in parts]


def _ring(plane: _Plane, ring: Sequence[tuple[float, float]]) -> str:
    corners = " ".join(f"{x:g},{y:g}" for x, y in map(plane.at, ring))
    return f'<polygon points="{corners}" fill="#0b63c4" fill-opacity="0.10" stroke="#0b63c4" stroke-dasharray="6 4"/>'


def _mark(plane: _Plane, evidence: Evidence) -> str:
    x, y = plane.at(evidence.point or (0, 0))
    title = f"<title>{escape(evidence.title.get('vi', evidence.id))}</title>"
    if evidence.kind == "report":
        return (
            f'<circle cx="{x:g}" cy="{y:g}" r="4" fill="#ffffff" stroke="#54606c" stroke-width="1.5">{title}</circle>'
        )
    if evidence.kind == "note":
        return (
            f'<path d="M{x:g} {y - 5:g}L{x + 5:g} {y:g}L{x:g} {y + 5:g}L{x - 5:g} {y:g}Z" fill="#54606c">{title}</path>'
        )
    fill = FILL.get(evidence.severity or "", "#7d8894")
    return (
        f'<rect x="{x - 4.5:g}" y="{y - 4.5:g}" width="9" height="9" fill="{fill}" stroke="#18212b" '
        f'stroke-width="1">{title}</rect>'
    )


def _scale(plane: _Plane) -> list[str]:
    """A bar of a round length of about a sixth of the sheet."""
    metres = _round_length(WIDTH / 6 / plane.scale)
    x, y, size = 16.0, HEIGHT - 14, metres * plane.scale
    text = f"{metres:g} m" if metres < 1000 else f"{metres / 1000:g} km"
    return [
        f'<path d="M{x:g} {y - 5:g}V{y:g}H{x + size:.1f}V{y - 5:g}" fill="none" stroke="#18212b"/>',
        f'<text x="{x + size + 6:.1f}" y="{y:g}" font-size="11" font-family="Libertinus Serif">{text}</text>',
    ]


def _round_length(metres: float) -> float:
    power = float(10 ** math.floor(math.log10(metres)))
    return next(step * power for step in (5, 2, 1) if step * power <= metres)


def _north() -> str:
    x = WIDTH - 24
    return (
        f'<path d="M{x:g} 12L{x + 7:g} 30L{x:g} 25L{x - 7:g} 30Z" fill="#18212b"/>'
        f'<text x="{x:g}" y="43" font-size="11" text-anchor="middle" font-family="Libertinus Serif">B / N</text>'
    )
