// The wall.

export const vi = {
  'wall.title': 'Toàn cảnh thành phố',
  'wall.allRight': 'Thành phố bình thường',
  'wall.worst': 'Tình trạng xấu nhất: {status}',
  'wall.tiles': 'Chỉ số theo lớp',
  'wall.abnormalOf': '{count} bất thường / {total}',
  'wall.noneAbnormal': 'Không có bất thường / {total}',
  'wall.alarms': 'Cảnh báo đang mở',
  'wall.noAlarms': 'Không có cảnh báo nào đang mở',
  'wall.moreAlarms': 'Còn {count} cảnh báo nữa',
  'wall.noDesk': 'Chưa đọc được cảnh báo',
  'wall.unacknowledged': 'Chưa xác nhận',
  'wall.acknowledged': 'Đã xác nhận',
  'wall.trends': 'Diễn biến 24 giờ',
  'wall.noTrends': 'Chưa có số liệu diễn biến',
  'wall.clock': 'Giờ hiện tại',
  'wall.loading': 'Đang tải…',
} as const

export const en: Record<keyof typeof vi, string> = {
  'wall.title': 'The city at a glance',
  'wall.allRight': 'The city is all right',
  'wall.worst': 'Worst state: {status}',
  'wall.tiles': 'Figures by layer',
  'wall.abnormalOf': '{count} abnormal / {total}',
  'wall.noneAbnormal': 'None abnormal / {total}',
  'wall.alarms': 'Open alarms',
  'wall.noAlarms': 'No alarm is open',
  'wall.moreAlarms': '{count} more alarms',
  'wall.noDesk': 'The alarms could not be read',
  'wall.unacknowledged': 'Unacknowledged',
  'wall.acknowledged': 'Acknowledged',
  'wall.trends': 'Last 24 hours',
  'wall.noTrends': 'No history yet',
  'wall.clock': 'The time now',
  'wall.loading': 'Loading…',
}
