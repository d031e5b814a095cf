// The features of one layer as the app holds them, and what of them the map has not drawn yet.
import type { Counts, Delta, Feature, Layer, Snapshot } from './api'
import type { Status } from './status'
import { SEVERITY, ageClass } from './status'

/** A feature with its state of now: the age may have turned it stale or offline since the server sent it. */
export interface Shown {
  id: string
  geometry: GeoJSON.Geometry
  name: Feature['properties']['name']
  value: number | string | null
  judged: Status
  status: Status
  stale: boolean
  observedAt: number | null
  heading: number | null
  /** Of a cluster: how many objects it stands for, and how many of each state. */
  count: number | null
  counts: Partial<Record<Status, number>> | null
}

export type Diff = { all: Shown[] } | { changed: Shown[]; removed: string[] }

export class LayerData {
  readonly features = new Map<string, Shown>()
  loaded = false
  /** Whether only what the view port holds is here, in clusters where objects stand close. */
  clustered = false
  /** How many objects of each state the whole layer has, where only a part of it is here. */
  private whole: Record<Status, number> | null = null
  private incoming: Feature[] = []
  private redraw = true
  private changed = new Set<string>()
  private removed = new Set<string>()

  constructor(readonly layer: Layer) {}

  snapshot(event: Snapshot, now: number): void {
    if (event.first) this.incoming = []
    this.incoming.push(...event.features)
    if (!event.last) return
    this.features.clear()
    for (const feature of this.incoming) this.features.set(feature.id, this.shown(feature, now))
    this.incoming = []
    this.loaded = true
    this.clustered = event.clustered ?? false
    if (!this.clustered) this.whole = null
    this.forget()
  }

  count(event: Counts): void {
    this.whole = { ...noCounts(), ...event.counts }
  }

  delta(event: Delta, now: number): void {
    for (const feature of event.upserts) {
      this.features.set(feature.id, this.shown(feature, now))
      this.changed.add(feature.id)
      this.removed.delete(feature.id)
    }
    for (const id of event.removed) {
      this.features.delete(id)
      this.changed.delete(id)
      this.removed.add(id)
    }
  }

  /** Looks again at every age; what turned stale or offline is to be drawn anew. */
  grow(now: number): void {
    for (const feature of this.features.values()) {
      if (feature.count !== null) continue
      const before = feature.status
      const faded = feature.stale
      this.age(feature, now)
      if (feature.status !== before || feature.stale !== faded) this.changed.add(feature.id)
    }
  }

  /** The whole layer is to be drawn anew: after a new style or language. */
  forget(): void {
    this.redraw = true
    this.changed.clear()
    this.removed.clear()
  }

  /** What the map has not drawn yet, null where there is nothing. */
  take(): Diff | null {
    if (this.redraw) {
      this.redraw = false
      return { all: [...this.features.values()] }
    }
    if (this.changed.size === 0 && this.removed.size === 0) return null
    const changed = [...this.changed].map((id) => this.features.get(id)).filter((each) => each !== undefined)
    const diff = { changed, removed: [...this.removed] }
    this.changed.clear()
    this.removed.clear()
    return diff
  }

  counts(): Record<Status, number> {
    if (this.whole) return this.whole
    const counts = noCounts()
    for (const feature of this.features.values()) {
      if (feature.counts === null) counts[feature.status]++
      else for (const status of SEVERITY) counts[status] += feature.counts[status] ?? 0
    }
    return counts
  }

  private shown(feature: Feature, now: number): Shown {
    const { name, value, status, observedAt, heading, count = null, counts = null } = feature.properties
    const geometry = feature.geometry as unknown as GeoJSON.Geometry
    const shown = { id: feature.id, geometry, name, value, judged: status, status, stale: false, observedAt, heading, count, counts }
    if (count === null) this.age(shown, now)
    return shown
  }

  private age(feature: Shown, now: number): void {
    const age = ageClass(feature.observedAt, this.layer.stale_after, now)
    feature.stale = age === 'stale' || age === 'offline'
    feature.status = age === 'offline' ? 'offline' : feature.judged === 'offline' ? 'unknown' : feature.judged
  }
}

function noCounts(): Record<Status, number> {
  return Object.fromEntries(SEVERITY.map((status) => [status, 0])) as Record<Status, number>
}

/** Worst first, then by name: the order of lists. */
export function bySeverity(nameOf: (feature: Shown) => string, language: string) {
  const collator = new Intl.Collator(language, { numeric: true })
  return (a: Shown, b: Shown) =>
    SEVERITY.indexOf(a.status) - SEVERITY.indexOf(b.status) || collator.compare(nameOf(a), nameOf(b))
}
