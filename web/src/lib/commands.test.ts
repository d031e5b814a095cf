// What is typed finds what is meant, with or without diacritics.
import { expect, test } from 'vitest'
import { matches } from './commands'

test.each([
  ['Màn hình lớn', 'man hinh'],
  ['Đối tượng', 'doi tuong'],
  ['Ngập ở Dĩ An', 'dĩ an ngập'],
  ['Alarms', ''],
])('%s is found by %j', (text, asked) => expect(matches(text, asked)).toBe(true))

test('a word that is nowhere finds nothing', () => expect(matches('Cảnh báo', 'canh xe')).toBe(false))
