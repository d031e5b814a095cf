// The rows of the alarm list: worst first, and still while somebody points at them; what comes meanwhile waits.
import type { Alarm, Severity } from './alarm'
import { SEVERITIES } from './alarm'

/** Worst first, and of one severity the newest first. */
export function bySeverity(a: Alarm, b: Alarm): number {
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    b.raised_at - a.raised_at ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  )
}

export interface Row {
  alarm: Alarm
  /** It does not match any more and goes when the rows may move. */
  leaving: boolean
}

export interface Rows {
  shown: readonly Row[]
  /** Alarms that match and are not shown yet, by id. */
  waiting: ReadonlyMap<string, Alarm>
}

export const NO_ROWS: Rows = { shown: [], waiting: new Map() }

/** Rows of a list as the server gave it. */
export function rowsOf(alarms: readonly Alarm[]): Rows {
  return { shown: [...alarms].sort(bySeverity).map((alarm) => ({ alarm, leaving: false })), waiting: new Map() }
}

/** The rows after news: no row moves or vanishes, rows change in place, and new alarms wait. */
export function changed(rows: Rows, upserts: readonly Alarm[], removed: readonly string[], fits: (alarm: Alarm) => boolean): Rows {
  const news = new Map(upserts.map((alarm) => [alarm.id, alarm]))
  const gone = new Set(removed)
  const shown = rows.shown.map((row) => {
    const alarm = news.get(row.alarm.id)
    if (gone.has(row.alarm.id)) return { ...row, leaving: true }
    return alarm ? { alarm, leaving: !fits(alarm) } : row
  })
  const waiting = new Map(rows.waiting)
  for (const id of gone) waiting.delete(id)
  const known = new Set(rows.shown.map((row) => row.alarm.id))
  for (const alarm of upserts) {
    if (known.has(alarm.id)) continue
    if (fits(alarm)) waiting.set(alarm.id, alarm)
    else waiting.delete(alarm.id)
  }
  return { shown, waiting }
}

/** The rows once they may move: new ones come in, those that do not match go, and all stand in order. */
export function settled(rows: Rows): Rows {
  const staying = rows.shown.filter((row) => !row.leaving).map((row) => row.alarm)
  return rowsOf([...staying, ...rows.waiting.values()])
}

/** A row of the table: one alarm, or in a flood the many of one rule. */
export type Item =
  | { kind: 'alarm'; id: string; row: Row; within: boolean }
  | { kind: 'group'; id: string; rule: string; severity: Severity; rows: Row[]; open: boolean }

/** From this many alarms of one rule on they are told as one in a flood. */
export const GROUP = 3
/** The rule of what people raise: each of these is another matter. */
const MANUAL = 'manual'

/** The rows as they are drawn; `grouping` collapses each rule with GROUP alarms or more, save those in `open`. */
export function itemsOf(shown: readonly Row[], grouping: boolean, open: ReadonlySet<string>): Item[] {
  const single = (row: Row, within = false): Item => ({ kind: 'alarm', id: row.alarm.id, row, within })
  if (!grouping) return shown.map((row) => single(row))
  const groups = new Map<string, Row[]>()
  for (const row of shown) groups.set(row.alarm.rule, [...(groups.get(row.alarm.rule) ?? []), row])
  const items: Item[] = []
  for (const row of shown) {
    const rows = groups.get(row.alarm.rule)!
    if (rows.length < GROUP || row.alarm.rule === MANUAL) items.push(single(row))
    else if (rows[0] === row) {
      const { rule, severity } = row.alarm
      items.push({ kind: 'group', id: `group:${rule}`, rule, severity, rows, open: open.has(rule) })
      if (open.has(rule)) items.push(...rows.map((each) => single(each, true)))
    }
  }
  return items
}
