import { describe, expect, test } from 'vitest'
import { clockText, countdown } from './countdown'

describe('countdown', () => {
  test('a step without a clock shows none', () => {
    expect(countdown(null, 0)).toBeNull()
  })

  test('counts down, and up again once it is overdue', () => {
    expect(countdown(65_000, 0)).toEqual({ overdue: false, text: '1:05' })
    expect(countdown(0, 0)).toEqual({ overdue: true, text: '0:00' })
    expect(countdown(0, 3_725_000)).toEqual({ overdue: true, text: '1:02:05' })
  })

  test('minutes and seconds always have two digits behind the first', () => {
    expect(clockText(3_600)).toBe('1:00:00')
    expect(clockText(9)).toBe('0:09')
  })
})
