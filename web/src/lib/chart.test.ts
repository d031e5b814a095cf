// A chart in one line of figures.
import { expect, test } from 'vitest'
import { summarize } from './chart'

test('a chart is summed up without its gaps', () => {
  const history = { t: [1, 2, 3], v: [1, null, 3], low: [], high: [], period: null } as never
  expect(summarize(history)).toEqual({ low: 1, mean: 2, high: 3 })
  expect(summarize({ ...(history as object), v: [null] } as never)).toBeNull()
})
