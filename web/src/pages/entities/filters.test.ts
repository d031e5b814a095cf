import { describe, expect, it } from 'vitest'
import { parseFilters, queryOf, sorted, toggled } from './filters'

describe('filters of the entity browser', () => {
  it('reads several values of a facet, names with commas too', () => {
    const filters = parseFilters(new URLSearchParams('q=thu dau&area=Phường A, B|Xã C&sort=-observed&page=3'))
    expect(filters.chosen.area).toEqual(['Phường A, B', 'Xã C'])
    expect([filters.sort, filters.descending, filters.page]).toEqual(['observed', true, 3])
    expect(queryOf(filters).getAll('area')).toEqual(['Phường A, B', 'Xã C'])
  })

  it('takes a value out again, and the facet with the last one', () => {
    expect(toggled(['a'], 'b')).toBe('a|b')
    expect(toggled(['a', 'b'], 'a')).toBe('b')
    expect(toggled(['a'], 'a')).toBeNull()
  })

  it('turns the order round by a second press and falls back for what it does not know', () => {
    const filters = parseFilters(new URLSearchParams('sort=nonsense&page=x'))
    expect([filters.sort, filters.page]).toEqual(['name', 1])
    expect(sorted(filters, 'name')).toBe('-name')
    expect(sorted(filters, 'type')).toBe('type')
  })
})
