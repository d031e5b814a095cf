"""The demo city's own layers, declared as a city module: types of the demo that no module owns yet.

It has no entry point, so that a real city does not show it; whoever starts the demo adds it to the loaded modules.
Once a territory, connectivity or energy module owns one of these types, its declaration here goes.
"""

from __future__ import annotations

from dothi.city.module import Attribute, Band, CityModule, EntityType, Layer, ModulePage, Text

_ONTOLOGY = "https://dothi.dev/ontology/"
_MODELS = "https://smartdatamodels.org/dataModel."
_NAME = Attribute("name", Text("Tên", "Name"))
_PROVIDER = Attribute("provider", Text("Nguồn dữ liệu", "Provider"))

_PARK_WORDS = {
    "operating": Text("Đang hoạt động", "Operating"),
    "building": Text("Đang xây dựng", "Under construction"),
    "planned": Text("Quy hoạch", "Planned"),
}
_PLACE_WORDS = {
    "newCity": Text("Thành phố mới", "New city"),
    "government": Text("Cơ quan hành chính", "Government"),
    "business": Text("Trung tâm kinh doanh", "Business centre"),
    "housing": Text("Khu nhà ở", "Housing"),
    "shopping": Text("Trung tâm thương mại", "Shopping centre"),
    "park": Text("Công viên", "Park"),
    "university": Text("Trường đại học", "University"),
    "market": Text("Chợ", "Market"),
    "heritage": Text("Di tích, di sản", "Heritage"),
    "stadium": Text("Sân vận động", "Stadium"),
    "hospital": Text("Bệnh viện", "Hospital"),
    "busStation": Text("Bến xe", "Bus station"),
    "tourism": Text("Điểm du lịch", "Visitor attraction"),
    "junction": Text("Nút giao thông", "Road junction"),
    "railwayStation": Text("Ga đường sắt", "Railway station"),
    "town": Text("Khu dân cư", "Town"),
    "lake": Text("Hồ", "Lake"),
}
_UP_WORDS = {"up": Text("Đang phát sóng", "Up"), "down": Text("Ngừng phát sóng", "Down")}
_UNIT_WORDS = {"phường": Text("Phường", "Ward"), "xã": Text("Xã", "Commune")}
_PHASE_WORDS = {"singlePhase": Text("Một pha", "Single-phase"), "threePhase": Text("Ba pha", "Three-phase")}
_PARKING_WORDS = {"public": Text("Công cộng", "Public"), "feeCharged": Text("Có thu phí", "Fee charged")}
_VEHICLE_WORDS = {"motorcycle": Text("Xe máy", "Motorcycle"), "car": Text("Ô tô", "Car")}

