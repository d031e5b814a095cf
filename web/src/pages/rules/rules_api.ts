// Calls about rules: list, check, keep, switch, and try on the past.
import type { components, paths } from '../../lib/api.gen'
import { Failure, get, send } from '../../lib/api'

type Schemas = components['schemas']
export type Rule = Schemas['RuleView']
export type Definition = Schemas['RuleDefinition']
export type Fault = Schemas['RuleCheckView']['faults'][number]
export type Mode = Rule['mode']
export type Check = Schemas['RuleCheckView']
/** By its address: another part has a schema of the same name. */
export type Version = paths['/rules/{id}/versions']['get']['responses'][200]['content']['application/json'][number]
export type Backtest = Schemas['BacktestView']
export type Vocabulary = Schemas['VocabularyView']
export type Schedule = Schemas['ScheduleShape']

/** A draft as it was edited last: as a form or as TOML. */
export type Draft = { definition: unknown } | { toml: string }

const part = encodeURIComponent

export const readRules = (signal?: AbortSignal) => get<{ rules: Rule[]; total: number }>('api/rules', signal)
export const readVersions = (id: string, signal?: AbortSignal) => get<Version[]>(`api/rules/${part(id)}/versions`, signal)
export const readVocabulary = () => get<Vocabulary>('api/rules-vocabulary')
export const checkRule = (draft: Draft) => send<Check>('POST', 'api/rules-check', draft)

/** Keeps a new version; `version` is the one that was edited, 0 for a new rule. */
export function writeRule(id: string, draft: Draft, version: number, reason: string): Promise<Rule> {
  return send<Rule>('PUT', `api/rules/${part(id)}`, { ...draft, version, reason })
}

export async function deleteRule(id: string, version: number, reason: string): Promise<void> {
  await send('DELETE', `api/rules/${part(id)}?version=${version}&reason=${part(reason)}`)
}

export function switchRule(id: string, mode: Mode, reason: string, override: boolean): Promise<Rule> {
  return send<Rule>('POST', `api/rules/${part(id)}/mode`, { mode, reason, override })
}

/** What the kept rule (`id`) or a draft would have done between two DateTimes; only the first counts as looked at. */
export function backtest(id: string | null, draft: Draft | null, start: string, end: string): Promise<Backtest> {
  const path = id === null ? 'api/rules-backtest' : `api/rules/${part(id)}/backtest`
  return send<Backtest>('POST', path, { ...draft, start, end })
}

/** The words for people of what went wrong; `offline` where the server was not reached. */
export function wordsOf(error: unknown, offline: string): string {
  return error instanceof Failure ? error.detail || offline : String(error)
}
