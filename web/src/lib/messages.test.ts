// Both languages say the same things, in words that are there.
import { describe, expect, test } from 'vitest'
import { en, message, vi } from './messages'

const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map((match) => match[0]).sort()

describe('the catalogue', () => {
  test('has the same keys in both languages', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(vi).sort())
  })

  test.each(Object.keys(vi) as (keyof typeof vi)[])('%s has the same places in both languages', (key) => {
    expect(places(en[key])).toEqual(places(vi[key]))
  })

  test('is written in composed Vietnamese letters', () => {
    for (const text of Object.values(vi)) expect(text).toBe(text.normalize('NFC'))
  })

  test('fills in its places and leaves unknown ones visible', () => {
    expect(message('en', 'search.none', { text: 'abc' })).toContain('“abc”')
    expect(message('en', 'search.none')).toContain('{text}')
  })
})
