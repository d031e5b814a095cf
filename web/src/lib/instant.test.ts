import { describe, expect, it } from 'vitest'
import { atOf, atText, nextInstant } from './instant'

describe('instants in addresses', () => {
  it('reads what it writes, to the second', () => {
    const millis = Date.UTC(2026, 2, 1, 8, 0, 30)
    expect(atText(millis + 20)).toBe('2026-03-01T08:00:30Z')
    expect(atOf(atText(millis))).toBe(millis)
    expect(atOf(String(millis))).toBe(millis)
  })

  it('takes anything else for now', () => {
    expect([atOf(null), atOf(''), atOf('yesterday')]).toEqual([null, null, null])
  })

  it('plays at its speed and ends in the present', () => {
    expect(nextInstant(1_000_000, 60, 500, 2_000_000)).toBe(1_030_000)
    expect(nextInstant(1_990_000, 60, 500, 2_000_000)).toBeNull()
  })
})
