// Reads server-sent events from the pieces of a fetched body; a fetch, unlike EventSource, can carry a token.

export interface ServerEvent {
  name: string
  data: string
}

/** Collects text and gives the whole events in it; comments and ids are passed over. */
export class EventReader {
  private rest = ''

  push(text: string): ServerEvent[] {
    const blocks = (this.rest + text).replaceAll('\r\n', '\n').split('\n\n')
    this.rest = blocks.pop() ?? ''
    return blocks.map(readBlock).filter((event) => event.data !== '')
  }
}

function readBlock(block: string): ServerEvent {
  let name = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') name = value
    if (field === 'data') data.push(value)
  }
  return { name, data: data.join('\n') }
}
