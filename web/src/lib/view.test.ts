// The address holds what is seen, and gives it back.
import { expect, test } from 'vitest'
import { formatView, parseView } from './view'
import type { View } from './view'

const NOTHING: View = { camera: null, layers: null, entity: null, side: undefined, language: null }

test.each<View>([
  NOTHING,
  { ...NOTHING, camera: { lon: 106.68, lat: 11.05, zoom: 10.25 } },
  { ...NOTHING, layers: [] },
  { ...NOTHING, layers: ['air', 'xe buýt'], entity: 'urn:ngsi-ld:Vehicle:61B/1?&=', side: null, language: 'en' },
  { ...NOTHING, side: 'sources', language: 'vi' },
])('a view survives its address: %j', (view) => {
  expect(parseView(formatView(view))).toEqual(view)
})

test.each(['?map=x/y/z', '?map=5/95/10', '?map=5/10', '?lang=fr', '?side=moon', ''])('%s is passed over', (search) => {
  expect(parseView(search)).toEqual(NOTHING)
})
