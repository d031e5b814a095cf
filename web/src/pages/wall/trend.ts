// A small line chart as polylines: one for each stretch without a gap.
import type { Band, History } from '../../lib/api'

export interface Scale {
  low: number
  high: number
  /** The least and the greatest value that the line has. */
  least: number
  most: number
  x: (time: number) => number
  y: (value: number) => number
}

/** A silence this many times the usual step is a gap. */
const GAP = 3

/** The axes of a chart of this size; null where the past has no value. The nearest band above is kept in sight. */
export function scaleOf(past: History, bands: readonly Band[], start: number, end: number, width: number, height: number): Scale | null {
  const values = past.v.filter((value) => value !== null)
  if (values.length === 0) return null
  const least = values.reduce((a, b) => Math.min(a, b))
  const most = values.reduce((a, b) => Math.max(a, b))
  const next = bands.map((band) => band.low).filter((low) => low > most).sort((a, b) => a - b)[0]
  const top = next !== undefined && next - most < (most - least || Math.abs(most) || 1) ? next : most
  const margin = (top - least || 1) * 0.08
  const [low, high] = [least - margin, top + margin]
  const x = (time: number) => ((time - start) / (end - start)) * width
  const y = (value: number) => height - ((value - low) / (high - low)) * height
  return { low, high, least, most, x, y }
}

export function linesOf(past: History, scale: Scale): string[] {
  const steps = past.t.slice(1).map((time, place) => time - past.t[place]!).sort((a, b) => a - b)
  const usual = past.period !== null ? past.period * 1_000 : (steps[Math.floor(steps.length / 2)] ?? Infinity)
  const lines: string[][] = []
  let line: string[] = []
  let last = -Infinity
  past.t.forEach((time, place) => {
    const value = past.v[place]
    if (value === null || value === undefined || time - last > GAP * usual) {
      if (line.length) lines.push(line)
      line = []
    }
    if (value !== null && value !== undefined) {
      line.push(`${scale.x(time).toFixed(1)},${scale.y(value).toFixed(1)}`)
      last = time
    }
  })
  if (line.length) lines.push(line)
  // A lone point is drawn as a short stroke, else it would not be seen.
  return lines.map((points) => (points.length === 1 ? `${points[0]} ${points[0]!.replace(/^[\d.-]+/, (x) => (Number(x) + 1).toFixed(1))}` : points.join(' ')))
}
