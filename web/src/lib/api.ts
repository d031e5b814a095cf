// Calls to the operations API, typed by its schema; failures become one kind of error with a readable detail.
import type { components } from './api.gen'
import { operatorId } from './operator'

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
export type Counts = Schemas['CountsEvent']
export type StreamView = Schemas['StreamView']

export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    /** The server's problem document, where it sent one. */
    readonly problem: Record<string, unknown> = {},
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

/** Headers of every call: who acts, and the token where the server has asked for one. */
export function headers(accept = 'application/json'): Record<string, string> {
  const told: Record<string, string> = { accept }
  const token = sessionStorage.getItem(TOKEN)
  if (token) told['authorization'] = `Bearer ${token}`
  const operator = operatorId()
  if (operator) told['x-dothi-operator'] = operator
  return told
}

/** An address beside the page, wherever the page is served from. */
export function address(path: string): string {
  return new URL(path, document.baseURI).href
}

/** Reads JSON: `get<Alarm[]>('api/alarms?state=active')`. Throws Failure. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, { signal: signal ?? null })
  return (await response.json()) as T
}

/** Sends JSON and reads the answer; null where the server has nothing to say. Throws Failure, `problem` holding its document. */
export async function send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const how: RequestInit = { method }
  if (body !== undefined) how.body = JSON.stringify(body)
  const text = await (await ask(path, how)).text()
  return (text ? JSON.parse(text) : null) as T
}

/** A call as it is; throws Failure where the answer is no success. */
export async function ask(path: string, how: RequestInit = {}, accept?: string): Promise<Response> {
  let response: Response
  // The server takes a change only as JSON, which no page of another site can send.
  const changes = how.method !== undefined && how.method !== 'GET'
  const told = changes ? { ...headers(accept), 'content-type': 'application/json' } : headers(accept)
  try {
    response = await fetch(address(path), { ...how, headers: told })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Failure(0, '')
  }
  if (!response.ok) throw await failureOf(response)
  return response
}

async function failureOf(response: Response): Promise<Failure> {
  const text = await response.text()
  try {
    const problem = JSON.parse(text) as Record<string, unknown>
    return new Failure(response.status, String(problem['detail'] ?? text), problem)
  } catch {
    return new Failure(response.status, `${response.status} ${response.statusText}`)
  }
}

const part = encodeURIComponent

export const readCity = () => get<City>('api/city')
export const readLayers = () => get<Layer[]>('api/layers')
export const readEntity = (id: string, signal?: AbortSignal) => get<Entity>(`api/entities/${part(id)}`, signal)
/** As it was; `query` is what the time machine adds to an address: `&at=…`. */
export const readPastEntity = (id: string, query: string, signal?: AbortSignal) =>
  get<Entity>(`api/as-of/entities/${part(id)}?${query.slice(1)}`, signal)
export const readRaw = (id: string) => get<unknown>(`ngsi-ld/v1/entities/${part(id)}`)
export const readConnectors = () => get<Connector[]>('api/connectors')
export const readDeadLetters = () => get<DeadLetters>('api/dead-letters?limit=50')

/** Sends an undelivered notification again. */
export async function resend(id: string): Promise<void> {
  await send('POST', `api/dead-letters/${part(id)}/resend`)
}

export function search(text: string, signal?: AbortSignal) {
  return get<{ hits: Hit[]; total: number }>(`api/search?limit=12&q=${part(text)}`, signal)
}

/** The past of an attribute between two moments in milliseconds, in at most about `points` rows. */
export function readHistory(id: string, attribute: string, start: number, end: number, points: number, signal?: AbortSignal) {
  const query = new URLSearchParams({
    attribute,
    start: new Date(start).toISOString(),
    end: new Date(end).toISOString(),
    points: String(points),
  })
  return get<History>(`api/history/${part(id)}?${query}`, signal)
}

/** The command that reads the entity from the standard API; the token itself stays out of the clipboard. */
export function curlOf(id: string): string {
  const token = sessionStorage.getItem(TOKEN) ? ' -H "Authorization: Bearer $TOKEN"' : ''
  return `curl -s -H 'Accept: application/ld+json'${token} '${address(`ngsi-ld/v1/entities/${part(id)}`)}'`
}
