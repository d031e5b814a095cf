// The layers that the open page watches, kept live by one stream that outlives a change of page.
import type { Layer, StreamView } from './api'
import { clock } from './clock.svelte'
import { LayerData } from './layer_data'
import type { Connection } from './live'
import { LiveStream } from './live'

const AGEING = 15_000
const TOUCH = 2_000

class LiveCity {
  connection = $state<Connection>('connecting')
  lastNews = $state(0)
  /** Grows when a layer has come whole; what counts features reads it. */
  version = $state(0)
  /** What of the layers watched is here, by the layer's id. */
  readonly data = new Map<string, LayerData>()
  private layers: readonly Layer[] = []
  private view: StreamView | null = null
  private readonly touched = new Map<string, number>()
  private readonly newsListeners = new Set<() => void>()
  private readonly touchListeners = new Set<(id: string) => void>()

  private readonly stream = new LiveStream({
    snapshot: (event) => {
      this.held(event.layer)?.snapshot(event, clock.read())
      if (event.last) this.version++
      this.touch(event.features.map((each) => each.id))
      this.news()
    },
    delta: (event) => {
      this.held(event.layer)?.delta(event, clock.read())
      this.touch([...event.upserts.map((each) => each.id), ...event.removed])
      this.news()
    },
    counts: (event) => {
      this.held(event.layer)?.count(event)
      this.version++
    },
    connection: (state) => {
      this.connection = state
      this.lastNews = this.stream.lastNews
    },
  })

  /** Watches exactly these layers from now on. */
  watch(layers: readonly Layer[], ids: Iterable<string>): void {
    this.layers = layers
    const wanted = [...ids].filter((id) => layers.some((layer) => layer.id === id))
    for (const id of this.data.keys()) if (!wanted.includes(id)) this.data.delete(id)
    this.stream.watch(wanted)
  }

  /** What is seen from now on; asked of the server where it is not in what was asked for before. */
  look(view: StreamView): void {
    if (JSON.stringify(view) === JSON.stringify(this.view)) return
    this.view = view
    this.stream.look(view)
  }

  /** Calls back when something is to be drawn; gives what ends it. */
  onNews(listener: () => void): () => void {
    this.newsListeners.add(listener)
    return () => this.newsListeners.delete(listener)
  }

  private news(): void {
    this.newsListeners.forEach((hear) => hear())
  }

  /** Calls back, at most every two seconds, when this object changes; gives what ends it. */
  onChange(id: string, listener: () => void): () => void {
    const hear = (changed: string) => {
      if (changed === id) listener()
    }
    this.touchListeners.add(hear)
    this.touched.set(id, 0)
    return () => {
      this.touchListeners.delete(hear)
      this.touched.delete(id)
    }
  }

  /** Looks at ages until the function that it gives is called. */
  start(): () => void {
    const timer = setInterval(() => {
      for (const each of this.data.values()) each.grow(clock.read())
      this.version++
      this.news()
    }, AGEING)
    return () => {
      clearInterval(timer)
      this.stream.close()
    }
  }

  private held(id: string): LayerData | null {
    const layer = this.layers.find((each) => each.id === id)
    if (!layer) return null
    const found = this.data.get(id) ?? new LayerData(layer)
    this.data.set(id, found)
    return found
  }

  private touch(ids: string[]): void {
    if (this.touched.size === 0) return
    for (const id of ids) {
      const last = this.touched.get(id)
      if (last === undefined || Date.now() - last < TOUCH) continue
      this.touched.set(id, Date.now())
      this.touchListeners.forEach((hear) => hear(id))
    }
  }
}

export const liveCity = new LiveCity()
