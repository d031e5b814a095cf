// Open items of a hand-over: where each leads, and which came after a signature.
import type { OpenItem } from './shift_api'

/** The address within the app: [path, query]. */
export function placeOf(item: Pick<OpenItem, 'kind' | 'id'>): [string, Record<string, string>] {
  if (item.kind === 'alarm' || item.kind === 'shelved') {
    return ['alarms', item.kind === 'shelved' ? { state: 'shelved', alarm: item.id } : { alarm: item.id }]
  }
  if (item.kind === 'incident' || item.kind === 'task') return [`incidents/${item.id}`, {}]
  return ['procedures', { run: item.id }]
}

/** Where the thing of an id is shown: links of the watch book. */
export function placeOfId(id: string): [string, Record<string, string>] {
  const type = id.split(':')[2] ?? ''
  if (type === 'Alert') return ['alarms', { alarm: id }]
  if (type === 'Incident') return [`incidents/${id}`, {}]
  if (type === 'ProcedureRun') return ['procedures', { run: id }]
  return [`entities/${id}`, {}]
}

const keyOf = (item: OpenItem) => `${item.kind} ${item.id} ${item.title.en}`

/** The items that were not open when the outgoing side signed. */
export function newSince(items: readonly OpenItem[], signed: readonly OpenItem[]): OpenItem[] {
  const known = new Set(signed.map(keyOf))
  return items.filter((item) => !known.has(keyOf(item)))
}
