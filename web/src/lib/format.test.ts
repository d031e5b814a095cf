// Numbers, ages and names as the two languages write them.
import { expect, test } from 'vitest'
import { formatAge, formatNumber, formatPeriod, formatTime, formatValue, nameIn, shortName } from './format'

test('numbers follow the language and keep their digits', () => {
  expect(formatNumber('vi', 1234.5, 2)).toBe('1.234,50')
  expect(formatNumber('en', 1234.5, 2)).toBe('1,234.50')
  expect(formatNumber('en', 0.123456)).toBe('0.123')
})

test.each([
  [0, 'just now'],
  [30, '30 s ago'],
  [60, '1 min ago'],
  [3599, '59 min ago'],
  [3600, '1 h ago'],
  [90_000, '1 d ago'],
  [-50, 'just now'],
])('an age of %i seconds is %s', (seconds, text) => {
  expect(formatAge('en', 0, seconds * 1000)).toBe(text)
})

test('times are of 24 hours in both languages', () => {
  const noon = new Date(2026, 2, 1, 15, 4).getTime()
  expect(formatTime('vi', noon, 'time')).toBe('15:04')
  expect(formatTime('en', noon, 'time')).toBe('15:04')
})

test('values of any kind become one line', () => {
  expect(formatValue('vi', true)).toBe('Có')
  expect(formatValue('en', null)).toBe('no value')
  expect(formatValue('en', [1, 2.5])).toBe('1, 2.5')
  expect(formatValue('en', { vi: 'Phường', en: 'Ward' })).toBe('Ward')
  expect(formatValue('en', { a: [1] })).toBe('{"a":[1]}')
  const noon = new Date(2026, 2, 1, 15, 4)
  expect(formatValue('en', noon.toISOString())).toBe(formatTime('en', noon.getTime()))
})

test('an age in a table is short', () => {
  expect(formatAge('vi', 0, 120_000, true)).toBe('2 phút')
})

test('a name without a short form is told by its last part', () => {
  expect(shortName('https://uri.fiware.org/ns/data-models#typeOfLocation')).toBe('typeOfLocation')
  expect(shortName('pm25')).toBe('pm25')
})

test('a name falls back to the other language', () => {
  expect(nameIn('en', { vi: 'Phường' })).toBe('Phường')
  expect(nameIn('en', 'Trạm')).toBe('Trạm')
})

test('a bucket is told in minutes or hours', () => {
  expect(formatPeriod('en', 240)).toBe('4 min')
  expect(formatPeriod('vi', 7200)).toBe('2 giờ')
})
