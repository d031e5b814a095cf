// Calls and small rules of incidents: what the room reads, what it asks for, which steps need a reason.
import { ask, get, send } from '../../lib/api'
import type { components } from '../../lib/api.gen'

type Schemas = components['schemas']
export type Incident = Schemas['IncidentView']
export type Detail = Schemas['IncidentDetail']
export type Candidate = Schemas['CandidateView']
export type Evidence = Schemas['EvidenceView']
export type Event = Schemas['EventView']
export type Timeline = Schemas['TimelineView']
export type State = Incident['state']
export type Severity = Incident['severity']
export interface Named {
  id: string
  name: string
}
export interface Procedure {
  id: string
  title: { vi: string; en: string }
  category: string
  starts_for: string[]
  retired: boolean
}

const part = encodeURIComponent

export const readIncidents = (state: string, q: string) =>
  get<Schemas['IncidentsView']>(`api/incidents?state=${part(state)}&q=${part(q)}&limit=200`)
export const readCandidates = (hours: number) => get<Schemas['CandidatesView']>(`api/incidents/candidates?hours=${hours}`)
export const readKinds = () => get<Schemas['KindView'][]>('api/incidents/kinds')
export const readIncident = (id: string) => get<Detail>(`api/incidents/${part(id)}`)
export const readTimeline = (id: string) => get<Timeline>(`api/incidents/${part(id)}/timeline`)

export const openIncident = (body: Schemas['OpenBody']) => send<Incident>('POST', 'api/incidents', body)
export const writeDeskNote = (text: string, category: string) => send<Evidence>('POST', 'api/notes', { text, category })

/** Any act on an incident: `act(id, 'state', { state: 'working' })`. */
export const act = <T = Incident>(id: string, deed: string, body: object) => send<T>('POST', `api/incidents/${part(id)}/${deed}`, body)

/** The people of the roster; none where there is no shift desk. */
export async function readPeople(): Promise<Named[]> {
  try {
    return (await get<{ operators: Named[] }>('api/operators')).operators
  } catch {
    return []
  }
}

/** The procedures that may be started; none where there are none. */
export async function readProcedures(): Promise<Procedure[]> {
  try {
    return (await get<{ procedures: Procedure[] }>('api/procedures')).procedures.filter((each) => !each.retired)
  } catch {
    return []
  }
}

export const startProcedure = (procedure: string, subject: string) => send<{ id: string }>('POST', 'api/procedure-runs', { procedure, subject })

/** Brings a file of the incident to the person; the call carries the token, which a plain link could not. */
export async function fetchFile(id: string, file: string): Promise<{ url: string; name: string }> {
  const answer = await ask(`api/incidents/${part(id)}/${file}`, {}, '*/*')
  const name = /filename=([\w.-]+)/.exec(answer.headers.get('content-disposition') ?? '')?.[1] ?? 'incident'
  return { url: URL.createObjectURL(await answer.blob()), name }
}

const ORDER: readonly State[] = ['new', 'confirmed', 'working', 'contained', 'closed']

/** Whether the server will ask why: closing, and going back. */
export function needsReason(from: State, to: State): boolean {
  return to === 'closed' || ORDER.indexOf(to) < ORDER.indexOf(from)
}

/** The step forward that `s` takes; null where there is none. */
export function nextStep(incident: Incident): State | null {
  return incident.next_states.find((state) => ORDER.indexOf(state) === ORDER.indexOf(incident.state) + 1) ?? null
}
