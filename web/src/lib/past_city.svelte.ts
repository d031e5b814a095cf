// The layers of the map as they were: one answer of the time machine for each instant, the newest wish first.
import type { Feature, Layer } from './api'
import { Failure, get } from './api'
import { atText } from './instant'
import { LayerData } from './layer_data'

interface PastFeatures {
  truncated: boolean
  features: (Feature & { layer: string })[]
}

interface Wish {
  layers: readonly Layer[]
  ids: string[]
  at: number
  known: boolean
}

class PastCity {
  /** Grows whenever another instant has been read. */
  version = $state(0)
  /** What went wrong with the last instant, '' where nothing did. */
  failure = $state('')
  loading = $state(false)
  readonly data = new Map<string, LayerData>()
  private wish: Wish | null = null

  /** Reads these layers at an instant; while one is being read only the newest wish waits. */
  show(layers: readonly Layer[], ids: Iterable<string>, at: number, known: boolean): void {
    const wish = { layers, ids: [...ids].filter((id) => layers.some((layer) => layer.id === id)), at, known }
    this.wish = wish
    if (!this.loading) void this.run()
  }

  /** Forgets it all: the present is shown again. */
  clear(): void {
    this.wish = null
    this.data.clear()
    this.failure = ''
  }

  private async run(): Promise<void> {
    this.loading = true
    while (this.wish) {
      const wish: Wish = this.wish
      this.wish = null
      try {
        this.take(wish, await this.read(wish))
        this.failure = ''
      } catch (error) {
        this.failure = error instanceof Failure ? error.detail || '–' : String(error)
      }
      this.version++
    }
    this.loading = false
  }

  private async read({ ids, at, known }: Wish): Promise<PastFeatures> {
    if (ids.length === 0) return { truncated: false, features: [] }
    const text = atText(at)
    const layers = ids.map(encodeURIComponent).join(',')
    return get<PastFeatures>(`api/as-of?at=${text}&layers=${layers}${known ? `&known=${text}` : ''}`)
  }

  private take(wish: Wish, answer: PastFeatures): void {
    for (const id of [...this.data.keys()]) if (!wish.ids.includes(id)) this.data.delete(id)
    for (const id of wish.ids) {
      const layer = wish.layers.find((each) => each.id === id)!
      const held = this.data.get(id) ?? new LayerData(layer)
      this.data.set(id, held)
      const features = answer.features.filter((each) => each.layer === id)
      held.snapshot({ layer: id, seq: 0, first: true, last: true, clustered: false, features }, wish.at)
    }
  }
}

export const pastCity = new PastCity()
