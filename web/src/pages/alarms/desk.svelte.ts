// The alarms live, whatever page is open: the desk in figures, the count in the tab's title, and the sound.
import { address, headers } from '../../lib/api'
import { clock } from '../../lib/clock.svelte'
import { EventReader } from '../../lib/events'
import type { AlarmDelta, AlarmSnapshot, Summary } from './alarm'
import { sound } from './sound.svelte'

/** Silence after which the line counts as dead; the server sends a heartbeat every 15 s. */
const SILENCE = 40_000
const PAUSES = [300, 1_000, 2_000, 5_000, 10_000]

export interface DeskListener {
  /** What is open came anew: read the list again. */
  snapshot(event: AlarmSnapshot): void
  delta(event: AlarmDelta): void
}

class Desk {
  /** Null until the first news. */
  summary = $state.raw<Summary | null>(null)
  /** Whether the stream is open. */
  live = $state(false)
  private readonly listeners = new Set<DeskListener>()
  private run: AbortController | null = null
  private users = 0

  /** Open alarms that nobody has acknowledged. */
  get unacknowledged(): number {
    return this.summary ? Object.values(this.summary.unacknowledged).reduce((sum, count) => sum + count, 0) : 0
  }

  /** Follows the alarms until the function that it gives is called; several may ask for it. */
  start(): () => void {
    if (this.users++ === 0) {
      this.run = new AbortController()
      void this.keep(this.run.signal)
    }
    return () => {
      if (--this.users === 0) {
        this.run?.abort()
        sound.rest()
      }
    }
  }

  listen(listener: DeskListener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private async keep(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      const opened = await this.readOnce(signal).catch(() => false)
      if (signal.aborted) return
      this.live = false
      if (opened) failures = 0
      const pause = PAUSES[Math.min(failures, PAUSES.length - 1)]!
      await new Promise((resolve) => setTimeout(resolve, pause * (0.7 + 0.6 * Math.random())))
    }
  }

  /** Reads until the line breaks; whether it was ever open. */
  private async readOnce(signal: AbortSignal): Promise<boolean> {
    const line = new AbortController()
    let silence = window.setTimeout(() => line.abort(), SILENCE)
    let opened = false
    try {
      const response = await fetch(address('api/alarms/stream'), {
        headers: headers('text/event-stream'),
        signal: AbortSignal.any([signal, line.signal]),
      })
      if (!response.ok || !response.body) return false
      const reader = new EventReader()
      const body = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await body.read()
        if (done) return opened
        opened = this.live = true
        clearTimeout(silence)
        silence = window.setTimeout(() => line.abort(), SILENCE)
        for (const event of reader.push(value)) this.hand(event.name, event.data)
      }
    } catch {
      return opened
    } finally {
      clearTimeout(silence)
    }
  }

  private hand(name: string, data: string): void {
    const event = JSON.parse(data) as AlarmSnapshot | AlarmDelta
    clock.follow(event.now)
    this.summary = event.summary
    sound.follow(event.summary.unacknowledged.critical)
    for (const listener of this.listeners) {
      if (name === 'snapshot') listener.snapshot(event as AlarmSnapshot)
      if (name === 'delta') listener.delta(event as AlarmDelta)
    }
  }
}

export const desk = new Desk()
