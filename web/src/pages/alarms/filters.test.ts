// Filters come from the address and go back into it; the app judges as the server does.
import { expect, test } from 'vitest'
import type { Alarm } from './alarm'
import { fold, formatFilters, isFiltered, matches, parseFilters } from './filters'

const alarm = (more: Partial<Alarm> = {}): Alarm =>
  ({
    rule: 'flood', severity: 'minor', active: true, acknowledged: false, shelved_until: null, assignee: null,
    title: { vi: 'Mực nước vượt báo động', en: 'Water too high' }, source_name: 'Cầu Dĩ An', source: 'urn:x:1', category: null,
    source_type: 'FloodMonitoring', ...more,
  }) as Alarm
const asked = (text: string) => parseFilters(new URLSearchParams(text))

test('an address and back', () => {
  const text = 'state=shelved&severity=critical,minor&assignee=lan&type=A&rule=r&source=s&q=x'
  const kept = Object.entries(formatFilters(asked(text))).map(([key, value]) => [key, value!])
  expect(decodeURIComponent(new URLSearchParams(kept).toString())).toBe(text)
})

test('an empty address asks for the open alarms of everybody', () => {
  expect(isFiltered(asked(''))).toBe(false)
  expect(isFiltered(asked('state=nonsense&severity=bad'))).toBe(false)
  expect(isFiltered(asked('assignee='))).toBe(true)
})

test.each([
  ['', {}, true],
  ['', { active: false, acknowledged: true }, false],
  ['', { active: false }, true],
  ['', { shelved_until: 2_000 }, false],
  ['', { shelved_until: 1_000 }, true],
  ['state=shelved', { shelved_until: 2_000 }, true],
  ['state=closed', { active: false, acknowledged: true }, true],
  ['state=unacknowledged', { acknowledged: true }, false],
  ['severity=critical', {}, false],
  ['severity=critical,minor', {}, true],
  ['assignee=', { assignee: 'lan' }, false],
  ['assignee=lan', { assignee: 'lan' }, true],
  ['q=di an muc nuoc', {}, true],
  ['q=di an tot', {}, false],
  ['source=urn:x:2', {}, false],
] as const)('%s of %o: %s', (text, more, fits) => {
  expect(matches(alarm(more), asked(text), 1_000)).toBe(fits)
})

test('diacritics and case do not matter', () => {
  expect(fold('ĐÔ THỊ Dĩ An')).toBe('do thi di an')
})
