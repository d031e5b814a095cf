import { describe, expect, test } from 'vitest'
import { newSince, placeOf, placeOfId } from './items'
import type { OpenItem } from './shift_api'

function item(kind: OpenItem['kind'], id: string): OpenItem {
  return { kind, id, title: { vi: id, en: id }, severity: null, since: null, assignee: '', detail: { vi: '', en: '' } }
}

describe('open items', () => {
  test('each leads to the page that handles it', () => {
    expect(placeOf(item('alarm', 'urn:a'))).toEqual(['alarms', { alarm: 'urn:a' }])
    expect(placeOf(item('task', 'urn:i'))).toEqual(['incidents/urn:i', {}])
    expect(placeOf(item('step', 'urn:r'))).toEqual(['procedures', { run: 'urn:r' }])
  })

  test('a link of the watch book is known by its type', () => {
    expect(placeOfId('urn:ngsi-ld:Alert:flood:1')[0]).toBe('alarms')
    expect(placeOfId('urn:ngsi-ld:Vehicle:1')[0]).toBe('entities/urn:ngsi-ld:Vehicle:1')
  })

  test('what came after the signature is told', () => {
    const signed = [item('alarm', 'a')]
    expect(newSince([...signed, item('alarm', 'b')], signed).map((each) => each.id)).toEqual(['b'])
    expect(newSince(signed, signed)).toEqual([])
  })
})
