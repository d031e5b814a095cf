// The list stands still under the cursor, and a flood is told by rule.
import { expect, test } from 'vitest'
import type { Alarm } from './alarm'
import { bitsOf } from './alarm'
import { changed, itemsOf, rowsOf, settled } from './rows'

const alarm = (id: string, more: Partial<Alarm> = {}): Alarm =>
  ({ id, rule: 'flood', severity: 'minor', raised_at: 0, active: true, acknowledged: false, ...more }) as Alarm
const ids = (rows: { shown: readonly { alarm: Alarm }[] }) => rows.shown.map((row) => row.alarm.id)
const open = (each: Alarm) => each.active

test('worst first, and of one severity the newest first', () => {
  const rows = rowsOf([alarm('a', { raised_at: 1 }), alarm('b', { raised_at: 2 }), alarm('c', { severity: 'critical' })])
  expect(ids(rows)).toEqual(['c', 'b', 'a'])
})

test('no row moves or vanishes while news come; new ones wait', () => {
  const before = rowsOf([alarm('a'), alarm('b')])
  const news = [alarm('b', { severity: 'critical' }), alarm('a', { active: false }), alarm('z', { severity: 'critical' })]
  const after = changed(before, news, [], open)
  expect(ids(after)).toEqual(['a', 'b'])
  expect(after.shown.map((row) => row.leaving)).toEqual([true, false])
  expect([...after.waiting.keys()]).toEqual(['z'])
  expect(ids(settled(after))).toEqual(['b', 'z'])
})

test('what waits and does not match any more never appears', () => {
  const after = changed(changed(rowsOf([]), [alarm('z')], [], open), [alarm('z', { active: false })], [], open)
  expect(after.waiting.size).toBe(0)
})

test('what was deleted leaves, shown or waiting', () => {
  const before = changed(rowsOf([alarm('a')]), [alarm('z')], [], open)
  const after = settled(changed(before, [], ['a', 'z'], open))
  expect(ids(after)).toEqual([])
})

test('in a flood the alarms of one rule are one row that opens', () => {
  const rows = rowsOf([alarm('a'), alarm('b'), alarm('c'), alarm('d', { rule: 'air' })]).shown
  expect(itemsOf(rows, true, new Set()).map((item) => item.id)).toEqual(['group:flood', 'd'])
  expect(itemsOf(rows, true, new Set(['flood'])).map((item) => item.id)).toEqual(['group:flood', 'a', 'b', 'c', 'd'])
  expect(itemsOf(rows, false, new Set()).length).toBe(4)
  const byHand = rowsOf(['a', 'b', 'c'].map((id) => alarm(id, { rule: 'manual' }))).shown
  expect(itemsOf(byHand, true, new Set()).length).toBe(3)
})

test('the two bits are four words', () => {
  expect(bitsOf(alarm('a'))).toBe('activeNew')
  expect(bitsOf(alarm('a', { active: false, acknowledged: true }))).toBe('clearedKnown')
})
