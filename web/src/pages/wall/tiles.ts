// What the wall's tiles say of a layer: how many objects, how many abnormal, the worst of them.
import type { Layer } from '../../lib/api'
import type { LayerData, Shown } from '../../lib/layer_data'
import type { Status } from '../../lib/status'
import { SEVERITY, isAbnormal } from '../../lib/status'

export interface Tile {
  layer: Layer
  loaded: boolean
  total: number
  abnormal: number
  worst: Status
  /** The object that is worst off, of equals the one with the greatest value; null where all is normal. */
  example: Shown | null
}

export function tileOf(layer: Layer, data: LayerData | undefined): Tile {
  if (!data?.loaded) return { layer, loaded: false, total: layer.count, abnormal: 0, worst: 'unknown', example: null }
  const counts = data.counts()
  const total = SEVERITY.reduce((sum, status) => sum + counts[status], 0)
  const abnormal = SEVERITY.filter(isAbnormal).reduce((sum, status) => sum + counts[status], 0)
  const worst = SEVERITY.find((status) => isAbnormal(status) && counts[status] > 0) ?? 'ok'
  return { layer, loaded: true, total, abnormal, worst, example: worstObject(data) }
}

function worstObject(data: LayerData): Shown | null {
  let found: Shown | null = null
  for (const each of data.features.values()) {
    if (each.count !== null || !isAbnormal(each.status)) continue
    if (!found || before(each, found)) found = each
  }
  return found
}

function before(a: Shown, b: Shown): boolean {
  const [x, y] = [SEVERITY.indexOf(a.status), SEVERITY.indexOf(b.status)]
  return x !== y ? x < y : Number(a.value ?? -Infinity) > Number(b.value ?? -Infinity)
}

/** What is followed in the trend strip: of each judged layer with numbers the worst object, else any one of it. */
export function followed(layers: readonly Layer[], data: ReadonlyMap<string, LayerData>, most: number): { layer: Layer; object: Shown }[] {
  const found = layers.flatMap((layer) => {
    const held = data.get(layer.id)
    if (!held?.loaded || !layer.value || layer.shape === 'vehicle') return []
    const object = worstObject(held) ?? [...held.features.values()].find((each) => each.count === null && typeof each.value === 'number')
    return object && typeof object.value === 'number' ? [{ layer, object }] : []
  })
  const rank = (each: { object: Shown }) => SEVERITY.indexOf(each.object.status)
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, most)
}
