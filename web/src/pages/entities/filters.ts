// What the browser of entities is asked for, as it stands in the address.
import type { components } from '../../lib/api.gen'

export type Entities = components['schemas']['EntitiesView']
export type Row = components['schemas']['EntityRow']
export const FACETS = ['type', 'area', 'status', 'provider', 'age'] as const
export type Facet = (typeof FACETS)[number]
export const SORTS = ['name', 'type', 'status', 'observed', 'area'] as const
export type Sort = (typeof SORTS)[number]
export const PAGE = 50

export interface Filters {
  text: string
  chosen: Record<Facet, string[]>
  sort: Sort
  descending: boolean
  page: number
}

/** Values of one facet are parted by a bar, since names have commas. */
const BAR = '|'

export function parseFilters(query: URLSearchParams): Filters {
  const chosen = Object.fromEntries(
    FACETS.map((facet) => [facet, query.has(facet) ? (query.get(facet) ?? '').split(BAR) : []]),
  ) as Record<Facet, string[]>
  const sort = query.get('sort') ?? ''
  const name = sort.replace(/^-/, '')
  return {
    text: query.get('q') ?? '',
    chosen,
    sort: SORTS.find((each) => each === name) ?? 'name',
    descending: sort.startsWith('-'),
    page: Math.max(1, Math.floor(Number(query.get('page')) || 1)),
  }
}

/** The facet with a value put in or taken out, as the address writes it; null where none is left. */
export function toggled(values: string[], value: string): string | null {
  const next = values.includes(value) ? values.filter((each) => each !== value) : [...values, value]
  return next.length ? next.join(BAR) : null
}

/** The column's text in the address: a second press turns the order round. */
export function sorted(filters: Filters, column: Sort): string {
  return filters.sort === column && !filters.descending ? `-${column}` : column
}

/** The query of /api/entities and /api/export, without the page. */
export function queryOf(filters: Filters): URLSearchParams {
  const query = new URLSearchParams()
  if (filters.text) query.set('q', filters.text)
  for (const facet of FACETS) for (const value of filters.chosen[facet]) query.append(facet, value)
  return query
}
