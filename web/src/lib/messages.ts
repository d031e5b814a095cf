// Every word of the app in Vietnamese and English, gathered from the parts in messages/; {name} stands for a value.
import * as alarms from './messages/alarms'
import * as entities from './messages/entities'
import * as health from './messages/health'
import * as incidents from './messages/incidents'
import * as map from './messages/map'
import * as panels from './messages/panels'
import * as procedures from './messages/procedures'
import * as rules from './messages/rules'
import * as shell from './messages/shell'
import * as shifts from './messages/shifts'
import * as status from './messages/status'
import * as style from './messages/style'
import * as time from './messages/time'
import * as wall from './messages/wall'

export const vi = {
  ...alarms.vi,
  ...entities.vi,
  ...health.vi,
  ...incidents.vi,
  ...map.vi,
  ...panels.vi,
  ...procedures.vi,
  ...rules.vi,
  ...shell.vi,
  ...shifts.vi,
  ...status.vi,
  ...style.vi,
  ...time.vi,
  ...wall.vi,
}

export type MessageKey = keyof typeof vi

export const en: Record<MessageKey, string> = {
  ...alarms.en,
  ...entities.en,
  ...health.en,
  ...incidents.en,
  ...map.en,
  ...panels.en,
  ...procedures.en,
  ...rules.en,
  ...shell.en,
  ...shifts.en,
  ...status.en,
  ...style.en,
  ...time.en,
  ...wall.en,
}

export const catalogues = { vi, en }
export type Language = keyof typeof catalogues
export const LANGUAGES = ['vi', 'en'] as const satisfies readonly Language[]

/** The message with its {places} filled in; an unknown place stays visible. */
export function message(language: Language, key: MessageKey, values: Record<string, string | number> = {}): string {
  return catalogues[language][key].replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place))
}
