// A table of days by hours: how many alarms began in each hour, in the browser's time.

export interface Counted {
  /** The beginning of an hour, milliseconds. */
  at: number
  alarms: number
}

export interface DayRow {
  /** A moment around noon of that day, milliseconds. */
  at: number
  hours: number[]
  total: number
}

const DAY = 86_400_000
const HOUR = 3_600_000

/** Milliseconds that local time is ahead of UTC at a moment. */
export type Offset = (millis: number) => number

export const localOffset: Offset = (millis) => -new Date(millis).getTimezoneOffset() * 60_000

/** One row for every day from `start` to `end`, days without an alarm included, the newest first. */
export function dayHours(counts: readonly Counted[], start: number, end: number, offset: Offset = localOffset): DayRow[] {
  const dayOf = (millis: number) => Math.floor((millis + offset(millis)) / DAY)
  const first = Math.min(dayOf(start), ...counts.map((each) => dayOf(each.at)))
  const last = Math.max(dayOf(end - 1), ...counts.map((each) => dayOf(each.at)))
  const rows: DayRow[] = []
  for (let day = first; day <= last; day++) {
    rows.push({ at: day * DAY - offset(day * DAY) + DAY / 2, hours: Array.from({ length: 24 }, () => 0), total: 0 })
  }
  for (const { at, alarms } of counts) {
    const row = rows[dayOf(at) - first]!
    row.hours[Math.floor((at + offset(at) - dayOf(at) * DAY) / HOUR)]! += alarms
    row.total += alarms
  }
  return rows.reverse()
}

/** Five steps of shade, 0 for none; by square root, so that single alarms stay visible beside a storm. */
export function shade(count: number, most: number): 0 | 1 | 2 | 3 | 4 {
  if (count <= 0 || most <= 0) return 0
  return Math.min(4, Math.max(1, Math.ceil(4 * Math.sqrt(count / most)))) as 1 | 2 | 3 | 4
}
