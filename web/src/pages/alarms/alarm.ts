// An alarm in the app: its calls, its state in words, and who has done what to it.
import type { components } from '../../lib/api.gen'
import { get, send } from '../../lib/api'
import { nameIn } from '../../lib/format'
import type { Language, MessageKey } from '../../lib/messages'
import { message } from '../../lib/messages'

type Schemas = components['schemas']
export type Alarm = Schemas['AlarmView']
export type AlarmDetail = Schemas['AlarmDetail']
export type Act = Schemas['AlarmActView']
export type AlarmPage = Schemas['AlarmsView']
export type Summary = Schemas['AlarmSummary']
export type AlarmSnapshot = Schemas['AlarmSnapshot']
export type AlarmDelta = Schemas['AlarmDelta']
export type Severity = Alarm['severity']
export type Action = Schemas['AlarmBulkBody']['action']
export type Bulk = Schemas['AlarmBulkView']

export const SEVERITIES: readonly Severity[] = ['critical', 'major', 'minor', 'advisory']

/** What an act needs to be done. `until` is in milliseconds. */
export interface Told {
  reason?: string
  assignee?: string | null
  until?: number
}

const part = encodeURIComponent

export const readAlarms = (query: string, signal?: AbortSignal) => get<AlarmPage>(`api/alarms?${query}`, signal)
export const readAlarm = (id: string, signal?: AbortSignal) => get<AlarmDetail>(`api/alarms/${part(id)}`, signal)

/** Acts on one alarm; `seen` lets the server say when somebody was quicker. Throws Failure. */
export function act(alarm: Alarm, action: Action, told: Told = {}): Promise<Alarm> {
  const { until, ...rest } = told
  const body = { ...rest, seen: alarm.version, ...(until === undefined ? {} : { until: new Date(until).toISOString() }) }
  return send<Alarm>('POST', `api/alarms/${part(alarm.id)}/${action}`, body)
}

/** Acts on many alarms at once. Throws Failure. */
export function actOnAll(ids: string[], action: Action, told: Told = {}): Promise<Bulk> {
  const { until, ...rest } = told
  const body = { ids, action, ...rest, ...(until === undefined ? {} : { until: new Date(until).toISOString() }) }
  return send<Bulk>('POST', 'api/alarms/bulk', body)
}

/** What can be asked for in the list: the acts, taking it oneself, and an incident about it. */
export type Deed = Action | 'take' | 'incident'

/** Opens an incident about these alarms; its id. Throws Failure. */
export async function openIncident(alarms: Alarm[]): Promise<string> {
  const body = { members: alarms.map((alarm) => alarm.id) }
  return (await send<{ id: string }>('POST', 'api/incidents', body)).id
}

export type Bits = 'activeNew' | 'activeKnown' | 'clearedNew' | 'clearedKnown'

/** The two bits of an alarm as one word. */
export function bitsOf(alarm: Alarm): Bits {
  return `${alarm.active ? 'active' : 'cleared'}${alarm.acknowledged ? 'Known' : 'New'}`
}

export function titleOf(language: Language, alarm: Alarm): string {
  return nameIn(language, { ...alarm.title })
}

/** The name of what the alarm is about, the end of its id where it has none, nothing for the city as a whole. */
export function sourceOf(language: Language, alarm: Alarm): string {
  if (alarm.source_name) return nameIn(language, alarm.source_name)
  return alarm.source?.split(':').at(-1) ?? ''
}

/** An operator as people call him; the two that are no persons in words. */
export function operatorName(language: Language, id: string): string {
  return id === 'system' || id === 'anonymous' ? message(language, `alarms.by.${id}`) : id
}

/** What an act was, in words; `time` writes a moment. */
export function deedOf(language: Language, done: Act, time: (millis: number) => string): string {
  const key: MessageKey = done.deed === 'assign' && !done.to ? 'alarms.act.unassign' : `alarms.act.${done.deed}`
  return message(language, key, { to: done.to ?? '', until: done.until ? time(done.until) : '' })
}
