// A playlist is read from the address as people write it.
import { beforeAll, expect, test, vi } from 'vitest'

let kiosk: typeof import('./kiosk.svelte')
beforeAll(async () => {
  vi.stubGlobal('document', { baseURI: 'http://city/' })
  vi.stubGlobal('location', new URL('http://city/wall'))
  vi.stubGlobal('addEventListener', () => undefined)
  kiosk = await import('./kiosk.svelte')
})

test('a playlist is a row of addresses; an empty one among others is the map', () => {
  expect(kiosk.playlist('wall|alarms?severity=critical|')).toEqual(['wall', 'alarms?severity=critical', ''])
  expect(kiosk.playlist(null)).toEqual([])
})

test.each([[null, 30], ['12', 12], ['0', 5], ['soon', 30]])('every %j is %d seconds', (text, seconds) => {
  expect(kiosk.every(text)).toBe(seconds)
})

test.each([[null, 1], ['1.5', 1.5], ['99', 3], ['0', 0.75], ['x', 1]])('scale %j is %d', (text, scale) => {
  expect(kiosk.scaleOf(text)).toBe(scale)
})
