// How one declared layer is drawn: its sources and style layers, and its features as the map wants them.
import type { GeoJSONSource, LayerSpecification, Map as MapLibre } from 'maplibre-gl'
import type { Layer } from '../lib/api'
import { compact, layerValue, nameIn } from '../lib/format'
import { labelPoint } from '../lib/geometry'
import type { Diff, Shown } from '../lib/layer_data'
import type { Language } from '../lib/messages'
import { FILL, SEVERITY, isAbnormal } from '../lib/status'
import { addLayerIcon, clusterIcon, normalClusterIcon, normalIcon, statusIcon, vehicleIcon } from './icons'
import type { Palette } from './style'
import { ANCHORS, FONT, PLACE_LAYER } from './style'

type Drawn = GeoJSON.Feature & { id: string }

export const sourceOf = (layer: string) => `city:${layer}`
/** Areas are named at one point of their own: the map would name them once in each tile. */
const namesOf = (layer: string) => `${sourceOf(layer)}:names`
const EMPTY: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }

/** The style layers of a layer, lowest first; `ground`: areas on which all else lies, drawn without a hue. */
export function styleLayers(layer: Layer, hue: string, palette: Palette, ground: boolean): LayerSpecification[] {
  const source = sourceOf(layer.id)
  const base = { source, minzoom: layer.min_zoom }
  const colour = ['match', ['get', 'status'], ...SEVERITY.filter(isAbnormal).flatMap((s) => [s, FILL[s]]), hue]
  const onPoints = ['==', ['geometry-type'], 'Point']
  const layers: unknown[] = []
  if (layer.shape === 'fill') {
    layers.push(
      { ...base, id: `${source}:area`, type: 'fill', filter: ['!', onPoints], paint: areaPaint(ground ? palette.area : hue, ground ? 0.65 : 0.22) },
      { ...base, id: `${source}:edge`, type: 'line', filter: ['!', onPoints], paint: { 'line-color': ground ? palette.areaLine : hue, 'line-width': 1 } },
    )
  } else {
    layers.push({
      ...base,
      id: `${source}:line`,
      type: 'line',
      filter: ['!', onPoints],
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': colour, 'line-width': ['interpolate', ['linear'], ['zoom'], 8, 1.5, 13, 4], 'line-opacity': 0.75 },
    })
  }
  if (layer.shape === 'fill') layers.push(nameLayer(layer, palette, ground))
  else layers.push(clusterLayer(layer, base, palette), pointLayer(layer, base, palette, ['all', onPoints, ['!', IS_CLUSTER]]))
  return layers as LayerSpecification[]
}

const IS_CLUSTER = ['>', ['get', 'count'], 0]

/** Many objects as one circle with their number; its ring is of the worst state, and it grows with the number. */
function clusterLayer(layer: Layer, base: object, palette: Palette) {
  const abnormal = ['get', 'abnormal']
  return {
    ...base,
    id: `${sourceOf(layer.id)}:cluster`,
    type: 'symbol',
    filter: IS_CLUSTER,
    layout: {
      'icon-image': ['get', 'icon'],
      'icon-size': ['interpolate', ['linear'], ['log10', ['get', 'count']], 0.3, 0.7, 2, 1, 4, 1.5],
      'icon-allow-overlap': true,
      'icon-ignore-placement': true,
      'symbol-sort-key': ['get', 'order'],
      'text-field': ['get', 'label'],
      'text-font': FONT,
      'text-size': 11,
      'text-allow-overlap': true,
      'text-ignore-placement': true,
    },
    paint: { 'text-color': ['case', abnormal, ['match', ['get', 'status'], 'critical', '#ffffff', '#000000'], palette.halo] },
  }
}

function areaPaint(normal: string, opacity: number) {
  const colour = ['match', ['get', 'status'], ...SEVERITY.filter(isAbnormal).flatMap((s) => [s, FILL[s]]), normal]
  return { 'fill-color': colour, 'fill-opacity': ['match', ['get', 'status'], 'ok', opacity, 'unknown', opacity, 0.4] }
}

function nameLayer(layer: Layer, palette: Palette, ground: boolean) {
  return {
    id: `${sourceOf(layer.id)}:name`,
    source: namesOf(layer.id),
    type: 'symbol',
    minzoom: Math.max(ground ? 10 : 11, layer.min_zoom),
    layout: { 'text-field': ['get', 'label'], 'text-font': FONT, 'text-size': 11, 'text-max-width': 8, 'text-padding': 2, ...ANCHORS },
    paint: { 'text-color': palette.muted, 'text-halo-color': palette.halo, 'text-halo-width': 1.2 },
  }
}

