"""The words of incidents in both languages: kinds, states, severities and deeds, for reasons, CAP and the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dothi.automation.alarms.alarm import Words

KINDS: Final[Mapping[str, Words]] = {
    "flood": {"vi": "Ngập nước", "en": "Flooding"},
    "fire": {"vi": "Cháy nổ", "en": "Fire"},
    "air": {"vi": "Ô nhiễm không khí", "en": "Air pollution"},
    "power": {"vi": "Sự cố điện", "en": "Power failure"},
    "traffic": {"vi": "Giao thông", "en": "Traffic"},
    "water": {"vi": "Sự cố cấp nước", "en": "Water supply"},
    "network": {"vi": "Sự cố mạng, thiết bị", "en": "Network or devices"},
    "waste": {"vi": "Rác thải", "en": "Waste"},
    "tree": {"vi": "Cây đổ", "en": "Fallen tree"},
    "other": {"vi": "Sự cố khác", "en": "Other incident"},
}

STATES: Final[Mapping[str, Words]] = {
    "new": {"vi": "Mới", "en": "New"},
    "confirmed": {"vi": "Đã xác minh", "en": "Confirmed"},
    "working": {"vi": "Đang xử lý", "en": "Working"},
    "contained": {"vi": "Đã khống chế", "en": "Contained"},
    "closed": {"vi": "Đã đóng", "en": "Closed"},
    "merged": {"vi": "Đã gộp", "en": "Merged"},
}

SEVERITIES: Final[Mapping[str, Words]] = {
    "critical": {"vi": "Nghiêm trọng", "en": "Critical"},
    "major": {"vi": "Nặng", "en": "Major"},
    "minor": {"vi": "Nhẹ", "en": "Minor"},
    "advisory": {"vi": "Lưu ý", "en": "Advisory"},
}

DEEDS: Final[Mapping[str, Words]] = {
    "open": {"vi": "Mở sự cố", "en": "Incident opened"},
    "state": {"vi": "Chuyển trạng thái", "en": "State changed"},
    "commander": {"vi": "Giao chỉ huy", "en": "Commander named"},
    "note": {"vi": "Ghi chép", "en": "Note"},
    "task": {"vi": "Giao việc", "en": "Task given"},
    "task_done": {"vi": "Hoàn thành việc", "en": "Task done"},
    "task_reopened": {"vi": "Mở lại việc", "en": "Task reopened"},
    "task_changed": {"vi": "Đổi việc", "en": "Task changed"},
    "link": {"vi": "Gắn vào sự cố", "en": "Linked"},
    "unlink": {"vi": "Tách khỏi sự cố", "en": "Unlinked"},
    "merge": {"vi": "Gộp sự cố khác vào", "en": "Another incident merged in"},
    "merged": {"vi": "Được gộp vào sự cố khác", "en": "Merged into another"},
    "unmerge": {"vi": "Hủy gộp", "en": "Merge taken back"},
    "split": {"vi": "Tách thành sự cố mới", "en": "Split off"},
    "edit": {"vi": "Sửa nội dung", "en": "Edited"},
}

#: What happened beside the acts on the incident itself; alarms' deeds and procedures' acts are behind the kind.
EVENTS: Final[Mapping[str, Words]] = {
    "alarm": {"vi": "Cảnh báo", "en": "Alarm"},
    "report": {"vi": "Phản ánh của người dân", "en": "Citizen's report"},
    "note": {"vi": "Ghi chép của trực ban", "en": "Desk note"},
    "procedure": {"vi": "Quy trình", "en": "Procedure"},
    "alarm.raise": {"vi": "Phát sinh cảnh báo", "en": "Alarm raised"},
    "alarm.worsen": {"vi": "Cảnh báo tăng mức", "en": "Alarm worsened"},
    "alarm.ease": {"vi": "Cảnh báo giảm mức", "en": "Alarm eased"},
    "alarm.clear": {"vi": "Cảnh báo kết thúc", "en": "Alarm cleared"},
    "alarm.acknowledge": {"vi": "Xác nhận cảnh báo", "en": "Alarm acknowledged"},
    "alarm.unacknowledge": {"vi": "Bỏ xác nhận cảnh báo", "en": "Acknowledgement taken back"},
    "alarm.assign": {"vi": "Giao cảnh báo", "en": "Alarm assigned"},
    "alarm.comment": {"vi": "Ghi chú cảnh báo", "en": "Alarm comment"},
    "alarm.shelve": {"vi": "Tạm gác cảnh báo", "en": "Alarm shelved"},
    "alarm.unshelve": {"vi": "Bỏ tạm gác cảnh báo", "en": "Alarm unshelved"},
    "alarm.wake": {"vi": "Hết hạn tạm gác cảnh báo", "en": "Shelving ended"},
}
