// Calls about shifts, roster, watch book, reports and figures, typed by the server's schema.
import type { components } from '../../lib/api.gen'
import { get, send } from '../../lib/api'

type Schemas = components['schemas']
export type Shifts = Schemas['ShiftsView']
export type Shift = Schemas['ShiftView']
export type OpenItem = Schemas['OpenItem']
export type Roster = Schemas['RosterView']
export type Operator = Schemas['OperatorView']
export type Calendar = Schemas['OnCallCalendar']
export type Escalations = Schemas['EscalationsView']
export type Book = Schemas['WatchBookView']
export type Entry = Schemas['EntryView']
export type Report = Schemas['ReportView']
export type Usage = Schemas['UsageView']

const part = encodeURIComponent

export const readShifts = () => get<Shifts>('api/shifts?limit=12')
export const readOpenItems = () => get<Schemas['OpenItemsView']>('api/shifts/open-items')
export const readRoster = () => get<Roster>('api/operators')
export const readCalendar = () => get<Calendar>('api/on-call')
export const readEscalations = () => get<Escalations>('api/escalations')
export const readBook = (query: string, signal?: AbortSignal) => get<Book>(`api/watch-book?${query}`, signal)
export const readReport = (id: string, lang: string) => get<Report>(`api/shifts/${part(id)}/report?lang=${lang}`)
export const readUsage = (start: string) => get<Usage>(`api/usage?start=${part(start)}`)

export const plan = (shift: Schemas['ShiftRequest']) => send<Shift>('POST', 'api/shifts', shift)
export const begin = (id: string) => send<Shift>('POST', `api/shifts/${part(id)}/open`)
export const join = (id: string) => send<Shift>('POST', `api/shifts/${part(id)}/join`)
export const sign = (id: string, note: string) => send<Shift>('POST', `api/shifts/${part(id)}/hand-over`, { note })
export const withdraw = (id: string) => send<Shift>('POST', `api/shifts/${part(id)}/withdraw`)
export const accept = (id: string, remarks: string, items: number) =>
  send<Shift>('POST', `api/shifts/${part(id)}/accept`, { remarks, items })
export const write = (text: string, links: string[], corrects: string) =>
  send<Entry>('POST', 'api/watch-book', { text, links, corrects })
export const setDuty = (id: string, on_duty: boolean) => send<Roster>('POST', `api/operators/${part(id)}/duty`, { on_duty })
export const putOperator = (id: string, body: Schemas['OperatorRequest']) => send<Roster>('PUT', `api/operators/${part(id)}`, body)
export const putOnCall = (body: Schemas['OnCallRequest']) => send<Schemas['OnCallView']>('POST', 'api/on-call', body)
export const dropOnCall = (id: string) => send<null>('DELETE', `api/on-call/${part(id)}`)
export const saveReport = (id: string, language: 'vi' | 'en', text: string) =>
  send<Report>('PUT', `api/shifts/${part(id)}/report`, { language, text })
