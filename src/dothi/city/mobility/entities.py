"""The entity types of the mobility module with the attributes that people see; Smart Data Models throughout."""

from __future__ import annotations

from dothi.city.module import Attribute, EntityType, Text

_URBAN = "https://smartdatamodels.org/dataModel.UrbanMobility/"

_TRANSPORTATION = "https://smartdatamodels.org/dataModel.Transportation/"
_ALERT = "https://smartdatamodels.org/dataModel.Alert/"

_NAME = Attribute("name", Text("Tên", "Name"))
_CODE = Attribute("code", Text("Mã", "Code"))
_ROUTE = Attribute("hasRoute", Text("Tuyến", "Route"))
_TRIP = Attribute("hasTrip", Text("Chuyến", "Trip"))
_STOP = Attribute("hasStop", Text("Trạm dừng", "Stop"))

STOP = EntityType("GtfsStop", _URBAN + "GtfsStop", Text("Trạm dừng xe buýt", "Bus stop"), (_NAME, _CODE))
STATION = EntityType("GtfsStation", _URBAN + "GtfsStation", Text("Bến xe, nhà ga", "Station"), (_NAME, _CODE))
ROUTE = EntityType(
    "GtfsRoute",
    _URBAN + "GtfsRoute",
    Text("Tuyến xe buýt", "Bus route"),
    (Attribute("shortName", Text("Số hiệu tuyến", "Route number")), _NAME,
     Attribute("operatedBy", Text("Đơn vị vận hành", "Operator"))),
)  # fmt: skip
SHAPE = EntityType("GtfsShape", _URBAN + "GtfsShape", Text("Lộ trình", "Route line"), (_NAME, _ROUTE))
TRIP = EntityType(
    "GtfsTrip",
    _URBAN + "GtfsTrip",
    Text("Chuyến xe", "Trip"),
    (Attribute("headSign", Text("Bảng hiệu hướng đi", "Head sign")), _ROUTE,
     Attribute("direction", Text("Chiều", "Direction"))),
)  # fmt: skip
AGENCY = EntityType(
    "GtfsAgency",
    _URBAN + "GtfsAgency",
    Text("Đơn vị vận tải", "Transit agency"),
    (Attribute("agencyName", Text("Tên đơn vị", "Agency name")), Attribute("phone", Text("Điện thoại", "Phone"))),
)
SERVICE = EntityType("GtfsService", _URBAN + "GtfsService", Text("Lịch vận hành", "Service"), (_NAME,))
CALENDAR = (
    EntityType("GtfsCalendarRule", _URBAN + "GtfsCalendarRule", Text("Lịch chạy trong tuần", "Weekly calendar")),
    EntityType("GtfsCalendarDateRule", _URBAN + "GtfsCalendarDateRule", Text("Ngày ngoại lệ", "Exception date")),
    EntityType("GtfsFrequency", _URBAN + "GtfsFrequency", Text("Tần suất", "Frequency")),
)
ACCESS = EntityType("GtfsAccessPoint", _URBAN + "GtfsAccessPoint", Text("Lối vào", "Entrance"), (_NAME, _CODE))
ARRIVAL = EntityType(
    "ArrivalEstimation",
    _URBAN + "ArrivalEstimation",
    Text("Dự kiến xe đến", "Arrival estimate"),
    (Attribute("remainingTime", Text("Thời gian còn lại", "Remaining time")),
     Attribute("delay", Text("Trễ so với lịch", "Delay"), "s", "SEC", 0), _TRIP, _STOP),
    stale_after=300,
)  # fmt: skip
VEHICLE = EntityType(
    "Vehicle",
    _TRANSPORTATION + "Vehicle",
    Text("Phương tiện", "Vehicle"),
    (
        _NAME,
        Attribute("vehiclePlateIdentifier", Text("Biển số", "Licence plate")),
        Attribute("speed", Text("Tốc độ", "Speed"), "km/h", "KMH", 0),
        Attribute("heading", Text("Hướng đi", "Heading"), "°", "DD", 0),
        _ROUTE,
        _TRIP,
    ),
    stale_after=120,
)
ALERT = EntityType(
    "Alert",
    _ALERT + "Alert",
    Text("Thông báo giao thông", "Service alert"),
    (_NAME, Attribute("severity", Text("Mức độ", "Severity")), Attribute("description", Text("Nội dung", "Text"))),
)

TYPES = (STOP, STATION, ACCESS, ROUTE, SHAPE, TRIP, AGENCY, SERVICE, *CALENDAR, ARRIVAL, VEHICLE, ALERT)

#: Attributes as the Smart Data Models' own subjects name them today; their combined context still has older IRIs for
#: some and lacks others. `name`, `description` and `category` are left to it, since many subjects share them.
TERMS = {
    **{
        name: _URBAN + name
        for name in (
            "agencyName", "appliesOn", "bikesAllowed", "block", "code", "direction", "exactTimes", "exceptionType",
            "hasParentStation", "hasRoute", "hasService", "hasShape", "hasStop", "hasTrip", "headSign",
            "headwaySeconds", "language", "operatedBy", "page", "phone", "remainingTime", "routeColor",
            "routeTextColor", "routeType", "shortName", "timezone", "wheelChairAccessible", "zoneCode",
        )
    },
    **{
        name: _TRANSPORTATION + name
        for name in ("heading", "serviceStatus", "speed", "vehiclePlateIdentifier", "vehicleType")
    },
    **{name: _ALERT + name for name in ("alertSource", "severity")},
    "delay": "https://dothi.dev/ontology/delay",
    "stopTimes": "https://dothi.dev/ontology/stopTimes",
}  # fmt: skip
