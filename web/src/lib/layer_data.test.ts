// What a layer holds after snapshots and deltas, and what of it is still to be drawn.
import { beforeEach, expect, test } from 'vitest'
import type { Feature, Layer } from './api'
import { LayerData, bySeverity } from './layer_data'
import type { Status } from './status'

const NOW = 1_000_000_000
const LAYER = { id: 'air', stale_after: 60 } as Layer

function feature(id: string, status: Status = 'ok', observedAt: number | null = NOW): Feature {
  const properties = { name: id, value: 1, status, observedAt, heading: null, stale: false }
  return { type: 'Feature', id, geometry: { type: 'Point', coordinates: [0, 0] }, properties }
}

const snapshot = (features: Feature[], first = true, last = true) => ({ layer: 'air', seq: 1, first, last, clustered: false, features })
const delta = (upserts: Feature[], removed: string[] = []) => ({ layer: 'air', seq: 2, upserts, removed })

let data: LayerData
beforeEach(() => {
  data = new LayerData(LAYER)
  data.snapshot(snapshot([feature('a'), feature('b')]), NOW)
})

test('after a snapshot everything is to be drawn, once', () => {
  expect(data.take()).toMatchObject({ all: [{ id: 'a' }, { id: 'b' }] })
  expect(data.take()).toBeNull()
})

test('a delta is drawn as changed and removed', () => {
  data.take()
  data.delta(delta([feature('a', 'major'), feature('c')], ['b']), NOW)
  expect(data.take()).toMatchObject({ changed: [{ id: 'a', status: 'major' }, { id: 'c' }], removed: ['b'] })
  expect(data.counts()).toMatchObject({ major: 1, ok: 1 })
})

test('what comes and goes between two drawings is only removed', () => {
  data.take()
  data.delta(delta([feature('x')]), NOW)
  data.delta(delta([], ['x']), NOW)
  expect(data.take()).toEqual({ changed: [], removed: ['x'] })
})

test('a snapshot in pieces replaces the layer with its last piece', () => {
  data.snapshot(snapshot([feature('x')], true, false), NOW)
  expect([...data.features.keys()]).toEqual(['a', 'b'])
  data.snapshot(snapshot([feature('y')], false, true), NOW)
  expect([...data.features.keys()]).toEqual(['x', 'y'])
})

test('what is silent turns stale, then offline, and is drawn anew', () => {
  data.take()
  data.grow(NOW + 61_000)
  expect(data.features.get('a')).toMatchObject({ stale: true, status: 'ok' })
  expect(data.take()).toMatchObject({ changed: [{ id: 'a' }, { id: 'b' }] })
  data.grow(NOW + 241_000)
  expect(data.counts().offline).toBe(2)
  data.delta(delta([feature('a', 'ok', NOW + 241_000)]), NOW + 241_000)
  expect(data.features.get('a')).toMatchObject({ stale: false, status: 'ok' })
})

test('lists put the worst first, then go by name in the order of the language', () => {
  data.delta(delta([feature('Đ', 'critical'), feature('2'), feature('10')]), NOW)
  const sorted = [...data.features.values()].sort(bySeverity((each) => String(each.name), 'vi'))
  expect(sorted.map((each) => each.id)).toEqual(['Đ', '2', '10', 'a', 'b'])
})

test('clusters count as what they stand for, until the server says what the whole layer has', () => {
  const cluster = feature('cluster:9/1/2')
  cluster.properties = { ...cluster.properties, observedAt: null, count: 40, counts: { ok: 39, unknown: 1 } }
  data.snapshot({ ...snapshot([cluster, feature('a', 'critical')]), clustered: true }, NOW)
  expect(data.counts()).toMatchObject({ ok: 39, unknown: 1, critical: 1 })
  expect(data.features.get('cluster:9/1/2')).toMatchObject({ status: 'ok', count: 40, stale: false })
  data.grow(NOW + 1_000_000)
  expect(data.features.get('cluster:9/1/2')?.status).toBe('ok')
  data.count({ layer: 'air', counts: { ok: 900, critical: 2 } })
  expect(data.counts()).toMatchObject({ ok: 900, critical: 2, minor: 0 })
})
