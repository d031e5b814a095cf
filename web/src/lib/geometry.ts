// Points that stand for a shape: the middle of its box, and where its name is written.

export function middleOf(geometry: GeoJSON.Geometry): [number, number] | null {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity]
  const visit = (part: unknown): void => {
    if (!Array.isArray(part)) return
    const [x, y] = part as unknown[]
    if (typeof x === 'number' && typeof y === 'number') {
      west = Math.min(west, x)
      east = Math.max(east, x)
      south = Math.min(south, y)
      north = Math.max(north, y)
    } else part.forEach(visit)
  }
  const parts = geometry.type === 'GeometryCollection' ? geometry.geometries : [geometry]
  for (const each of parts) if (each.type !== 'GeometryCollection') visit(each.coordinates)
  return west <= east ? [(west + east) / 2, (south + north) / 2] : null
}

/** The centre of gravity of the largest ring of an area; the middle of the box of anything else. */
export function labelPoint(geometry: GeoJSON.Geometry): [number, number] | null {
  const polygons =
    geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.type === 'MultiPolygon' ? geometry.coordinates : []
  const rings = polygons.flatMap((polygon) => (polygon[0] ? [gravity(polygon[0])] : []))
  const largest = rings.reduce((best, ring) => (ring.area > best.area ? ring : best), { area: 0, x: 0, y: 0 })
  return largest.area > 0 ? [largest.x, largest.y] : middleOf(geometry)
}

function gravity(ring: GeoJSON.Position[]): { area: number; x: number; y: number } {
  const [x0, y0] = ring[0] as [number, number]
  let [area, x, y] = [0, 0, 0]
  for (let at = 1; at < ring.length; at++) {
    const [ax, ay] = [ring[at - 1]![0]! - x0, ring[at - 1]![1]! - y0]
    const [bx, by] = [ring[at]![0]! - x0, ring[at]![1]! - y0]
    const cross = ax * by - bx * ay
    area += cross
    x += (ax + bx) * cross
    y += (ay + by) * cross
  }
  return area === 0 ? { area: 0, x: x0, y: y0 } : { area: Math.abs(area), x: x0 + x / (3 * area), y: y0 + y / (3 * area) }
}