function pointLayer(layer: Layer, base: object, palette: Palette, onPoints: unknown) {
  const moves = layer.shape === 'vehicle'
  const abnormal = ['get', 'abnormal']
  // What is abnormal is never small.
  const size = (low: number, high: number) => ['interpolate', ['linear'], ['zoom'], 8, ['case', abnormal, 1, low], 12, ['case', abnormal, 1.1, high]]
  return {
    ...base,
    id: `${sourceOf(layer.id)}:point`,
    type: 'symbol',
    filter: onPoints,
    layout: {
      'icon-image': ['get', 'icon'],
      'icon-size': moves ? size(0.8, 1.2) : size(0.75, 1),
      'icon-rotate': ['get', 'heading'],
      'icon-rotation-alignment': moves ? 'map' : 'viewport',
      'icon-allow-overlap': true,
      // What stands still keeps labels off itself; what moves would make them jump.
      'icon-ignore-placement': moves,
      'symbol-sort-key': ['get', 'order'],
      'text-field': ['step', ['zoom'], ['case', abnormal, ['get', 'label'], ''], 12, ['get', 'label']],
      'text-font': FONT,
      'text-size': 11,
      'text-anchor': 'left',
      'text-offset': [1.4, 0],
      'text-optional': true,
      'text-padding': 2,
    },
    paint: {
      'icon-opacity': ['case', ['get', 'stale'], 0.5, 1],
      'text-color': ['case', abnormal, palette.ink, palette.muted],
      'text-halo-color': palette.halo,
      'text-halo-width': 1.4,
    },
  }
}

/** Adds a layer's source, symbol and style layers; areas go below the place names. */
export function addLayer(map: MapLibre, layer: Layer, hue: string, palette: Palette, ground: boolean): void {
  addLayerIcon(map, layer.id, layer.shape, hue, palette)
  map.addSource(sourceOf(layer.id), { type: 'geojson', data: EMPTY, promoteId: 'id' })
  if (layer.shape === 'fill') map.addSource(namesOf(layer.id), { type: 'geojson', data: EMPTY, promoteId: 'id' })
  const before = layer.shape === 'fill' ? PLACE_LAYER : undefined
  for (const each of styleLayers(layer, hue, palette, ground)) map.addLayer(each, before)
}

/** Draws what changed. Not awaited: the source gathers what comes while its worker is busy. */
export function drawDiff(map: MapLibre, layer: Layer, diff: Diff, language: Language): void {
  const shown = ('all' in diff ? diff.all : diff.changed).map((each) => drawn(layer, each, language))
  update(map, sourceOf(layer.id), shown, diff)
  if (layer.shape === 'fill') update(map, namesOf(layer.id), shown.map(atLabelPoint), diff)
}

function update(map: MapLibre, source: string, features: Drawn[], diff: Diff): void {
  const found = map.getSource(source) as GeoJSONSource | undefined
  if ('all' in diff) void found?.setData({ type: 'FeatureCollection', features })
  else void found?.updateData({ add: features, remove: diff.removed })
}

function atLabelPoint(feature: Drawn): Drawn {
  return { ...feature, geometry: { type: 'Point', coordinates: labelPoint(feature.geometry) ?? [0, 0] } }
}

function drawn(layer: Layer, feature: Shown, language: Language): Drawn {
  const { id, status, stale, geometry, heading } = feature
  const abnormal = isAbnormal(status)
  return {
    type: 'Feature',
    id,
    geometry,
    properties: {
      id,
      status,
      stale,
      abnormal,
      count: feature.count ?? 0,
      heading: layer.shape === 'vehicle' ? (heading ?? 0) : 0,
      order: -SEVERITY.indexOf(status),
      label: labelOf(layer, feature, language),
      icon: iconOf(layer, feature, abnormal),
    },
  }
}

function iconOf(layer: Layer, { status, count }: Shown, abnormal: boolean): string {
  if (count !== null) return abnormal ? clusterIcon(status) : normalClusterIcon(layer.id)
  if (!abnormal) return normalIcon(layer.id)
  return layer.shape === 'vehicle' ? vehicleIcon(status) : statusIcon(status)
}

function labelOf(layer: Layer, feature: Shown, language: Language): string {
  if (feature.count !== null) return compact(language, feature.count)
  if (layer.shape === 'fill') return nameIn(language, feature.name)
  if (layer.shape === 'vehicle' || feature.value === null) return ''
  return layerValue(language, layer, feature.value)
}
