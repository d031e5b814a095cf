// The schematic base style in both themes: sea, land, borders and place names, all from the app's own files.
import type { StyleSpecification } from 'maplibre-gl'
import latin from '@fontsource-variable/inter/files/inter-latin-wght-normal.woff2?url'
import latinExt from '@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2?url'
import vietnamese from '@fontsource-variable/inter/files/inter-vietnamese-wght-normal.woff2?url'
import type { Language } from '../lib/messages'
import { placesGeoJson } from './places'

export interface Palette {
  sea: string
  land: string
  border: string
  ink: string
  muted: string
  halo: string
  area: string
  areaLine: string
  selected: string
  ring: string
  /** Quiet colours of layers, told apart by hue; bright colours are for what is abnormal. */
  hues: string[]
}

export const LIGHT: Palette = {
  sea: '#d7e1ea',
  land: '#f3f4f2',
  border: '#a9b3bd',
  ink: '#27313c',
  muted: '#5a6672',
  halo: '#ffffff',
  area: '#e4e9ec',
  areaLine: '#b4bfc9',
  selected: '#0b63c4',
  ring: '#1c2530',
  hues: ['#46688a', '#4f7a55', '#8a6442', '#6a5b94', '#39777f', '#8f5672', '#666a38', '#5c6875'],
}

export const DARK: Palette = {
  sea: '#0b1016',
  land: '#141a21',
  border: '#46525f',
  ink: '#dbe2ea',
  muted: '#94a1ae',
  halo: '#0e1319',
  area: '#1b232c',
  areaLine: '#3a4652',
  selected: '#6cb0ff',
  ring: '#f2f5f8',
  hues: ['#8fb3d6', '#96c39d', '#d2ab83', '#b6a6de', '#86c5cc', '#dca0bd', '#bcc080', '#a5b2c0'],
}

const VIETNAMESE = [
  'U+0102-0103', 'U+0110-0111', 'U+0128-0129', 'U+0168-0169', 'U+01A0-01A1', 'U+01AF-01B0',
  'U+0300-0301', 'U+0303-0304', 'U+0308-0309', 'U+0323', 'U+0329', 'U+1EA0-1EF9', 'U+20AB',
]
const LATIN = ['U+0000-00FF', 'U+0131', 'U+0152-0153', 'U+02BB-02BC', 'U+02C6', 'U+02DA', 'U+02DC', 'U+2000-206F', 'U+20AC', 'U+2122', 'U+2191', 'U+2193', 'U+2212']
const LATIN_EXT = ['U+0100-02BA', 'U+02BD-02C5', 'U+1E00-1E9F', 'U+1EF2-1EFF']

export const FONT = ['Inter']

/** A name moves off the symbols that stand where it would be written. */
export const ANCHORS = { 'text-variable-anchor': ['center', 'top', 'bottom', 'left', 'right'], 'text-radial-offset': 0.7 }

const absolute = (url: string) => new URL(url, document.baseURI).href

export interface BaseData {
  land: GeoJSON.FeatureCollection | GeoJSON.Feature
  borders: GeoJSON.Feature
}

/** The whole base style; the city's own layers are added over it. */
export function baseStyle(palette: Palette, language: Language, base: BaseData): StyleSpecification {
  const style = {
    version: 8,
    'font-faces': {
      Inter: [
        { url: absolute(vietnamese), 'unicode-range': VIETNAMESE },
        { url: absolute(latinExt), 'unicode-range': LATIN_EXT },
        { url: absolute(latin), 'unicode-range': LATIN },
      ],
    },
    sources: {
      land: { type: 'geojson', data: base.land },
      borders: { type: 'geojson', data: base.borders },
      places: { type: 'geojson', data: placesGeoJson() },
    },
    layers: [
      { id: 'sea', type: 'background', paint: { 'background-color': palette.sea } },
      { id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': palette.land, 'fill-antialias': true } },
      {
        id: 'borders',
        type: 'line',
        source: 'borders',
        paint: { 'line-color': palette.border, 'line-width': 1, 'line-dasharray': [4, 2] },
      },
      placeLayer(palette, language),
    ],
  }
  return style as unknown as StyleSpecification
}

export const PLACE_LAYER = 'places'

export function placeText(language: Language) {
  return ['get', language]
}

function placeLayer(palette: Palette, language: Language) {
  const rank = ['get', 'rank']
  return {
    id: PLACE_LAYER,
    type: 'symbol',
    source: 'places',
    filter: ['<=', rank, ['step', ['zoom'], 0, 5, 1, 6.5, 2, 8, 3, 9, 4, 10.5, 5]],
    layout: {
      'text-field': placeText(language),
      'text-font': FONT,
      'text-size': ['case', ['<=', rank, 1], 14, ['<=', rank, 2], 13, 12],
      'text-letter-spacing': ['match', ['get', 'kind'], 'sea', 0.2, 0],
      'text-max-width': 9,
      ...ANCHORS,
      'symbol-sort-key': rank,
      'text-padding': 6,
    },
    paint: {
      'text-color': ['match', ['get', 'kind'], 'sea', palette.muted, palette.ink],
      'text-halo-color': palette.halo,
      'text-halo-width': 1.4,
      'text-opacity': 0.85,
    },
  }
}
