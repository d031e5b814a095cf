// Which alarms are shown: read from the address, written into it, and judged by the app as by the server.
import type { Alarm, Severity } from './alarm'
import { SEVERITIES } from './alarm'

export const STATES = ['open', 'unacknowledged', 'acknowledged', 'active', 'cleared', 'shelved', 'closed', 'all'] as const
export type State = (typeof STATES)[number]

export interface Filters {
  state: State
  severities: Severity[]
  /** null: anybody's; empty: nobody's. */
  assignee: string | null
  type: string | null
  rule: string | null
  source: string | null
  text: string
}

export function parseFilters(query: URLSearchParams): Filters {
  const severities = (query.get('severity') ?? '').split(',')
  return {
    state: STATES.find((each) => each === query.get('state')) ?? 'open',
    severities: SEVERITIES.filter((each) => severities.includes(each)),
    assignee: query.get('assignee'),
    type: query.get('type') || null,
    rule: query.get('rule') || null,
    source: query.get('source') || null,
    text: query.get('q') ?? '',
  }
}

/** The filters as parts of the address; what is as by default is null and so left out. */
export function formatFilters(filters: Filters): Record<string, string | null> {
  return {
    state: filters.state === 'open' ? null : filters.state,
    severity: filters.severities.join(',') || null,
    assignee: filters.assignee,
    type: filters.type,
    rule: filters.rule,
    source: filters.source,
    q: filters.text || null,
  }
}

/** Whether anything but the open alarms of everybody is asked for. */
export function isFiltered(filters: Filters): boolean {
  return Object.values(formatFilters(filters)).some((value) => value !== null)
}

/** Small letters without diacritics, đ as d. */
export function fold(text: string): string {
  return text.toLowerCase().replaceAll('đ', 'd').normalize('NFD').replace(/\p{M}/gu, '')
}

/** Whether the server would list the alarm; `now` is the server's time in milliseconds. */
export function matches(alarm: Alarm, filters: Filters, now: number): boolean {
  const shelved = alarm.shelved_until !== null && alarm.shelved_until > now
  const words = fold(filters.text).split(/\s+/).filter(Boolean)
  return (
    holds(alarm, filters.state, shelved) &&
    (filters.severities.length === 0 || filters.severities.includes(alarm.severity)) &&
    (filters.assignee === null || (alarm.assignee ?? '') === filters.assignee) &&
    (filters.type === null || alarm.source_type === filters.type) &&
    (filters.rule === null || alarm.rule === filters.rule) &&
    (filters.source === null || alarm.source === filters.source) &&
    (words.length === 0 || words.every((word) => textOf(alarm).includes(word)))
  )
}

function holds(alarm: Alarm, state: State, shelved: boolean): boolean {
  switch (state) {
    case 'open':
      return (alarm.active || !alarm.acknowledged) && !shelved
    case 'unacknowledged':
      return !alarm.acknowledged
    case 'acknowledged':
      return alarm.acknowledged
    case 'active':
      return alarm.active
    case 'cleared':
      return !alarm.active
    case 'shelved':
      return shelved
    case 'closed':
      return !alarm.active && alarm.acknowledged
    case 'all':
      return true
  }
}

function textOf(alarm: Alarm): string {
  const name = alarm.source_name ?? ''
  const names = typeof name === 'string' ? [name] : Object.values(name)
  const rest = [alarm.rule, alarm.source ?? '', alarm.assignee ?? '', alarm.category ?? '']
  return fold([...Object.values(alarm.title), ...names, ...rest].join(' '))
}
