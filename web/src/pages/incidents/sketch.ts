// Puts the places of an incident on a sheet: north up, equal scales, one point alone still has surroundings.
import type { Evidence } from './incident'

export interface Placed {
  evidence: Evidence
  x: number
  y: number
}

export interface Sketch {
  rings: string[]
  placed: Placed[]
  /** A bar of a round length. */
  scale: { metres: number; width: number }
  middle: [number, number]
}

const DEGREE = 111_320
const LEAST = 600
const MARGIN = 28

type Geometry = { type: string; coordinates: unknown } | null

/** Null where nothing has a place. */
export function sketch(area: Geometry, members: readonly Evidence[], width: number, height: number): Sketch | null {
  const rings = ringsOf(area)
  const points = [...rings.flat(), ...members.flatMap((each) => (each.point ? [each.point as [number, number]] : []))]
  if (points.length === 0) return null
  const lons = points.map((point) => point[0])
  const lats = points.map((point) => point[1])
  const middle: [number, number] = [(Math.min(...lons) + Math.max(...lons)) / 2, (Math.min(...lats) + Math.max(...lats)) / 2]
  const squeeze = Math.cos((middle[1] * Math.PI) / 180)
  const wide = Math.max((Math.max(...lons) - Math.min(...lons)) * squeeze * DEGREE, LEAST)
  const high = Math.max((Math.max(...lats) - Math.min(...lats)) * DEGREE, LEAST / 2)
  const factor = Math.min((width - 2 * MARGIN) / wide, (height - 2 * MARGIN) / high)
  const at = ([lon, lat]: readonly number[]): [number, number] => [
    width / 2 + (lon! - middle[0]) * squeeze * DEGREE * factor,
    height / 2 - (lat! - middle[1]) * DEGREE * factor,
  ]
  const metres = roundLength(width / 6 / factor)
  return {
    rings: rings.map((ring) => ring.map((point) => at(point).map((each) => each.toFixed(1)).join(',')).join(' ')),
    placed: members.flatMap((evidence) => {
      if (!evidence.point) return []
      const [x, y] = at(evidence.point)
      return [{ evidence, x, y }]
    }),
    scale: { metres, width: metres * factor },
    middle,
  }
}

/** The largest of 1, 2, 5, 10, 20, 50… that is not longer. */
export function roundLength(metres: number): number {
  const power = 10 ** Math.floor(Math.log10(metres))
  return ([5, 2, 1].find((step) => step * power <= metres) ?? 1) * power
}

function ringsOf(area: Geometry): [number, number][][] {
  if (area?.type === 'Polygon') return [(area.coordinates as [number, number][][])[0] ?? []]
  if (area?.type === 'MultiPolygon') return (area.coordinates as [number, number][][][]).map((each) => each[0] ?? [])
  return []
}
