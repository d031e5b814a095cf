// Where the app is: the page's path and its query, kept in the address by the history API.

/** The folder that the app is served from, as a path with a slash at its end; the page's <base> names it. */
export const ROOT = new URL('.', document.baseURI).pathname

export type Query = Record<string, string | number | boolean | null | undefined>

function pathNow(): string {
  return location.pathname.startsWith(ROOT) ? decode(location.pathname.slice(ROOT.length)) : ''
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** An address within the app: `href('alarms', { severity: 'critical' })`. A colon and a slash stay readable. */
export function href(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== false)
  const text = new URLSearchParams(pairs.map(([key, value]) => [key, value === true ? '' : String(value)])).toString()
  const readable = text.replaceAll('%2F', '/').replaceAll('%2C', ',').replaceAll('%3A', ':').replace(/=(?=&|$)/g, '')
  return ROOT + path.split('/').map(segment).join('/') + (readable ? `?${readable}` : '')
}

function segment(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':')
}

class Router {
  /** The path within the app without slashes around it: '' is the map, 'incidents/urn:…' one incident. */
  path = $state(pathNow().replace(/\/+$/, ''))
  /** The query; read it in $derived, change it by `setQuery`. */
  query = $state.raw(new URLSearchParams(location.search))

  constructor() {
    addEventListener('popstate', () => this.read())
  }

  /** Goes to another page: a new entry of the browser's history. */
  go(path: string, query: Query = {}): void {
    history.pushState(null, '', href(path, query))
    this.read()
  }

  /** Goes to another page in the place of this one: `back` passes it over. */
  replace(path: string, query: Query = {}): void {
    history.replaceState(null, '', href(path, query))
    this.read()
  }

  /** Changes parts of the query and keeps the rest (null removes); by default without a new entry of the history. */
  setQuery(changes: Query, push = false): void {
    const next: Query = { ...Object.fromEntries(new URLSearchParams(location.search)), ...changes }
    const to = href(this.path, next)
    if (to === location.pathname + location.search) return
    history[push ? 'pushState' : 'replaceState'](null, '', to)
    this.read()
  }

  private read(): void {
    const path = pathNow().replace(/\/+$/, '')
    if (path !== this.path) this.path = path
    this.query = new URLSearchParams(location.search)
  }
}

export const router = new Router()

/** Lets ordinary links within the app change the page without loading it anew; for `onclick` of a common parent. */
export function followLinks(event: MouseEvent): void {
  const link = (event.target as Element | null)?.closest?.('a[href]') as HTMLAnchorElement | null
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey
  if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute('download')) return
  if (link.origin !== location.origin || !link.pathname.startsWith(ROOT)) return
  const path = decode(link.pathname.slice(ROOT.length))
  if (/^(api|ngsi-ld|assets|health\/)/.test(path) || link.getAttribute('href')?.startsWith('#')) return
  event.preventDefault()
  router.go(path, Object.fromEntries(new URLSearchParams(link.search)))
}
