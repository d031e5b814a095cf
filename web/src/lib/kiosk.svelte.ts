// The kiosk: a page without bar and rail, and a playlist that changes the page by itself; all of it in the address.
import { href, router } from './router.svelte'

const SECONDS = 30
const LEAST = 5

/** The pages of a playlist as written in the address: `wall|alarms?severity=critical|?layers=air-quality`. */
export function playlist(text: string | null): string[] {
  return (text ?? '').split('|').map((each) => each.trim()).filter((each, _, all) => each !== '' || all.length > 1)
}

/** Seconds for which each page of the playlist stays. */
export function every(text: string | null): number {
  const seconds = Number(text)
  return text && Number.isFinite(seconds) ? Math.max(LEAST, seconds) : SECONDS
}

/** The factor of the type's size, for walls that are looked at from afar; from 0.75 to 3. */
export function scaleOf(text: string | null): number {
  const scale = Number(text)
  return text && Number.isFinite(scale) ? Math.max(0.75, Math.min(3, scale)) : 1
}

/** What of the address belongs to the kiosk and stays when the page changes. */
function kept(): Record<string, string | null> {
  const { query } = router
  return { kiosk: query.get('kiosk'), play: query.get('play'), every: query.get('every'), scale: query.get('scale') }
}

export const kiosk = {
  get on(): boolean {
    return router.query.has('kiosk')
  },

  toggle(): void {
    router.setQuery({ kiosk: kiosk.on ? null : true, play: null })
  },

  leave(): void {
    router.setQuery({ kiosk: null, play: null, every: null })
  },

  /** The page of the playlist after the one that is shown. */
  next(pages: readonly string[]): void {
    const here = pages.findIndex((each) => pathOf(each) === router.path)
    const page = pages[(here + 1) % pages.length]!
    const query = Object.fromEntries(new URLSearchParams(page.split('?')[1] ?? ''))
    router.replace(pathOf(page), { ...query, ...kept(), kiosk: true })
  },

  /** The address of a kiosk that plays these pages. */
  address(pages: readonly string[], seconds: number): string {
    return href(pathOf(pages[0] ?? ''), { kiosk: true, play: pages.join('|'), every: seconds })
  },
}

function pathOf(page: string): string {
  return page.split('?')[0]!.replace(/^\/+|\/+$/g, '')
}
