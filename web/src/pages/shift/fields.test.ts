import { describe, expect, test } from 'vitest'
import { fromField, shareText, spanText, toField } from './fields'

describe('fields', () => {
  test('a moment goes into a field and comes back', () => {
    const minute = Math.floor(Date.now() / 60_000) * 60_000
    expect(fromField(toField(minute))).toBe(minute)
    expect(fromField('')).toBeNull()
  })

  test('what is not known is said so, in both languages, and never zero', () => {
    expect(spanText('vi', null)).toBe('chưa xác định được')
    expect(shareText('en', null)).toBe('not known')
    expect(shareText('en', 0)).toBe('0 %')
  })

  test('short spans are seconds, long ones minutes', () => {
    expect(spanText('en', 45)).toBe('45 s')
    expect(spanText('vi', 150)).toBe('2,5 phút')
  })
})
