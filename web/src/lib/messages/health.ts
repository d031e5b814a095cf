// The page of connectors and their health.

export const vi = {
  'health.title': 'Tình trạng kết nối',
  'health.none': 'Chưa có nguồn dữ liệu nào được cấu hình.',
  'health.failed': 'Không đọc được tình trạng: {detail}',
  'health.loading': 'Đang đọc…',
  'health.summary': '{running}/{total} nguồn đang hoạt động',
  'health.name': 'Nguồn',
  'health.state': 'Trạng thái',
  'health.since': 'Từ lúc',
  'health.uptime': '24 giờ qua',
  'health.cell': '{from}–{to}: {word}',
  'health.cellUnknown': 'chưa theo dõi',
  'health.share': '{share} % thời gian hoạt động',
  'health.rate': 'Bản tin',
  'health.problems': 'Vấn đề gần nhất',
  'health.quiet': 'Không có vấn đề.',
} as const

export const en: Record<keyof typeof vi, string> = {
  'health.title': 'Connector health',
  'health.none': 'No data source is configured yet.',
  'health.failed': 'The health could not be read: {detail}',
  'health.loading': 'Reading…',
  'health.summary': '{running} of {total} sources running',
  'health.name': 'Source',
  'health.state': 'State',
  'health.since': 'Since',
  'health.uptime': 'Last 24 hours',
  'health.cell': '{from}–{to}: {word}',
  'health.cellUnknown': 'not watched',
  'health.share': 'running {share} % of the time',
  'health.rate': 'Messages',
  'health.problems': 'Last problems',
  'health.quiet': 'No problems.',
}
