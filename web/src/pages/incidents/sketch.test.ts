import { describe, expect, test } from 'vitest'
import type { Evidence, Incident } from './incident'
import { needsReason, nextStep } from './incident'
import { roundLength, sketch } from './sketch'

const at = (lon: number, lat: number): Evidence => ({
  id: `urn:${lon}`, kind: 'report', title: { vi: 'a', en: 'a' }, text: '', at: 0, point: [lon, lat], category: 'flood',
  severity: null, source: null, by: null, open: true, ended: null,
})

describe('the sketch of an incident', () => {
  test('nothing placed gives no sketch', () => {
    expect(sketch(null, [], 400, 200)).toBeNull()
  })

  test('one point stands in the middle', () => {
    const found = sketch(null, [at(106.75, 10.9)], 400, 200)!
    expect([found.placed[0]!.x, found.placed[0]!.y]).toEqual([200, 100])
  })

  test('north is up and all is within the sheet', () => {
    const found = sketch(null, [at(106.7, 10.9), at(106.8, 10.95)], 400, 200)!
    expect(found.placed[1]!.y).toBeLessThan(found.placed[0]!.y)
    expect(found.placed[1]!.x).toBeGreaterThan(found.placed[0]!.x)
    for (const { x, y } of found.placed) {
      expect(x >= 0 && x <= 400 && y >= 0 && y <= 200).toBe(true)
    }
  })

  test('an area is drawn as a ring', () => {
    const area = { type: 'Polygon', coordinates: [[[106.7, 10.9], [106.8, 10.9], [106.8, 11], [106.7, 10.9]]] }
    expect(sketch(area, [], 400, 200)!.rings[0]!.split(' ')).toHaveLength(4)
  })

  test('the scale has a round length', () => {
    expect([roundLength(730), roundLength(1999), roundLength(20)]).toEqual([500, 1000, 20])
  })
})

describe('the steps of an incident', () => {
  const incident = (state: string, next: string[]) => ({ state, next_states: next }) as unknown as Incident

  test('closing and going back need a reason', () => {
    expect(needsReason('working', 'closed')).toBe(true)
    expect(needsReason('contained', 'working')).toBe(true)
    expect(needsReason('confirmed', 'working')).toBe(false)
  })

  test('the next step is the one after', () => {
    expect(nextStep(incident('confirmed', ['working', 'contained', 'closed', 'new']))).toBe('working')
    expect(nextStep(incident('closed', ['working']))).toBeNull()
  })
})
