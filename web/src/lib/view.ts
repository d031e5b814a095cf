// What the map page shows as an address: camera, layers, selected object and open panel, so that any screen is a link.

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
}

export function parseView(query: URLSearchParams): View {
  const [zoom, lat, lon] = (query.get('map') ?? '').split('/').map(Number)
  const layers = query.get('layers')
  const side = query.get('side')
  return {
    camera: isCamera(lon, lat, zoom) ? { lon: lon!, lat: lat!, zoom: zoom! } : null,
    layers: layers === null ? null : layers.split(',').filter(Boolean),
    entity: query.get('id'),
    side: side === 'none' ? null : side === 'layers' || side === 'sources' ? side : undefined,
  }
}

export function cameraText({ zoom, lat, lon }: Camera): string {
  return `${zoom.toFixed(2)}/${lat.toFixed(5)}/${lon.toFixed(5)}`
}

function isCamera(lon?: number, lat?: number, zoom?: number): boolean {
  return [lon, lat, zoom].every((each) => Number.isFinite(each)) && Math.abs(lon!) <= 180 && Math.abs(lat!) <= 85
}
