// A rule while it is edited: the shapes that the form writes into, and the faults that belong to a field.
import type { Definition, Fault, Schedule } from './rules_api'

export const KINDS = [
  'threshold', 'rate', 'window', 'silent', 'geofence', 'during', 'all', 'any', 'not', 'related', 'area',
] as const
export type Kind = (typeof KINDS)[number]

/** A condition with the members of every kind; only those of its own kind are there. */
export interface Condition {
  kind: Kind
  attribute?: string | null
  above?: number | null
  below?: number | null
  hysteresis?: number
  equals?: Scalar[]
  differs?: Scalar[]
  over?: string
  per?: string
  method?: string
  points?: number
  after?: string
  side?: 'inside' | 'outside'
  area?: unknown
  area_of?: string | null
  center?: [number, number] | null
  radius?: number | null
  hours?: string[]
  days?: Schedule['days']
  calendar?: Schedule['calendar']
  months?: number[]
  lunar_days?: number[]
  of?: Condition[]
  when?: Condition
  via?: string
  types?: string[]
  inverse?: boolean
  quantity?: 'any' | 'all' | number
  by?: string
  at_least?: number
  share?: number | null
}

export type Scalar = number | string | boolean

/** An effect beside the alarm; only the members of its own kind are there. */
export interface Effect {
  do: 'set' | 'notify' | 'webhook' | 'procedure'
  attribute?: string
  value?: Scalar
  cleared?: Scalar | null
  people?: string[]
  url?: string
  procedure?: string
}

/** The rule as the form holds it. */
export type Editable = Omit<Definition, 'when' | 'then'> & { when: Condition; then: Effect[] }

export const editable = (definition: Definition) => structuredClone(definition) as unknown as Editable

export function newRule(): Editable {
  return {
    id: '',
    title: { vi: '', en: '' },
    severity: 'minor',
    types: [],
    when: emptyCondition('threshold'),
    description: null,
    category: '',
    only: [],
    active: null,
    delay_on: '0s',
    delay_off: '0s',
    again_after: '0s',
    most_per_minute: 60,
    maintenance: [],
    quiet: null,
    alarm: true,
    then: [],
  }
}

/** A condition of a kind before anything is filled in; what it held of `from` with the same meaning stays. */
export function emptyCondition(kind: Kind, from: Condition | null = null): Condition {
  const attribute = from?.attribute ?? ''
  const inner = () => from?.when ?? from?.of?.[0] ?? (from && !isGroup(from.kind) ? structuredClone(from) : emptyCondition('threshold'))
  const bounds = { above: from?.above ?? null, below: from?.below ?? null, hysteresis: from?.hysteresis ?? 0 }
  const shapes: Record<Kind, () => Omit<Condition, 'kind'>> = {
    threshold: () => ({ attribute, ...bounds, equals: [], differs: [] }),
    rate: () => ({ attribute, ...bounds, over: from?.over ?? '15m', per: '1h' }),
    window: () => ({ attribute, ...bounds, method: 'mean', over: from?.over ?? '1h', points: 1 }),
    silent: () => ({ attribute: null, after: '30m' }),
    geofence: () => ({ side: 'outside', attribute: 'location', area: null, area_of: null, center: null, radius: null }),
    during: () => emptySchedule(),
    all: () => ({ of: from?.of ?? [inner()] }),
    any: () => ({ of: from?.of ?? [inner()] }),
    not: () => ({ when: inner() }),
    related: () => ({ via: '', when: inner(), types: [], inverse: false, quantity: 'any' }),
    area: () => ({ when: inner(), by: 'areaServed', at_least: 2, share: null, types: [] }),
  }
  return { kind, ...shapes[kind]() } as Condition
}

function isGroup(kind: Kind): boolean {
  return kind === 'all' || kind === 'any' || kind === 'not' || kind === 'related' || kind === 'area'
}

export function emptySchedule(): Schedule {
  return { hours: [], days: [], calendar: 'any', months: [], lunar_days: [] }
}

export function emptyEffect(kind: Effect['do']): Effect {
  if (kind === 'set') return { do: kind, attribute: '', value: '', cleared: null }
  if (kind === 'notify') return { do: kind, people: [] }
  if (kind === 'webhook') return { do: kind, url: '' }
  return { do: kind, procedure: '' }
}

/** The faults of a field, those within it included where it holds a list that it shows as one. */
export function faultsAt(faults: readonly Fault[], path: string, deep = false): Fault[] {
  return faults.filter((each) => each.path === path || (deep && (each.path.startsWith(`${path}.`) || each.path.startsWith(`${path}[`))))
}

/** Texts by commas, empty ones left out. */
export function listOf(text: string): string[] {
  return text.split(',').map((each) => each.trim()).filter(Boolean)
}

/** Values by commas: numbers, yes and no as such, all else and what stands in quotes as text. */
export function scalarOf(text: string): Scalar {
  const quoted = /^"(.*)"$/.exec(text)
  if (quoted) return quoted[1]!
  if (text === 'true' || text === 'false') return text === 'true'
  const number = Number(text)
  return text !== '' && Number.isFinite(number) ? number : text
}

export function scalarText(value: Scalar): string {
  return typeof value === 'string' && typeof scalarOf(value) !== 'string' ? `"${value}"` : String(value)
}

/** An id from a title: "Ngập ở Dĩ An" gives "ngap-o-di-an". */
export function idOf(title: string): string {
  return title.replace(/[đĐ]/g, 'd').normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
    .replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 60)
}
