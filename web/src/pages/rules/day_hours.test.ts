// Alarms by day and hour in a zone of its own.
import { describe, expect, it } from 'vitest'
import { dayHours, shade } from './day_hours'

const HOUR = 3_600_000
const SEVEN = () => 7 * HOUR
const at = (text: string) => Date.parse(text)

describe('alarms by day and hour', () => {
  it('stand at the hour of the zone, the newest day first', () => {
    const rows = dayHours([{ at: at('2026-03-01T23:00:00Z'), alarms: 3 }], at('2026-03-01T00:00:00Z'), at('2026-03-02T10:00:00Z'), SEVEN)
    expect(rows.map((row) => row.total)).toEqual([3, 0])
    expect(rows[0]!.hours[6]).toBe(3)
  })

  it('have a row for every day, also where nothing was', () => {
    expect(dayHours([], at('2026-03-01T00:00:00Z'), at('2026-03-08T00:00:00Z'), SEVEN)).toHaveLength(8)
    expect(dayHours([], at('2026-03-01T17:00:00Z'), at('2026-03-08T17:00:00Z'), SEVEN)).toHaveLength(7)
  })

  it('are shaded so that one beside a thousand is seen', () => {
    expect([shade(0, 1000), shade(1, 1000), shade(1000, 1000), shade(1, 1)]).toEqual([0, 1, 4, 4])
  })
})
