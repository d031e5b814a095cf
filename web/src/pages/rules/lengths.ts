// How long something stood, in the largest fitting unit.
import { formatNumber, formatPeriod } from '../../lib/format'
import type { Language } from '../../lib/messages'
import { message } from '../../lib/messages'

const MINUTE = 60
const DAY = 86_400

/** Seconds, minutes, hours or days; a dash where it is not known. */
export function formatLength(language: Language, seconds: number | null): string {
  if (seconds === null) return '–'
  if (seconds < 2 * MINUTE) return message(language, 'rules.seconds', { n: formatNumber(language, Math.round(seconds), 0) })
  if (seconds >= 2 * DAY) return message(language, 'age.short.days', { n: formatNumber(language, Math.round(seconds / DAY * 10) / 10) })
  return formatPeriod(language, seconds)
}
