// The map's symbols, drawn on a canvas from the same paths as the legend's.
import type { Map as MapLibre } from 'maplibre-gl'
import type { Mark, Shape, Status } from '../lib/status'
import { FILL, MARKS, PATHS, SEVERITY } from '../lib/status'
import type { Palette } from './style'

const RATIO = 2

interface Look {
  shape: Shape
  fill: string
  line: string
  size: number
  hollow?: boolean
  dashed?: boolean
  inside?: string
}

function draw(look: Look): ImageData {
  const pixels = look.size * RATIO
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = pixels
  const pen = canvas.getContext('2d')!
  const margin = 1.5
  const scale = ((look.size - 2 * margin) / 16) * RATIO
  pen.translate(margin * RATIO, margin * RATIO)
  pen.scale(scale, scale)
  const path = new Path2D(PATHS[look.shape])
  const width = (RATIO * 1.5) / scale
  pen.lineJoin = 'round'
  pen.fillStyle = look.hollow ? (look.inside ?? 'transparent') : look.fill
  pen.fill(path)
  if (look.dashed) pen.setLineDash([2.6, 1.8])
  if (look.hollow) {
    pen.strokeStyle = look.line
    pen.lineWidth = width * 2.2
    pen.setLineDash([])
    pen.stroke(path)
    if (look.dashed) pen.setLineDash([2.6, 1.8])
    pen.strokeStyle = look.fill
    pen.lineWidth = width * 1.4
  } else {
    pen.strokeStyle = look.line
    pen.lineWidth = width
  }
  pen.stroke(path)
  return pen.getImageData(0, 0, pixels, pixels)
}

export const normalIcon = (layer: string) => `normal:${layer}`
export const statusIcon = (status: Status) => `status:${status}`
export const clusterIcon = (status: Status) => `cluster:${status}`
export const normalClusterIcon = (layer: string) => `cluster:normal:${layer}`
export const vehicleIcon = (status: Status) => `vehicle:${status}`

function put(map: MapLibre, name: string, look: Look): void {
  if (map.hasImage(name)) map.removeImage(name)
  map.addImage(name, draw(look), { pixelRatio: RATIO })
}

/** The symbols that every layer shares: one per state, also as an arrow for what moves. */
export function addStatusIcons(map: MapLibre, palette: Palette): void {
  for (const status of SEVERITY) {
    const mark: Mark = MARKS[status]
    put(map, statusIcon(status), { ...mark, fill: FILL[status], line: palette.ring, size: 19, inside: palette.halo })
    put(map, clusterIcon(status), { shape: clusterShape(status), fill: FILL[status], line: palette.ring, size: 36 })
    put(map, vehicleIcon(status), { shape: 'vehicle', fill: FILL[status], line: palette.ring, size: 21 })
  }
}

/** Shapes that hold a number: a triangle would leave no room for it. */
function clusterShape(status: Status): Shape {
  return status === 'critical' ? 'square' : status === 'offline' ? 'circle' : status === 'advisory' ? 'diamond' : 'hexagon'
}

/** The quiet symbol of one layer's normal objects. */
export function addLayerIcon(map: MapLibre, layer: string, shape: Shape, hue: string, palette: Palette): void {
  put(map, normalClusterIcon(layer), { shape: 'circle', fill: hue, line: palette.halo, size: 36 })
  const drawn = shape === 'line' || shape === 'fill' ? 'circle' : shape
  put(map, normalIcon(layer), { shape: drawn, fill: hue, line: palette.halo, size: drawn === 'vehicle' ? 19 : 14 })
}
