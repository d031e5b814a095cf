// A small schematic map of where alarms were: points of the city within a box, drawn without a map library.

export interface Placed {
  lon: number
  lat: number
  alarms: number
}

export interface Frame {
  width: number
  height: number
  x: (lon: number) => number
  y: (lat: number) => number
  holds: (lon: number, lat: number) => boolean
}

const MARGIN = 0.08
/** Degrees of latitude that the map shows at least: two kilometres. */
const LEAST = 0.02

/** A frame of `width` that holds all points, north up, lengths true in the middle; null without points. */
export function frameOf(points: readonly Placed[], width: number, tallest: number): Frame | null {
  if (points.length === 0) return null
  const [west, east] = [Math.min(...points.map((p) => p.lon)), Math.max(...points.map((p) => p.lon))]
  const [south, north] = [Math.min(...points.map((p) => p.lat)), Math.max(...points.map((p) => p.lat))]
  const middle = { lon: (west + east) / 2, lat: (south + north) / 2 }
  const narrow = Math.cos((middle.lat * Math.PI) / 180)
  const spanX = Math.max(LEAST, (east - west) * narrow) * (1 + 2 * MARGIN)
  const spanY = Math.max(LEAST, north - south) * (1 + 2 * MARGIN)
  const scale = Math.min(width / spanX, tallest / spanY)
  const height = Math.min(tallest, Math.max(120, spanY * scale))
  const x = (lon: number) => width / 2 + (lon - middle.lon) * narrow * scale
  const y = (lat: number) => height / 2 - (lat - middle.lat) * scale
  const holds = (lon: number, lat: number) => x(lon) > 0 && x(lon) < width && y(lat) > 10 && y(lat) < height
  return { width, height, x, y, holds }
}

/** The radius of a circle whose area goes with the number of alarms. */
export function radiusOf(alarms: number, most: number): number {
  return 3 + 13 * Math.sqrt(alarms / Math.max(1, most))
}
