// The map page's address says what is seen, and survives a round trip.
import { expect, test } from 'vitest'
import { cameraText, parseView } from './view'

const read = (text: string) => parseView(new URLSearchParams(text))

test('an address says camera, layers, object and panel', () => {
  const camera = { lon: 106.7, lat: 11.1, zoom: 11 }
  expect(read(`map=${cameraText(camera)}&layers=air,buses&id=urn:x&side=none`)).toEqual({
    camera,
    layers: ['air', 'buses'],
    entity: 'urn:x',
    side: null,
  })
})

test.each(['', 'map=', 'map=a/b/c', 'map=9/95/106', 'map=9/11', 'side=elsewhere'])('%j is no fault but the default', (text) => {
  expect(read(text)).toEqual({ camera: null, layers: null, entity: null, side: undefined })
})
