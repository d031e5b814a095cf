// Calls about procedures and their runs, typed by the server's schema.
import type { components } from '../../lib/api.gen'
import { get, send } from '../../lib/api'

type Schemas = components['schemas']
export type Procedures = Schemas['ProceduresView']
export type Summary = Schemas['ProcedureSummary']
export type Definition = Schemas['ProcedureBody']
export type Step = Schemas['StepBody']
export type Answer = Schemas['AnswerBody']
export type Fault = Schemas['ProcedureFault']
export type Book = Schemas['ProcedureView']
export type Checked = Schemas['CheckView']
export type Run = Schemas['RunView']
export type RunSummary = Schemas['RunSummary']
export type Act = Schemas['ActView']
export type Deed = Schemas['ActRequest']['kind']
export type Role = Schemas['RoleView']

const part = encodeURIComponent

export const readProcedures = (q = '') => get<Procedures>(`api/procedures?q=${part(q)}`)
export const readBook = (id: string) => get<Book>(`api/procedures/${part(id)}`)
export const readRuns = (query: string) => get<Schemas['RunsView']>(`api/procedure-runs?${query}`)
export const readRun = (id: string) => get<Run>(`api/procedure-runs/${part(id)}`)
export const readRoster = () => get<Schemas['RosterView']>('api/operators')

export function start(procedure: string, subject: string | null): Promise<Run> {
  return send<Run>('POST', 'api/procedure-runs', { procedure, subject, note: '' })
}

export function act(id: string, deed: { kind: Deed; step?: string; answer?: string; note?: string }): Promise<Run> {
  return send<Run>('POST', `api/procedure-runs/${part(id)}/acts`, deed)
}

export const check = (given: { definition?: Definition; toml?: string }) => send<Checked>('POST', 'api/procedures/check', given)

export function save(definition: Definition, base: number, reason: string): Promise<Book> {
  const body = { definition, base_version: base, reason }
  return send<Book>('PUT', `api/procedures/${part(definition.id)}`, body)
}

export function retire(id: string, retired: boolean): Promise<Book> {
  return send<Book>('POST', `api/procedures/${part(id)}/retire`, { retired, reason: '' })
}
