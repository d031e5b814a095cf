// Ages as the server tells them, and states that shape alone tells apart.
import { expect, test } from 'vitest'
import { MARKS, SEVERITY, ageClass } from './status'

test('a value is fresh, stale after its silence, offline after four times that', () => {
  expect(ageClass(0, 10, 10_000)).toBe('fresh')
  expect(ageClass(0, 10, 10_001)).toBe('stale')
  expect(ageClass(0, 10, 40_001)).toBe('offline')
  expect(ageClass(null, 10, 0)).toBe('offline')
  expect(ageClass(null, null, 0)).toBe('timeless')
})

test('no two states have the same mark', () => {
  const marks = SEVERITY.map((status) => JSON.stringify(MARKS[status]))
  expect(new Set(marks).size).toBe(SEVERITY.length)
})

