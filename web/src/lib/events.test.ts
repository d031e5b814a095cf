// Server-sent events come whole, however the body was cut.
import { expect, test } from 'vitest'
import { EventReader } from './events'

const BODY = 'retry: 2000\n\n: heartbeat\n\nevent: delta\nid: 7\ndata: {"a":"đô thị"}\n\ndata: x\r\ndata: y\r\n\r\n'
const EVENTS = [
  { name: 'delta', data: '{"a":"đô thị"}' },
  { name: 'message', data: 'x\ny' },
]

test.each([1, 2, 3, 7, 1000])('cut every %i letters', (size) => {
  const reader = new EventReader()
  const events = []
  for (let at = 0; at < BODY.length; at += size) events.push(...reader.push(BODY.slice(at, at + size)))
  expect(events).toEqual(EVENTS)
})
