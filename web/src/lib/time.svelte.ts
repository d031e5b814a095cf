// The instant that the app looks at: now, or a past one that stands in the address (?at=…), and how it is played.
import { clock } from './clock.svelte'
import { SPANS, SPEEDS, atOf, atText, nextInstant } from './instant'
import { router } from './router.svelte'

const TICK = 500

class TimeMachine {
  playing = $state(false)
  speed = $state<number>(SPEEDS[1])
  private timer = 0

  /** The instant in milliseconds; null: now. Reading it follows the address. */
  get at(): number | null {
    return atOf(router.query.get('at'))
  }

  get isLive(): boolean {
    return this.at === null
  }

  /** Whether only what had been recorded by the instant counts. */
  get asKnown(): boolean {
    return router.query.has('known')
  }

  /** Hours that the slider spans. */
  get span(): number {
    const asked = Number(router.query.get('span'))
    return SPANS.find((each) => each === asked) ?? 24
  }

  /** The past instant, else the present as the server's clock has it. */
  get moment(): number {
    return this.at ?? clock.now
  }

  /** What a call adds to its address: '' while live, else `&at=…` (and `&known=…`). */
  get query(): string {
    const at = this.at
    if (at === null) return ''
    const text = atText(at)
    return `&at=${text}${this.asKnown ? `&known=${text}` : ''}`
  }

  goTo(millis: number): void {
    if (millis >= clock.read() - 1000) this.toLive()
    else router.setQuery({ at: atText(millis) })
  }

  toLive(): void {
    this.pause()
    router.setQuery({ at: null, known: null })
  }

  setKnown(known: boolean): void {
    router.setQuery({ known })
  }

  setSpan(hours: number): void {
    router.setQuery({ span: hours === 24 ? null : hours })
  }

  /** Plays on from the instant, from the start of the span where it is now; ends in the present. */
  play(): void {
    if (this.playing) return
    if (this.isLive) this.goTo(clock.read() - this.span * 3_600_000)
    this.playing = true
    this.timer = window.setInterval(() => {
      const next = this.at === null ? null : nextInstant(this.at, this.speed, TICK, clock.read())
      if (next === null) this.toLive()
      else this.goTo(next)
    }, TICK)
  }

  pause(): void {
    clearInterval(this.timer)
    this.playing = false
  }
}

export const timeMachine = new TimeMachine()
