"""The 36 communes and wards of former Bình Dương in force since 1 July 2025, with schematic areas around their points.

Codes, names, areas and populations are facts of Resolution 1685/NQ-UBTVQH15 and the official 2025 map. The population
of Phước Hòa (4,247) is as that map prints it and looks too small. Areas are drawn here: no border is a surveyed one.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import shapely


class Commune(NamedTuple):
    """`kind` is "phường" or "xã"; area in km²; the point lies inside."""

    code: str
    name: str
    kind: str
    area: float
    population: int
    lat: float
    lon: float

    @property
    def title(self) -> str:
        """Phường Phú Lợi, Xã Dầu Tiếng."""
        return f"{self.kind.capitalize()} {self.name}"


COMMUNES: Final = (
    Commune("25747", "Thủ Dầu Một", "phường", 15.68, 88132, 10.9681, 106.6643),
    Commune("25750", "Phú Lợi", "phường", 17.96, 107721, 10.9876, 106.6806),
    Commune("25760", "Bình Dương", "phường", 58.16, 107576, 11.0548, 106.6891),
    Commune("25768", "Phú An", "phường", 34.97, 46142, 11.0485, 106.6017),
    Commune("25771", "Chánh Hiệp", "phường", 19.89, 57176, 11.0185, 106.6417),
    Commune("25777", "Dầu Tiếng", "xã", 182.69, 39056, 11.3325, 106.4015),
    Commune("25780", "Minh Thạnh", "xã", 159.06, 24215, 11.4437, 106.4653),
    Commune("25792", "Long Hòa", "xã", 166.76, 25215, 11.3276, 106.5088),
    Commune("25807", "Thanh An", "xã", 136.72, 25324, 11.2482, 106.4314),
    Commune("25813", "Bến Cát", "phường", 100.89, 97928, 11.2041, 106.6154),
    Commune("25819", "Trừ Văn Thố", "xã", 76.56, 24533, 11.3406, 106.5928),
    Commune("25822", "Bàu Bàng", "xã", 84.09, 42219, 11.2735, 106.6056),
    Commune("25837", "Chánh Phú Hòa", "phường", 69.54, 53916, 11.1882, 106.6699),
    Commune("25840", "Long Nguyên", "phường", 108.0, 31457, 11.1680, 106.5619),
    Commune("25843", "Tây Nam", "phường", 119.8, 56784, 11.1325, 106.5334),
    Commune("25846", "Thới Hòa", "phường", 37.93, 79601, 11.1029, 106.6262),
    Commune("25849", "Hòa Lợi", "phường", 33.59, 79694, 11.0836, 106.6567),
    Commune("25858", "Phú Giáo", "xã", 192.83, 42739, 11.3071, 106.8610),
    Commune("25864", "Phước Thành", "xã", 123.49, 15803, 11.3851, 106.7515),
    Commune("25867", "An Long", "xã", 100.05, 17906, 11.3259, 106.6898),
    Commune("25882", "Phước Hòa", "xã", 128.07, 4247, 11.2536, 106.7733),
    Commune("25888", "Tân Uyên", "phường", 94.67, 73032, 11.0914, 106.7990),
    Commune("25891", "Tân Khánh", "phường", 38.23, 126393, 10.9997, 106.7405),
    Commune("25906", "Bắc Tân Uyên", "xã", 143.69, 27964, 11.1712, 106.8635),
    Commune("25909", "Thường Tân", "xã", 120.7, 21238, 11.1049, 106.9194),
    Commune("25912", "Vĩnh Tân", "phường", 61.35, 61865, 11.1379, 106.6990),
    Commune("25915", "Bình Cơ", "phường", 73.69, 64601, 11.1525, 106.7438),
    Commune("25920", "Tân Hiệp", "phường", 47.06, 142494, 11.0618, 106.7431),
    Commune("25942", "Dĩ An", "phường", 21.38, 227817, 10.9014, 106.7553),
    Commune("25945", "Tân Đông Hiệp", "phường", 21.47, 100243, 10.9436, 106.7595),
    Commune("25951", "Đông Hòa", "phường", 21.89, 132056, 10.8940, 106.7964),
    Commune("25966", "Lái Thiêu", "phường", 15.46, 118852, 10.9064, 106.7023),
    Commune("25969", "Thuận Giao", "phường", 16.81, 150781, 10.9627, 106.7085),
    Commune("25975", "An Phú", "phường", 16.85, 162930, 10.9595, 106.7374),
    Commune("25978", "Thuận An", "phường", 16.11, 64689, 10.9422, 106.6824),
    Commune("25987", "Bình Hòa", "phường", 18.49, 120035, 10.9005, 106.7257),
)

#: A rough outline of the former province, (lon, lat) to a hundredth of a degree (about 1 km).
_OUTLINE: Final = (
    (106.70, 10.87), (106.65, 10.98), (106.60, 11.02), (106.53, 11.07), (106.51, 11.14), (106.43, 11.17),
    (106.38, 11.23), (106.33, 11.35), (106.37, 11.45), (106.43, 11.50), (106.49, 11.50), (106.56, 11.48),
    (106.54, 11.39), (106.61, 11.39), (106.67, 11.35), (106.67, 11.40), (106.76, 11.45), (106.80, 11.49),
    (106.77, 11.40), (106.86, 11.37), (106.94, 11.35), (106.90, 11.21), (106.97, 11.15), (106.95, 11.06),
    (106.87, 11.02), (106.80, 11.06), (106.77, 11.00), (106.80, 10.97), (106.84, 10.90), (106.81, 10.87),
    (106.75, 10.87), (106.72, 10.87), (106.70, 10.87),
)  # fmt: skip


def outline() -> Any:
    """The rough outline as a shapely Polygon."""
    return shapely.Polygon(_OUTLINE)


def cells() -> list[dict[str, Any]]:
    """A GeoJSON Polygon per commune: the places nearer to its point than to any other, within the outline."""
    border = outline()
    points = shapely.points([(commune.lon, commune.lat) for commune in COMMUNES])
    regions = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=border))
    order = shapely.STRtree(regions).query(points, predicate="within")[1]
    parts = [shapely.intersection(regions[i], border) for i in order]
    return [_geojson(max(shapely.get_parts(part), key=shapely.area)) for part in parts]


def _geojson(polygon: Any) -> dict[str, Any]:
    ring = shapely.get_coordinates(shapely.normalize(polygon).reverse().exterior).round(4).tolist()
    ring = [place for i, place in enumerate(ring) if i == 0 or place != ring[i - 1]]
    return {"type": "Polygon", "coordinates": [ring]}
