// What part of the earth a map of a size shows: asked of the server before the map itself is there.
import type { City, StreamView } from './api'
import type { Camera } from './view'

/** The world is so many pixels wide at zoom 0. */
const WORLD = 512
/** How far beyond its edges, in its own size, a view asks for objects, so that small moves ask for nothing new. */
const MARGIN = 0.3
const EDGE = 85

/** The view of a camera on a map of this size in pixels. */
export function viewOf(camera: Camera, width: number, height: number): StreamView {
  const perPixel = 360 / (WORLD * 2 ** camera.zoom)
  const dx = (width * perPixel) / 2
  const dy = ((height * perPixel) / 2) * Math.cos((camera.lat * Math.PI) / 180)
  return widened([camera.lon - dx, camera.lat - dy, camera.lon + dx, camera.lat + dy], camera.zoom)
}

/** Where the map of the whole city begins: its bounds where it says them, else its centre. */
export function homeOf(city: City, width: number, height: number): Camera {
  const padding = 24
  if (!city.bounds) {
    const narrow = Math.min(0, Math.log2(Math.min(width, height) / 720))
    return { lon: city.center[0], lat: city.center[1], zoom: city.zoom + narrow }
  }
  const [west, south, east, north] = city.bounds
  const lat = (south + north) / 2
  const wide = (Math.max(1, width - 2 * padding) * 360) / (WORLD * Math.max(1e-6, east - west))
  const high = (Math.max(1, height - 2 * padding) * 360 * Math.cos((lat * Math.PI) / 180)) / (WORLD * Math.max(1e-6, north - south))
  return { lon: (west + east) / 2, lat, zoom: Math.log2(Math.min(wide, high)) }
}

/** A box and its margin; zooms between whole numbers cluster like the one below. */
export function widened([west, south, east, north]: number[], zoom: number): StreamView {
  const [dx, dy] = [(east! - west!) * MARGIN, (north! - south!) * MARGIN]
  const round = (degrees: number, most: number) => Math.max(-most, Math.min(most, Math.round(degrees * 1e5) / 1e5))
  return {
    bbox: [round(west! - dx, 180), round(south! - dy, EDGE), round(east! + dx, 180), round(north! + dy, EDGE)],
    zoom: Math.max(0, Math.floor(zoom)),
  }
}

/** Whether all of a box lies in what was asked for, at the same zoom. */
export function holds(asked: StreamView | null, [west, south, east, north]: number[], zoom: number): boolean {
  if (!asked || asked.zoom !== Math.max(0, Math.floor(zoom))) return false
  const [w, s, e, n] = asked.bbox
  return w <= Math.max(west!, -180) && s <= Math.max(south!, -EDGE) && e >= Math.min(east!, 180) && n >= Math.min(north!, EDGE)
}
