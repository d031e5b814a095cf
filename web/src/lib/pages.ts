// The pages of the app: their addresses, keys and files. A page whose file is not there is not offered.
import type { Component } from 'svelte'
import type { City, Layer } from './api'
import type { MessageKey } from './messages'

/** What every page gets; `id` is the part of the path behind the page's own. View state is in `router.query`. */
export interface PageProps {
  city: City
  layers: Layer[]
  id: string | null
}

export interface Page {
  id: 'map' | 'wall' | 'alarms' | 'incidents' | 'incident' | 'procedures' | 'shift' | 'rules' | 'entities' | 'entity' | 'health' | 'style'
  /** The first part of its address. */
  path: string
  /** Whether it shows one thing, whose id follows in the address. */
  one?: true
  /** Its file in pages/, without ending. */
  file: string
  /** The key behind `g` that leads to it; only such pages stand in the rail. */
  key?: string
  label: MessageKey
}

export const PAGES: readonly Page[] = [
  { id: 'map', path: '', file: 'MapPage', key: 'm', label: 'page.map' },
  { id: 'wall', path: 'wall', file: 'WallPage', key: 'w', label: 'page.wall' },
  { id: 'alarms', path: 'alarms', file: 'AlarmsPage', key: 'a', label: 'page.alarms' },
  { id: 'incidents', path: 'incidents', file: 'IncidentsPage', key: 'i', label: 'page.incidents' },
  { id: 'incident', path: 'incidents', one: true, file: 'IncidentPage', label: 'page.incident' },
  { id: 'procedures', path: 'procedures', file: 'ProceduresPage', key: 'p', label: 'page.procedures' },
  { id: 'shift', path: 'shift', file: 'ShiftPage', key: 's', label: 'page.shift' },
  { id: 'rules', path: 'rules', file: 'RulesPage', key: 'r', label: 'page.rules' },
  { id: 'entities', path: 'entities', file: 'EntitiesPage', key: 'e', label: 'page.entities' },
  { id: 'entity', path: 'entities', one: true, file: 'EntityPage', label: 'page.entity' },
  { id: 'health', path: 'health', file: 'HealthPage', key: 'h', label: 'page.health' },
  { id: 'style', path: 'style', file: 'StylePage', label: 'page.style' },
]

const FILES = import.meta.glob<{ default: Component<PageProps> }>('../pages/*Page.svelte')

function loader(page: Page) {
  return FILES[`../pages/${page.file}.svelte`]
}

/** The pages that are there. */
export const offered: readonly Page[] = PAGES.filter(loader)

/** The page of a path and the id in it; null where there is none. A page with an `id` takes it where no other does. */
export function pageOf(path: string): { page: Page; id: string | null } | null {
  const slash = path.indexOf('/')
  const first = slash < 0 ? path : path.slice(0, slash)
  const id = slash < 0 ? null : path.slice(slash + 1)
  const fitting = offered.filter((page) => page.path === first)
  const page = fitting.find((each) => !!each.one === (id !== null)) ?? fitting[0]
  return page && (page.path !== '' || id === null) ? { page, id } : null
}

/** The page's component; rejects where the server no longer has the file (it was updated): load the app anew. */
export async function loadPage(page: Page): Promise<Component<PageProps>> {
  const load = loader(page)
  if (!load) throw new Error(`no page ${page.id}`)
  return (await load()).default
}
