// The wall's small charts: a gap is a gap, and the next band stays in sight.
import { expect, test } from 'vitest'
import type { Band, History } from '../../lib/api'
import { linesOf, scaleOf } from './trend'

const past = (t: number[], v: (number | null)[]) => ({ t, v, period: null, low: [], high: [] }) as unknown as History
const band = (low: number) => ({ low, status: 'minor' }) as Band

test('a silence and a missing value break the line', () => {
  const history = past([0, 10, 20, 100, 110, 120, 130], [1, 2, 1, 3, null, 2, 2])
  const scale = scaleOf(history, [], 0, 200, 100, 50)!
  expect(linesOf(history, scale).map((line) => line.split(' ').length)).toEqual([3, 2, 2])
})

test('the next band is in sight only where it is near', () => {
  expect(scaleOf(past([0, 1], [10, 20]), [band(25)], 0, 1, 10, 10)!.high).toBeGreaterThan(25)
  expect(scaleOf(past([0, 1], [10, 20]), [band(300)], 0, 1, 10, 10)!.high).toBeLessThan(25)
})

test('nothing observed has no scale', () => expect(scaleOf(past([0], [null]), [], 0, 1, 10, 10)).toBeNull())
