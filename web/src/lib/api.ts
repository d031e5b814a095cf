// Calls to the operations API, typed by its schema; failures become one kind of error with a readable detail.
import type { components } from './api.gen'

type Schemas = components['schemas']
export type City = Schemas['CityView']
export type Layer = Schemas['LayerShape']
export type Band = Schemas['BandView']
export type Feature = Schemas['FeatureView']
export type Entity = Schemas['EntityView']
export type Attribute = Schemas['AttributeView']
export type History = Schemas['HistoryView']
export type Hit = Schemas['SearchHit']
export type Connector = Schemas['ConnectorView']
export type DeadLetters = Schemas['DeadLettersView']
export type Snapshot = Schemas['SnapshotEvent']
export type Delta = Schemas['DeltaEvent']

export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
  ) {
    super(detail)
  }
}

const TOKEN = 'dothi.token'

/** Keeps the token until the tab is closed. Only these characters can stand in a header. */
export function setToken(token: string): boolean {
  if (!/^[\x21-\x7e]+$/.test(token)) return false
  sessionStorage.setItem(TOKEN, token)
  return true
}

/** Headers of every call; the token only where the server has asked for one. */
export function headers(accept = 'application/json'): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN)
  return token ? { accept, authorization: `Bearer ${token}` } : { accept }
}

/** An address beside the page, wherever the page is served from. */
export function address(path: string): string {
  return new URL(path, document.baseURI).href
}

async function call<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, { signal: signal ?? null })
  return (await response.json()) as T
}

async function ask(path: string, how: RequestInit): Promise<Response> {
  let response: Response
  // The server takes a POST only as JSON, which no page of another site can send.
  const told = how.method === 'POST' ? { ...headers(), 'content-type': 'application/json' } : headers()
  try {
    response = await fetch(address(path), { ...how, headers: told })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Failure(0, '')
  }
  if (!response.ok) throw new Failure(response.status, await detailOf(response))
  return response
}

async function detailOf(response: Response): Promise<string> {
  const text = await response.text()
  try {
    return (JSON.parse(text) as { detail?: string }).detail ?? text
  } catch {
    return `${response.status} ${response.statusText}`
  }
}

const part = encodeURIComponent

export const readCity = () => call<City>('api/city')
export const readLayers = () => call<Layer[]>('api/layers')
export const readEntity = (id: string, signal?: AbortSignal) => call<Entity>(`api/entities/${part(id)}`, signal)
export const readRaw = (id: string) => call<unknown>(`ngsi-ld/v1/entities/${part(id)}`)
export const readConnectors = () => call<Connector[]>('api/connectors')
export const readDeadLetters = () => call<DeadLetters>('api/dead-letters?limit=50')

/** Sends an undelivered notification again. */
export async function resend(id: string): Promise<void> {
  await ask(`api/dead-letters/${part(id)}/resend`, { method: 'POST' })
}

export function search(text: string, signal?: AbortSignal) {
  return call<{ hits: Hit[]; total: number }>(`api/search?limit=12&q=${part(text)}`, signal)
}

/** The past of an attribute between two moments in milliseconds, in at most about `points` rows. */
export function readHistory(id: string, attribute: string, start: number, end: number, points: number, signal?: AbortSignal) {
  const query = new URLSearchParams({
    attribute,
    start: new Date(start).toISOString(),
    end: new Date(end).toISOString(),
    points: String(points),
  })
  return call<History>(`api/history/${part(id)}?${query}`, signal)
}

/** The command that reads the entity from the standard API; the token itself stays out of the clipboard. */
export function curlOf(id: string): string {
  const token = sessionStorage.getItem(TOKEN) ? ' -H "Authorization: Bearer $TOKEN"' : ''
  return `curl -s -H 'Accept: application/ld+json'${token} '${address(`ngsi-ld/v1/entities/${part(id)}`)}'`
}
