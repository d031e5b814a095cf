// Moments in date fields of a form, in the browser's time zone, and lengths of time as words.
import { formatNumber } from '../../lib/format'
import type { Language } from '../../lib/messages'
import { message } from '../../lib/messages'

/** Milliseconds as a datetime-local field holds them: "2026-11-25T06:00". */
export function toField(millis: number): string {
  const moment = new Date(millis - new Date(millis).getTimezoneOffset() * 60_000)
  return moment.toISOString().slice(0, 16)
}

/** Milliseconds of what a datetime-local field holds; null where it holds no moment. */
export function fromField(text: string): number | null {
  const millis = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? new Date(text).getTime() : NaN
  return Number.isNaN(millis) ? null : millis
}

/** Seconds as words: below 90 s in seconds, else in minutes; null is "not known", never zero. */
export function spanText(language: Language, seconds: number | null): string {
  if (seconds === null) return message(language, 'usage.unknown')
  if (seconds < 90) return message(language, 'usage.seconds', { n: formatNumber(language, Math.round(seconds), 0) })
  return message(language, 'usage.minutes', { n: formatNumber(language, Math.round(seconds / 6) / 10) })
}

/** A share as percent; null is "not known". */
export function shareText(language: Language, share: number | null): string {
  return share === null ? message(language, 'usage.unknown') : `${formatNumber(language, Math.round(share * 1000) / 10)} %`
}
