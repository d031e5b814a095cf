// A tile tells how a layer fares without any other part.
import { expect, test } from 'vitest'
import type { Feature, Layer } from '../../lib/api'
import { LayerData } from '../../lib/layer_data'
import type { Status } from '../../lib/status'
import { followed, tileOf } from './tiles'

const layer = (id: string) => ({ id, value: 'aqi', shape: 'circle', count: 7, stale_after: null }) as unknown as Layer

function held(id: string, ...objects: [string, Status, number][]): LayerData {
  const data = new LayerData(layer(id))
  const features = objects.map(([name, status, value]): Feature => ({
    type: 'Feature',
    id: name,
    geometry: { type: 'Point', coordinates: [0, 0] },
    properties: { name, value, status, observedAt: null, heading: null, stale: false },
  }))
  data.snapshot({ layer: id, seq: 1, first: true, last: true, clustered: false, features }, 0)
  return data
}

test('a layer that has not come yet is not called normal', () => {
  expect(tileOf(layer('air'), undefined)).toMatchObject({ loaded: false, total: 7, worst: 'unknown' })
})

test('a tile has the worst state and its worst object', () => {
  const tile = tileOf(layer('air'), held('air', ['a', 'ok', 1], ['b', 'minor', 160], ['c', 'minor', 190], ['d', 'advisory', 900]))
  expect(tile).toMatchObject({ total: 4, abnormal: 3, worst: 'minor' })
  expect(tile.example?.id).toBe('c')
})

test('all normal is quiet', () => {
  expect(tileOf(layer('air'), held('air', ['a', 'ok', 1]))).toMatchObject({ abnormal: 0, worst: 'ok', example: null })
})

test('the trend strip follows the worst first', () => {
  const data = new Map([['air', held('air', ['a', 'ok', 1])], ['noise', held('noise', ['n', 'major', 80])]])
  expect(followed([layer('air'), layer('noise')], data, 4).map((each) => each.object.id)).toEqual(['n', 'a'])
})
