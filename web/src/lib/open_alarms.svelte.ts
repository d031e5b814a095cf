// The worst of the open alarms as a short list, for the rail, the wall and the palette; read anew when the desk has news.
import type { components } from './api.gen'
import { Failure, get } from './api'
import { desk } from '../pages/alarms/desk.svelte'

export type Alarm = components['schemas']['AlarmView']
type Page = components['schemas']['AlarmsView']

/** News within this time are one reading, milliseconds. */
const GATHER = 800
/** Read even without news, since acknowledged times and shelves pass. */
const EVERY = 30_000
const MOST = 50

class OpenAlarms {
  alarms = $state.raw<Alarm[]>([])
  total = $state(0)
  failed = $state(false)
  private told = $state.raw<Page['summary'] | null>(null)
  private waiting = 0

  get summary(): Page['summary'] | null {
    return desk.summary ?? this.told
  }

  get unacknowledged(): number {
    return this.summary ? Object.values(this.summary.unacknowledged).reduce((sum, each) => sum + each, 0) : 0
  }

  /** Follows the alarms until the function that it gives is called. */
  start(): () => void {
    const call = new AbortController()
    const soon = () => {
      this.waiting ||= window.setTimeout(() => {
        this.waiting = 0
        void this.read(call.signal)
      }, GATHER)
    }
    const stops = [desk.start(), desk.listen({ snapshot: soon, delta: soon })]
    const timer = setInterval(soon, EVERY)
    void this.read(call.signal)
    return () => {
      stops.forEach((stop) => stop())
      clearInterval(timer)
      clearTimeout(this.waiting)
      call.abort()
    }
  }

  private async read(signal: AbortSignal): Promise<void> {
    try {
      const page = await get<Page>(`api/alarms?state=open&limit=${MOST}`, signal)
      this.alarms = page.alarms
      this.total = page.total
      this.told = page.summary
      this.failed = false
    } catch (error) {
      if (error instanceof Failure) this.failed = true
    }
  }
}

export const openAlarms = new OpenAlarms()
