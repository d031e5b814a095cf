// What is seen as an address: camera, layers, selected entity, open panel and language, so that any screen is a link.
import type { Language } from './messages'
import { LANGUAGES } from './messages'

export type Side = 'layers' | 'sources' | null

export interface Camera {
  lon: number
  lat: number
  zoom: number
}

export interface View {
  camera: Camera | null
  /** Ids of the layers shown; null: those that the city shows by default. */
  layers: string[] | null
  entity: string | null
  side: Side | undefined
  language: Language | null
}

export function parseView(search: string): View {
  const query = new URLSearchParams(search)
  const [zoom, lat, lon] = (query.get('map') ?? '').split('/').map(Number)
  const layers = query.get('layers')
  const side = query.get('side')
  const language = LANGUAGES.find((each) => each === query.get('lang')) ?? null
  return {
    camera: isCamera(lon, lat, zoom) ? { lon: lon!, lat: lat!, zoom: zoom! } : null,
    layers: layers === null ? null : layers.split(',').filter(Boolean),
    entity: query.get('id'),
    side: side === 'none' ? null : side === 'layers' || side === 'sources' ? side : undefined,
    language,
  }
}

export function formatView(view: View): string {
  const query = new URLSearchParams()
  if (view.camera) {
    const { zoom, lat, lon } = view.camera
    query.set('map', `${zoom.toFixed(2)}/${lat.toFixed(5)}/${lon.toFixed(5)}`)
  }
  if (view.layers) query.set('layers', view.layers.join(','))
  if (view.entity) query.set('id', view.entity)
  if (view.side !== undefined) query.set('side', view.side ?? 'none')
  if (view.language) query.set('lang', view.language)
  const text = query.toString().replaceAll('%2F', '/').replaceAll('%2C', ',').replaceAll('%3A', ':')
  return text ? `?${text}` : ''
}

function isCamera(lon?: number, lat?: number, zoom?: number): boolean {
  return [lon, lat, zoom].every((each) => Number.isFinite(each)) && Math.abs(lon!) <= 180 && Math.abs(lat!) <= 85
}
