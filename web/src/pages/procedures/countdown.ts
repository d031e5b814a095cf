// How long until a clock runs out, or since it did.

export interface Countdown {
  overdue: boolean
  /** "4:05", "1:02:30", "2 d" style texts of hours, minutes and seconds. */
  text: string
}

/** What a clock shows at an instant; both in milliseconds. Null where the step has no clock. */
export function countdown(due: number | null, now: number): Countdown | null {
  if (due === null) return null
  const seconds = Math.round((due - now) / 1000)
  return { overdue: seconds <= 0, text: clockText(Math.abs(seconds)) }
}

/** Seconds as m:ss, from an hour on as h:mm:ss. */
export function clockText(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}
