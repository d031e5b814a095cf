"""Places for the map's labels and industrial parks of Bình Dương; positions are approximate, to about a kilometre."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple


class Park(NamedTuple):
    """An industrial park: area in hectares, status in 2025 as published, and an approximate middle."""

    name: str
    area: float
    status: str
    lat: float
    lon: float


#: Names and areas as published (master plan changes of 2015/16; press of 2007, 2022 and 2025); other parks of the
#: province are left out, since no published figure was at hand.
PARKS: Final = (
    Park("VSIP I", 500, "operating", 10.930, 106.720),
    Park("VSIP II-A", 1008, "operating", 11.110, 106.720),
    Park("VSIP III", 1000, "building", 11.130, 106.820),
    Park("Bàu Bàng", 1000, "operating", 11.260, 106.640),
    Park("Bàu Bàng mở rộng giai đoạn 2", 380, "building", 11.300, 106.620),
    Park("Cây Trường", 700, "building", 11.360, 106.590),
    Park("Lai Hưng", 600, "planned", 11.220, 106.600),
    Park("Nam Tân Uyên", 966, "operating", 11.040, 106.770),
    Park("Rạch Bắp", 639, "operating", 11.120, 106.550),
    Park("Việt Hương 2", 262, "operating", 11.090, 106.560),
    Park("Sóng Thần 3", 427, "operating", 11.040, 106.700),
    Park("Đại Đăng", 219, "operating", 11.030, 106.680),
    Park("Phú Tân", 107, "operating", 11.060, 106.700),
    Park("Kim Huy", 172, "operating", 11.050, 106.720),
    Park("Tân Đông Hiệp B", 150, "operating", 10.925, 106.775),
    Park("Bình Dương Riverside ISC", 600, "planned", 11.080, 106.900),
    Park("Tân Lập I", 200, "planned", 11.130, 106.870),
    Park("Vĩnh Lập", 500, "planned", 11.270, 106.800),
)


class Place(NamedTuple):
    name: str
    category: str
    lat: float
    lon: float


PLACES: Final = (
    Place("Thành phố mới Bình Dương", "newCity", 11.055, 106.682),
    Place("Trung tâm hành chính Bình Dương", "government", 11.053, 106.680),
    Place("WTC Bình Dương New City", "business", 11.057, 106.684),
    Place("SORA gardens", "housing", 11.049, 106.677),
    Place("Hikari", "shopping", 11.051, 106.678),
    Place("Công viên trung tâm Thành phố mới", "park", 11.060, 106.685),
    Place("Đại học Quốc tế Miền Đông", "university", 11.053, 106.667),
    Place("Đại học Thủ Dầu Một", "university", 10.981, 106.674),
    Place("Đại học Việt Đức", "university", 11.107, 106.614),
    Place("Becamex Tower", "business", 10.978, 106.675),
    Place("Chợ Thủ Dầu Một", "market", 10.981, 106.652),
    Place("Chùa Hội Khánh", "heritage", 10.986, 106.656),
    Place("Chùa Bà Thiên Hậu", "heritage", 10.980, 106.653),
    Place("Sân vận động Gò Đậu", "stadium", 10.972, 106.671),
    Place("Nhà tù Phú Lợi", "heritage", 10.989, 106.684),
    Place("Bệnh viện đa khoa Bình Dương", "hospital", 10.983, 106.662),
    Place("Bến xe Bình Dương", "busStation", 10.966, 106.668),
    Place("Bến xe Đại Nam", "busStation", 11.042, 106.633),
    Place("Lạc Cảnh Đại Nam", "tourism", 11.040, 106.627),
    Place("Làng tre Phú An", "tourism", 11.060, 106.590),
    Place("Làng sơn mài Tương Bình Hiệp", "heritage", 11.012, 106.640),
    Place("Bến xe Phú Chánh", "busStation", 11.066, 106.705),
    Place("Chợ Lái Thiêu", "market", 10.905, 106.700),
    Place("Vườn trái cây Lái Thiêu", "tourism", 10.928, 106.683),
    Place("AEON MALL Bình Dương Canary", "shopping", 10.932, 106.711),
    Place("Ngã tư Hòa Lân", "junction", 10.952, 106.700),
    Place("Cầu Ông Bố", "junction", 10.921, 106.707),
    Place("Chợ Dĩ An", "market", 10.907, 106.769),
    Place("Ga Dĩ An", "railwayStation", 10.904, 106.767),
    Place("Ga Sóng Thần", "railwayStation", 10.886, 106.748),
    Place("Ngã ba Tân Vạn", "junction", 10.898, 106.829),
    Place("Núi Châu Thới", "tourism", 10.917, 106.815),
    Place("Hồ Đá", "tourism", 10.883, 106.800),
    Place("Mỹ Phước", "town", 11.155, 106.600),
    Place("Lai Uyên", "town", 11.270, 106.615),
    Place("Uyên Hưng", "town", 11.065, 106.795),
    Place("Tân Phước Khánh", "town", 11.005, 106.722),
    Place("Phước Vĩnh", "town", 11.295, 106.795),
    Place("Thị trấn Dầu Tiếng", "town", 11.280, 106.363),
    Place("Hồ Dầu Tiếng", "lake", 11.340, 106.350),
)


def hexagon(lat: float, lon: float, hectares: float) -> dict[str, Any]:
    """A regular hexagon of the given area around a place, as a GeoJSON Polygon: where a park is, and how large."""
    radius = math.sqrt(hectares * 1e4 / (1.5 * math.sqrt(3)))
    north = radius / 110_600
    east = radius / (111_320 * math.cos(math.radians(lat)))
    angles = [math.radians(60 * i) for i in range(6)]
    ring = [[round(lon + east * math.cos(a), 5), round(lat + north * math.sin(a), 5)] for a in angles]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
