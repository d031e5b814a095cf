// What a chart says in one line: least, mean and greatest of its rows.
import type { History } from './api'

export interface Summary {
  low: number
  mean: number
  high: number
}

/** Null where no row has a value. Buckets weigh alike in the mean. */
export function summarize(history: History): Summary | null {
  const values = history.v.filter((value) => value !== null)
  if (values.length === 0) return null
  const lows = history.period === null ? values : history.low.filter((value) => value !== null)
  const highs = history.period === null ? values : history.high.filter((value) => value !== null)
  return {
    low: lows.reduce((least, value) => Math.min(least, value), Infinity),
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    high: highs.reduce((most, value) => Math.max(most, value), -Infinity),
  }
}
