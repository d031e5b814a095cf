// Instants in addresses, and how time is played: what the time machine computes.

/** Seconds of the city that pass in one second of playing. */
export const SPEEDS = [60, 300, 900, 3600] as const
/** Hours that the slider spans. */
export const SPANS = [1, 6, 24, 72, 168] as const

/** The text of an instant in an address: to the second, in UTC. */
export function atText(millis: number): string {
  return new Date(Math.round(millis / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}

/** The instant of an address in milliseconds; null for now and for what is none. */
export function atOf(text: string | null): number | null {
  if (!text) return null
  const millis = /^\d{11,14}$/.test(text) ? Number(text) : Date.parse(text)
  return Number.isFinite(millis) ? millis : null
}

/** The next instant while playing; null once it has caught up with the present. */
export function nextInstant(at: number, speed: number, elapsed: number, now: number): number | null {
  const next = at + speed * elapsed
  return next >= now ? null : next
}
