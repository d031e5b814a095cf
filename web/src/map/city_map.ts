// The live map: the base style, the city's layers over it, what is selected, and what the pointer meets.
import type { GeoJSONSource, MapGeoJSONFeature, PointLike } from 'maplibre-gl'
import { Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from 'maplibre-gl'
import 'maplibre-gl/dist/maplibre-gl.css'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'
import type { City, Layer, StreamView } from '../lib/api'
import type { Diff } from '../lib/layer_data'
import type { Language } from '../lib/messages'
import { message } from '../lib/messages'
import { holds, widened } from '../lib/port'
import type { Camera } from '../lib/view'
import { NO_BASE, loadBase } from './base'
import { addStatusIcons } from './icons'
import { addLayer, drawDiff, sourceOf } from './layers'
import { DARK, LIGHT, PLACE_LAYER, baseStyle, placeText } from './style'

setWorkerUrl(new URL(workerUrl, document.baseURI).href)

export interface Met {
  layer: string
  id: string
  x: number
  y: number
  /** The place of a cluster, which is no object of its own. */
  cluster?: [number, number]
}

export interface MapListener {
  pick(met: Met | null): void
  hover(met: Met | null): void
  moved(camera: Camera): void
  /** What is seen, with a margin so that small moves ask for nothing new. */
  looked(view: StreamView): void
  zoomed(zoom: number): void
  /** The style is new, so every layer is to be drawn anew. */
  restyled(): void
}

const SELECTED = 'selected'
const REACH = 6

export class CityMap {
  readonly map: MapLibre
  private base = NO_BASE
  private ready = false
  private layers: Layer[] = []
  private visible = new Set<string>()
  private selected: GeoJSON.Geometry | null = null

  constructor(
    container: HTMLElement,
    private readonly city: City,
    camera: Camera | null,
    private dark: boolean,
    private language: Language,
    private readonly listener: MapListener,
  ) {
    this.map = new MapLibre({
      container,
      style: this.style(),
      center: camera ? [camera.lon, camera.lat] : city.center,
      zoom: camera?.zoom ?? city.zoom,
      maxZoom: 18,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: 0,
      locale: mapWords(language),
    })
    if (!camera) this.home(false)
    this.look()
    this.map.touchZoomRotate.disableRotation()
    this.map.addControl(new NavigationControl({ showCompass: false }), 'bottom-right')
    this.map.addControl(new ScaleControl({ unit: 'metric' }), 'bottom-left')
    this.listen()
    void loadBase()
      .then((base) => {
        this.base = base
        if (this.ready) this.drawBase()
      })
      .catch(() => undefined)
  }

  private get palette() {
    return this.dark ? DARK : LIGHT
  }

  private style() {
    return baseStyle(this.palette, this.language, NO_BASE)
  }

  private listen(): void {
    const { map } = this
    map.on('style.load', () => this.build())
    map.on('moveend', () => {
      const { lng, lat } = map.getCenter()
      this.listener.moved({ lon: lng, lat, zoom: map.getZoom() })
      this.listener.zoomed(map.getZoom())
      this.look()
    })
    map.on('click', (event) => {
      const met = this.meet(event.point.x, event.point.y)
      if (met?.cluster) this.map.easeTo({ center: met.cluster, zoom: map.getZoom() + 2, duration: calm() ? 0 : 500 })
      else this.listener.pick(met)
    })
    map.on('mousemove', (event) => {
      const met = this.meet(event.point.x, event.point.y)
      map.getCanvas().style.cursor = met ? 'pointer' : ''
      this.listener.hover(met)
    })
    map.on('mouseout', () => this.listener.hover(null))
    map.on('movestart', () => this.listener.hover(null))
  }

  private asked: StreamView | null = null

  /** Asks for another part of the city once the view leaves the part asked for, or its clusters are too coarse or fine. */
  private look(): void {
    const bounds = this.map.getBounds()
    const box = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()]
    const zoom = this.map.getZoom()
    if (holds(this.asked, box, zoom)) return
    this.asked = widened(box, zoom)
    this.listener.looked(this.asked)
  }

  /** Puts the city's layers on a style that has just been loaded. */
  private build(): void {
    const { palette, map } = this
    addStatusIcons(map, palette)
    const hues = palette.hues
    const below = (shape: Layer['shape']) => (shape === 'fill' ? 0 : shape === 'line' ? 1 : shape === 'vehicle' ? 3 : 2)
    const ordered = this.layers.map((layer, place) => ({ layer, hue: hues[place % hues.length]! }))
    ordered.sort((a, b) => below(a.layer.shape) - below(b.layer.shape))
    const ground = ordered.find(({ layer }) => layer.shape === 'fill')
    for (const each of ordered) addLayer(map, each.layer, each.hue, palette, each === ground)
    this.addSelection()
    this.drawBase()
    this.ready = true
    this.showVisible()
    this.listener.zoomed(this.map.getZoom())
    this.listener.restyled()
  }

  /** The base may come before or after the style: the map does not wait for it. */
  private drawBase(): void {
    void (this.map.getSource('land') as GeoJSONSource | undefined)?.setData(this.base.land)
    void (this.map.getSource('borders') as GeoJSONSource | undefined)?.setData(this.base.borders)
  }

  private addSelection(): void {
    const { map, palette } = this
    map.addSource(SELECTED, { type: 'geojson', data: selection(this.selected) })
    const line = { 'line-color': palette.selected, 'line-width': 3 }
    map.addLayer({ id: 'selected:line', source: SELECTED, type: 'line', filter: ['!=', ['geometry-type'], 'Point'], paint: line })
    map.addLayer({
      id: 'selected:point',
      source: SELECTED,
      type: 'circle',
      filter: ['==', ['geometry-type'], 'Point'],
      paint: {
        'circle-radius': 14,
        'circle-color': palette.selected,
        'circle-opacity': 0.15,
        'circle-stroke-color': palette.selected,
        'circle-stroke-width': 2.5,
      },
    })
  }

  /** A new style: what is drawn until it has come would be lost, so nothing is. */
  private restyle(): void {
    this.ready = false
    this.map.setStyle(this.style(), { diff: false })
  }

  setLayers(layers: Layer[]): void {
    const same = drawnAs(layers) === drawnAs(this.layers)
    this.layers = layers
    if (!same && this.ready) this.restyle()
  }

  /** Whether the style is there, so that what is drawn now stays. */
  get drawable(): boolean {
    return this.ready
  }

  setVisible(ids: Iterable<string>): void {
    this.visible = new Set(ids)
    if (this.ready) this.showVisible()
  }

  private showVisible(): void {
    for (const layer of this.layers) {
      const visibility = this.visible.has(layer.id) ? 'visible' : 'none'
      for (const id of this.styleIds(layer.id)) this.map.setLayoutProperty(id, 'visibility', visibility)
    }
  }

  private styleIds(layer: string): string[] {
    const parts = ['area', 'edge', 'line', 'name', 'cluster', 'point'].map((part) => `${sourceOf(layer)}:${part}`)
    return parts.filter((id) => this.map.getLayer(id))
  }

  draw(layer: Layer, diff: Diff): void {
    if (this.ready) drawDiff(this.map, layer, diff, this.language)
  }

  setDark(dark: boolean): void {
    if (dark === this.dark) return
    this.dark = dark
    this.restyle()
  }

  setLanguage(language: Language): void {
    if (language === this.language) return
    this.language = language
    this.map.getCanvas().setAttribute('aria-label', message(language, 'map.label'))
    if (!this.ready) return
    this.map.setLayoutProperty(PLACE_LAYER, 'text-field', placeText(language) as never)
    this.listener.restyled()
  }

  select(geometry: GeoJSON.Geometry | null): void {
    this.selected = geometry
    const source = this.map.getSource(SELECTED) as GeoJSONSource | undefined
    void source?.setData(selection(geometry))
  }

  flyTo([lon, lat]: [number, number], zoom = 11.5): void {
    // On a phone a sheet covers the lower part: the object goes to the middle of what is left.
    const offset: [number, number] = innerWidth <= 760 ? [0, -this.map.getContainer().clientHeight * 0.3] : [0, 0]
    const duration = calm() ? 0 : 500
    this.map.easeTo({ center: [lon, lat], zoom: Math.max(this.map.getZoom(), zoom), offset, duration })
  }

  home(animate = true): void {
    const { bounds, center, zoom } = this.city
    const duration = animate && !calm() ? 500 : 0
    if (bounds) this.map.fitBounds(bounds, { padding: 24, duration })
    else this.map.easeTo({ center, zoom: zoom + this.narrowness(), duration })
  }

  /** The city's zoom is meant for a desk's screen; a smaller one shows the same area. */
  private narrowness(): number {
    const { clientWidth, clientHeight } = this.map.getContainer()
    return Math.min(0, Math.log2(Math.min(clientWidth, clientHeight) / 720))
  }

  resize(): void {
    this.map.resize()
    this.look()
  }

  destroy(): void {
    this.map.remove()
  }

  /** The topmost object near a pixel; points win over lines, lines over areas. */
  private meet(x: number, y: number): Met | null {
    if (!this.ready) return null
    const layers = this.layers.flatMap((layer) => this.styleIds(layer.id).filter((id) => /:(area|line|cluster|point)$/.test(id)))
    const box: [PointLike, PointLike] = [
      [x - REACH, y - REACH],
      [x + REACH, y + REACH],
    ]
    const found = this.map.queryRenderedFeatures(box, { layers })
    const best = found.find(isPoint) ?? found.find((each) => each.layer.type === 'line') ?? this.area(x, y, layers)
    if (!best) return null
    const met: Met = { layer: best.source.replace('city:', ''), id: String(best.properties['id']), x, y }
    if (best.properties['count'] > 0 && best.geometry.type === 'Point') met.cluster = best.geometry.coordinates as [number, number]
    return met
  }

  private area(x: number, y: number, layers: string[]): MapGeoJSONFeature | undefined {
    return this.map.queryRenderedFeatures([x, y], { layers }).find((each) => each.layer.type === 'fill')
  }
}

/** What of the declarations the style depends on; counts, for one, change without a new style. */
function drawnAs(layers: Layer[]): string {
  return JSON.stringify(layers.map(({ id, shape, min_zoom }) => [id, shape, min_zoom]))
}

function isPoint(feature: MapGeoJSONFeature): boolean {
  return feature.layer.type === 'symbol'
}

function selection(geometry: GeoJSON.Geometry | null): GeoJSON.FeatureCollection {
  return { type: 'FeatureCollection', features: geometry ? [{ type: 'Feature', properties: {}, geometry }] : [] }
}

function calm(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches
}

function mapWords(language: Language): Record<string, string> {
  return {
    'Map.Title': message(language, 'map.label'),
    'NavigationControl.ZoomIn': message(language, 'map.zoomIn'),
    'NavigationControl.ZoomOut': message(language, 'map.zoomOut'),
    'NavigationControl.ResetBearing': message(language, 'map.north'),
  }
}
