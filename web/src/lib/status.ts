// The seven states: their order, shapes and colours, and how age turns into a state.
import type { components } from './api.gen'

export type Status = components['schemas']['FeatureProperties']['status']
export type Age = components['schemas']['EntityView']['age']

/** From worst to best; lists and drawing follow it. */
export const SEVERITY: readonly Status[] = ['critical', 'major', 'minor', 'advisory', 'offline', 'unknown', 'ok']

export const FILL: Record<Status, string> = {
  critical: '#c5221f',
  major: '#f28c1b',
  minor: '#ffdb57',
  advisory: '#4c8dff',
  offline: '#b39bc8',
  unknown: '#9aa5b1',
  ok: '#7d8894',
}

/** Paths in a box of 16 by 16. Square, diamond and triangle are kept for what is abnormal. */
export const PATHS = {
  circle: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11z',
  ring: 'M8 2.2a5.8 5.8 0 1 0 0 11.6a5.8 5.8 0 0 0 0-11.6zM8 5.4a2.6 2.6 0 1 1 0 5.2a2.6 2.6 0 0 1 0-5.2z',
  drop: 'M8 1C10.4 4.8 13 7.4 13 10.1a5 5 0 0 1-10 0C3 7.4 5.6 4.8 8 1z',
  pentagon: 'M8 1.6L14.3 6.4L11.9 14H4.1L1.7 6.4z',
  hexagon: 'M4.6 2.2h6.8L14.8 8l-3.4 5.8H4.6L1.2 8z',
  cross: 'M5.8 2h4.4v3.8h3.8v4.4h-3.8v3.8H5.8v-3.8H2V5.8h3.8z',
  star: 'M8 1l2.1 4.6l5 .6l-3.7 3.3l1 4.9L8 11.9l-4.4 2.5l1-4.9L.9 6.2l5-.6z',
  square: 'M3 3h10v10H3z',
  diamond: 'M8 1.5L14.5 8L8 14.5L1.5 8z',
  triangle: 'M8 2L14.5 13.5H1.5z',
  vehicle: 'M8 1L13.5 14L8 11.2L2.5 14z',
  line: 'M1.5 11.5C5 3.5 9 12.5 14.5 4.5',
  fill: 'M2 4.5L7 2L14 4L13 12.5L6 14L2.5 11z',
} as const

export type Shape = keyof typeof PATHS

export interface Mark {
  shape: Shape
  hollow: boolean
  dashed: boolean
  /** Its colour is too pale to stand alone on a pale ground. */
  edged?: boolean
}

/** The shape that says the state without colour. */
export const MARKS: Record<Status, Mark> = {
  critical: { shape: 'square', hollow: false, dashed: false },
  major: { shape: 'triangle', hollow: false, dashed: false },
  minor: { shape: 'triangle', hollow: true, dashed: false, edged: true },
  advisory: { shape: 'diamond', hollow: false, dashed: false },
  offline: { shape: 'circle', hollow: true, dashed: true },
  unknown: { shape: 'circle', hollow: true, dashed: false },
  ok: { shape: 'circle', hollow: false, dashed: false },
}

/** As the server says it: silent for this many times the longest normal silence is offline. */
export const OFFLINE_FACTOR = 4

/** The age of a value; milliseconds and, for `staleAfter`, seconds. */
export function ageClass(observedAt: number | null, staleAfter: number | null, now: number): Age {
  if (staleAfter === null) return 'timeless'
  if (observedAt === null) return 'offline'
  const seconds = (now - observedAt) / 1000
  if (seconds <= staleAfter) return 'fresh'
  return seconds <= OFFLINE_FACTOR * staleAfter ? 'stale' : 'offline'
}

export function isAbnormal(status: Status): boolean {
  return status !== 'ok' && status !== 'unknown'
}
