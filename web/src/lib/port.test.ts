// The part of the earth that is asked for holds what the map shows, and is asked for anew only when it does not.
import { expect, test } from 'vitest'
import type { City } from './api'
import { holds, homeOf, viewOf, widened } from './port'

const CAMERA = { lon: 106.7, lat: 11, zoom: 10.4 }

test('a view holds its own camera, a small step aside, but not a large one', () => {
  const asked = viewOf(CAMERA, 1000, 600)
  const box = (lon: number) => [lon - 0.3, 10.9, lon + 0.3, 11.1]
  expect(asked.zoom).toBe(10)
  expect(holds(asked, box(106.7), 10.9)).toBe(true)
  expect(holds(asked, box(106.75), 10.1)).toBe(true)
  expect(holds(asked, box(108), 10.4)).toBe(false)
  expect(holds(asked, box(106.7), 11)).toBe(false)
  expect(holds(null, box(106.7), 10)).toBe(false)
})

test('the edges of the world are no fault', () => {
  const asked = widened([-200, -89, 200, 89], -1)
  expect(asked).toEqual({ bbox: [-180, -85, 180, 85], zoom: 0 })
  expect(holds(asked, [-200, -89, 200, 89], 0.5)).toBe(true)
})

test('the whole city is where its bounds are, else at its centre', () => {
  const city = { center: [106, 11], zoom: 9, bounds: [106, 10, 107, 12] } as unknown as City
  expect(homeOf(city, 1048, 1048)).toMatchObject({ lon: 106.5, lat: 11 })
  expect(homeOf(city, 1048, 1e6).zoom).toBeCloseTo(Math.log2((1000 * 360) / 512))
  expect(homeOf({ ...city, bounds: null }, 720, 900)).toEqual({ lon: 106, lat: 11, zoom: 9 })
})