TYPES = (
    EntityType("AdministrativeUnit", _ONTOLOGY + "AdministrativeUnit", Text("Xã, phường", "Commune or ward"), (
        _NAME,
        Attribute("code", Text("Mã đơn vị hành chính", "Code")),
        Attribute("population", Text("Dân số (người)", "Population"), "", None, 0),
        Attribute("area", Text("Diện tích", "Area"), "km²", "KMK", 2),
        Attribute("populationDensity", Text("Mật độ dân số (người/km²)", "People per km²"), "", None, 0),
        Attribute("unitKind", Text("Loại đơn vị", "Kind of unit"), words=_UNIT_WORDS),
        Attribute("partOf", Text("Trực thuộc", "Part of")),
        Attribute("formerlyIn", Text("Trước ngày 01/07/2025 thuộc", "Until 30 June 2025 in")),
        _PROVIDER,
    )),
    EntityType("IndustrialPark", _ONTOLOGY + "IndustrialPark", Text("Khu công nghiệp", "Industrial park"), (
        _NAME,
        Attribute("area", Text("Diện tích", "Area"), "ha", "HAR", 0),
        Attribute("parkStatus", Text("Tình trạng", "Status"), words=_PARK_WORDS),
        _PROVIDER,
    )),
    EntityType("PointOfInterest", _MODELS + "PointOfInterest/PointOfInterest", Text("Địa điểm", "Place"), (
        _NAME, Attribute("category", Text("Loại", "Category"), words=_PLACE_WORDS), _PROVIDER,
    )),
    EntityType("AccessPoint", _MODELS + "WifiNetwork/AccessPoint", Text("Điểm Wi-Fi công cộng", "Public Wi-Fi"), (
        _NAME,
        Attribute("apState", Text("Tình trạng", "State"), words=_UP_WORDS),
        Attribute("ssid", Text("Tên mạng", "Network name")),
        Attribute("clientsConnected", Text("Số người đang kết nối", "Clients connected"), "", None, 0),
        _PROVIDER,
    ), 600),
    EntityType("ACMeasurement", _MODELS + "Energy/ACMeasurement", Text("Công tơ điện", "Electricity meter"), (
        _NAME,
        Attribute("phaseType", Text("Loại pha", "Phases"), words=_PHASE_WORDS),
        Attribute("totalActivePower", Text("Công suất", "Active power"), "W", "WTT", 0),
        _PROVIDER,
    ), 600),
    EntityType("StreetlightControlCabinet", _MODELS + "Streetlighting/StreetlightControlCabinet",
               Text("Tủ điều khiển chiếu sáng", "Streetlight cabinet"), (
        _NAME,
        Attribute("intensityR", Text("Dòng điện pha R", "Current, phase R"), "A", "AMP", 1),
        _PROVIDER,
    ), 900),
    EntityType("OffStreetParking", _MODELS + "Parking/OffStreetParking", Text("Bãi đỗ xe", "Car park"), (
        _NAME,
        Attribute("availableSpotNumber", Text("Số chỗ còn trống", "Free spaces"), "", None, 0),
        Attribute("totalSpotNumber", Text("Tổng số chỗ", "Spaces"), "", None, 0),
        Attribute("occupancy", Text("Tỷ lệ lấp đầy (0–1)", "Occupancy (0–1)"), "", None, 2),
        Attribute("category", Text("Loại bãi", "Category"), words=_PARKING_WORDS),
        Attribute("allowedVehicleType", Text("Loại xe nhận gửi", "Vehicles allowed"), words=_VEHICLE_WORDS),
        _PROVIDER,
    ), 600),
)  # fmt: skip

_PARKING_BANDS = (
    Band(0, "ok", Text("Còn chỗ", "Spaces free")),
    Band(0.9, "advisory", Text("Gần đầy", "Almost full")),
    Band(0.99, "minor", Text("Hết chỗ", "Full")),
)

module = CityModule(
    name="demo",
    label=Text("Thành phố minh họa", "Demo city"),
    types=TYPES,
    page=ModulePage(layers=(
        Layer("communes", Text("Xã, phường (ranh giới minh họa)", "Communes (schematic)"), ("AdministrativeUnit",),
              "fill"),
        Layer("parks", Text("Khu công nghiệp (vị trí gần đúng)", "Industrial parks (approximate)"),
              ("IndustrialPark",), "fill"),
        Layer("places", Text("Địa điểm", "Places"), ("PointOfInterest",), "pentagon", min_zoom=9),
        Layer("wifi", Text("Wi-Fi công cộng", "Public Wi-Fi"), ("AccessPoint",), "ring", "apState",
              states={"up": "ok", "down": "minor"}, visible=False, min_zoom=10),
        Layer("meters", Text("Công tơ điện", "Electricity meters"), ("ACMeasurement",), "cross",
              "totalActivePower", visible=False, min_zoom=11),
        Layer("lights", Text("Chiếu sáng công cộng", "Street lighting"), ("StreetlightControlCabinet",), "star",
              "intensityR", visible=False, min_zoom=11),
        Layer("parking", Text("Bãi đỗ xe", "Car parks"), ("OffStreetParking",), "hexagon", "occupancy",
              _PARKING_BANDS),
    )),
    terms={
        name: _ONTOLOGY + name
        for name in (
            "AdministrativeUnit", "IndustrialPark", "unitKind", "population", "populationDensity", "area", "partOf",
            "formerlyIn", "parkStatus", "schematic",
        )
    }
    | {
        name: f"{_MODELS}{subject}/{name}"
        for subject, names in (
            ("WifiNetwork", ("apState", "clientsConnected", "ssid")),
            ("Energy", ("phaseType", "totalActivePower")),
            ("Streetlighting", ("intensityR",)),
            ("Parking", ("allowedVehicleType", "availableSpotNumber", "occupancy", "totalSpotNumber")),
        )
        for name in names
    },
)  # fmt: skip
