// Keeps the live stream open: reads it, notices silence, and comes back with growing pauses.
import type { Counts, Delta, Snapshot, StreamView } from './api'
import { Failure, address, headers, send } from './api'
import { EventReader } from './events'

export type Connection = 'connecting' | 'live' | 'reconnecting'

export interface LiveListener {
  snapshot(event: Snapshot): void
  delta(event: Delta): void
  counts(event: Counts): void
  connection(state: Connection): void
}

/** Silence after which the line counts as dead; the server sends a heartbeat every 15 s. */
const SILENCE = 40_000
/** A break shorter than this is not shown. */
const GRACE = 1_000
const PAUSES = [300, 1_000, 2_000, 5_000, 10_000]

export class LiveStream {
  lastNews = 0
  private layers: string[] = []
  private view: StreamView | null = null
  private id: string | null = null
  private run: AbortController | null = null
  private graceTimer = 0

  constructor(private readonly listener: LiveListener) {}

  /** Streams exactly these layers from now on, each beginning with a snapshot; without layers, only tells of the line. */
  watch(layers: string[]): void {
    const wanted = [...layers].sort()
    if (this.run && wanted.join() === this.layers.join()) return
    this.layers = wanted
    this.restart()
  }

  /** What is seen from now on: large layers come in clusters, as far as they lie in it. */
  look(view: StreamView): void {
    const first = this.view === null
    this.view = view
    if (this.id !== null) void this.move(this.id, view)
    else if (this.run && first && this.layers.length) this.restart()
  }

  private async move(id: string, view: StreamView): Promise<void> {
    try {
      await send('POST', `api/stream/${encodeURIComponent(id)}/view`, view)
    } catch (error) {
      // The server has not heard of the stream: it was started anew, and so is the stream.
      if (error instanceof Failure && error.status === 404 && this.id === id) this.restart()
    }
  }

  private restart(): void {
    this.run?.abort()
    this.run = new AbortController()
    void this.keep(this.run.signal)
  }

  close(): void {
    this.run?.abort()
    clearTimeout(this.graceTimer)
  }

  private async keep(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      const before = this.lastNews
      await this.readOnce(signal).catch(() => undefined)
      if (signal.aborted) return
      if (this.lastNews > before) failures = 0
      this.lost()
      const pause = PAUSES[Math.min(failures, PAUSES.length - 1)]!
      await new Promise((resolve) => setTimeout(resolve, pause * (0.7 + 0.6 * Math.random())))
    }
  }

  private async readOnce(signal: AbortSignal): Promise<void> {
    const line = new AbortController()
    let silence = window.setTimeout(() => line.abort(), SILENCE)
    try {
      this.id = null
      const response = await fetch(address(`api/stream?${this.asked()}`), {
        headers: headers('text/event-stream'),
        signal: AbortSignal.any([signal, line.signal]),
      })
      if (!response.ok || !response.body) throw new Error(String(response.status))
      this.arrived()
      const reader = new EventReader()
      const body = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await body.read()
        if (done) return
        clearTimeout(silence)
        silence = window.setTimeout(() => line.abort(), SILENCE)
        this.arrived()
        for (const event of reader.push(value)) this.hand(event.name, event.data)
      }
    } finally {
      clearTimeout(silence)
    }
  }

  private asked(): string {
    const layers = this.layers.map(encodeURIComponent).join(',') || 'none'
    return this.view ? `layers=${layers}&bbox=${this.view.bbox.join()}&zoom=${this.view.zoom}` : `layers=${layers}`
  }

  private hand(name: string, data: string): void {
    if (name === 'hello') this.id = (JSON.parse(data) as { id: string }).id
    if (name === 'counts') this.listener.counts(JSON.parse(data) as Counts)
    if (name === 'snapshot') this.listener.snapshot(JSON.parse(data) as Snapshot)
    if (name === 'delta') this.listener.delta(JSON.parse(data) as Delta)
  }

  private arrived(): void {
    clearTimeout(this.graceTimer)
    this.graceTimer = 0
    this.lastNews = Date.now()
    this.listener.connection('live')
  }

  private lost(): void {
    this.graceTimer ||= window.setTimeout(() => this.listener.connection('reconnecting'), GRACE)
  }
}
