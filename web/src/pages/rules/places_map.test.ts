// Where alarms were, on a schematic map.
import { describe, expect, it } from 'vitest'
import { frameOf, radiusOf } from './places_map'

describe('the map of places', () => {
  it('holds every point, north up and west left', () => {
    const points = [{ lon: 106.6, lat: 11.3, alarms: 1 }, { lon: 106.9, lat: 10.9, alarms: 9 }]
    const frame = frameOf(points, 400, 320)!
    expect(points.every((p) => frame.holds(p.lon, p.lat))).toBe(true)
    expect(frame.x(106.6)).toBeLessThan(frame.x(106.9))
    expect(frame.y(11.3)).toBeLessThan(frame.y(10.9))
    expect(frame.height).toBeLessThanOrEqual(320)
  })

  it('draws one point too, and nothing of none', () => {
    const frame = frameOf([{ lon: 106.7, lat: 11, alarms: 1 }], 400, 320)!
    expect([frame.x(106.7), frame.y(11)]).toEqual([200, frame.height / 2])
    expect(frameOf([], 400, 320)).toBeNull()
  })

  it('makes the area of a circle go with its number', () => {
    expect(radiusOf(100, 100)).toBe(16)
    expect(radiusOf(25, 100) - 3).toBeCloseTo((radiusOf(100, 100) - 3) / 2)
  })
})
