// What the form makes of what people type, and where it shows the server's faults.
import { describe, expect, it } from 'vitest'
import { KINDS, emptyCondition, faultsAt, idOf, listOf, scalarOf, scalarText } from './draft'

describe('a draft', () => {
  it('keeps the bounds when only the kind changes', () => {
    const threshold = { ...emptyCondition('threshold'), attribute: 'pm25', above: 75, hysteresis: 5 }
    expect(emptyCondition('window', threshold)).toMatchObject({ kind: 'window', attribute: 'pm25', above: 75, hysteresis: 5 })
  })

  it('puts a simple condition into the group that it becomes', () => {
    const threshold = { ...emptyCondition('threshold'), attribute: 'pm25', above: 75 }
    expect(emptyCondition('all', threshold).of).toEqual([threshold])
    expect(emptyCondition('not', threshold).when).toEqual(threshold)
  })

  it('keeps what a group held when it becomes another group', () => {
    const all = emptyCondition('all', { ...emptyCondition('silent'), after: '5m' })
    expect(emptyCondition('any', all).of?.[0]?.after).toBe('5m')
  })

  it('can begin every kind', () => {
    for (const kind of KINDS) expect(emptyCondition(kind).kind).toBe(kind)
  })

  it('finds the faults of a field, and those within it when asked', () => {
    const faults = ['when.above', 'types[0]', 'types'].map((path) => ({ path, message: '', hint: '', level: 'error' as const }))
    expect(faultsAt(faults, 'types')).toHaveLength(1)
    expect(faultsAt(faults, 'types', true)).toHaveLength(2)
    expect(faultsAt(faults, 'when')).toHaveLength(0)
  })

  it('reads numbers, yes and no, and texts, and writes them so that they are read again', () => {
    for (const value of [1.5, true, 'down', '12', 'true', '']) expect(scalarOf(scalarText(value))).toBe(value)
    expect(listOf(' a, ,b ')).toEqual(['a', 'b'])
  })

  it('makes an id of a Vietnamese title', () => {
    expect(idOf('Ngập nước ở Dĩ An – Đường 743')).toBe('ngap-nuoc-o-di-an-duong-743')
  })
})
