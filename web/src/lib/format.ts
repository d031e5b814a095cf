// Numbers, dates, ages and names as the two languages write them.
import type { Layer } from './api'
import type { Language } from './messages'
import { message } from './messages'

export type Named = string | Record<string, string>

const LOCALES: Record<Language, string> = { vi: 'vi-VN', en: 'en-GB' }

const numbers = new Map<string, Intl.NumberFormat>()
const dates = new Map<string, Intl.DateTimeFormat>()

/** A number with fixed digits, or with up to three where the unit has none of its own. */
export function formatNumber(language: Language, value: number, digits: number | null = null): string {
  const key = `${language} ${digits}`
  let format = numbers.get(key)
  if (!format) {
    const options =
      digits === null
        ? { maximumFractionDigits: 3 }
        : { minimumFractionDigits: digits, maximumFractionDigits: digits }
    format = new Intl.NumberFormat(LOCALES[language], options)
    numbers.set(key, format)
  }
  return format.format(value)
}

const STYLES = {
  time: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { day: '2-digit', month: '2-digit' },
  moment: { day: '2-digit', month: '2-digit', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  clock: { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>

/** A moment (milliseconds) in the browser's time zone. */
export function formatTime(language: Language, millis: number, style: keyof typeof STYLES = 'moment'): string {
  const key = `${language} ${style}`
  let format = dates.get(key)
  if (!format) {
    format = new Intl.DateTimeFormat(LOCALES[language], STYLES[style])
    dates.set(key, format)
  }
  const text = format.format(millis)
  return style === 'day' ? text.replace('-', '/') : text
}

/** How long ago, in the largest unit that gives a number of one or more; `short`: without the word for "ago". */
export function formatAge(language: Language, millis: number, now: number, short = false): string {
  const seconds = Math.max(0, Math.round((now - millis) / 1000))
  if (seconds < 5) return message(language, 'age.now')
  const steps = [
    [60, 1, 'seconds'],
    [3600, 60, 'minutes'],
    [86400, 3600, 'hours'],
    [Infinity, 86400, 'days'],
  ] as const
  const [, unit, key] = steps.find(([limit]) => seconds < limit)!
  return message(language, short ? `age.short.${key}` : `age.${key}`, { n: formatNumber(language, Math.floor(seconds / unit), 0) })
}

/** A length of time of a chart's bucket. */
export function formatPeriod(language: Language, seconds: number): string {
  const minutes = Math.max(1, Math.round(seconds / 60))
  if (minutes < 90) return message(language, 'period.minutes', { n: minutes })
  return message(language, 'period.hours', { n: formatNumber(language, Math.round(minutes / 6) / 10) })
}

/** The name in the language, else in the other, else any. */
export function nameIn(language: Language, name: Named): string {
  if (typeof name === 'string') return name
  return name[language] ?? name['vi'] ?? name['en'] ?? Object.values(name)[0] ?? ''
}

/** The last part of a name that has no short form; a short name stays itself. */
export function shortName(name: string): string {
  return name.includes('://') ? (name.split(/[#/]/).filter(Boolean).pop() ?? name) : name
}

/** The value of a layer's object: texts of a closed list in the words of the language. */
export function layerValue(language: Language, layer: Layer, value: number | string): string {
  const word = typeof value === 'string' ? layer.words[value] : undefined
  return word ? nameIn(language, { ...word }) : formatValue(language, value, layer.digits)
}

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/

/** A value of any kind as one line of text. */
export function formatValue(language: Language, value: unknown, digits: number | null = null): string {
  if (value === null || value === undefined || value === '') return message(language, 'value.none')
  if (typeof value === 'number') return formatNumber(language, value, digits)
  if (typeof value === 'boolean') return message(language, value ? 'value.yes' : 'value.no')
  if (typeof value === 'string') return DATE_TIME.test(value) ? formatTime(language, Date.parse(value)) : value
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) {
    return value.map((each) => formatValue(language, each, digits)).join(', ')
  }
  if (isLanguageMap(value)) return nameIn(language, value)
  return JSON.stringify(value)
}

function isLanguageMap(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const entries = Object.entries(value)
  return entries.length > 0 && entries.every(([key, text]) => /^[a-z]{2,3}(-\w+)*$/i.test(key) && typeof text === 'string')
}

/** A number in a few signs for a small place: 12 k, 12 N. */
export function compact(language: Language, value: number): string {
  return new Intl.NumberFormat(LOCALES[language], { notation: 'compact', maximumFractionDigits: value < 10_000 ? 1 : 0 }).format(value)
}
