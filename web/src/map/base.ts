// The land and the borders of the world, read once from the app's own copy of Natural Earth 1:50m.
import { feature, mesh } from 'topojson-client'
import type { GeometryCollection, Topology } from 'topojson-specification'
import countriesUrl from 'world-atlas/countries-50m.json?url'
import type { BaseData } from './style'

type World = Topology<{ countries: GeometryCollection; land: GeometryCollection }>

export const NO_BASE: BaseData = {
  land: { type: 'FeatureCollection', features: [] },
  borders: { type: 'Feature', properties: {}, geometry: { type: 'MultiLineString', coordinates: [] } },
}

/** Rejects where the file cannot be read; the map then goes on without land. */
export async function loadBase(): Promise<BaseData> {
  const response = await fetch(new URL(countriesUrl, document.baseURI))
  const world = (await response.json()) as World
  return {
    land: feature(world, world.objects.land),
    borders: {
      type: 'Feature',
      properties: {},
      geometry: mesh(world, world.objects.countries, (a, b) => a !== b),
    },
  }
}
