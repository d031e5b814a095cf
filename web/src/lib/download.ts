// Hands files to the person: what the server exports, and pictures of a canvas.
import { ask } from './api'

/** Fetches a file with the token and the operator of every call, and saves it under the server's name. Throws Failure. */
export async function download(path: string): Promise<void> {
  const answer = await ask(path, {}, '*/*')
  const told = answer.headers.get('content-disposition') ?? ''
  save(await answer.blob(), /filename="([^"]+)"/.exec(told)?.[1] ?? 'dothi')
}

/** A picture of what a canvas shows, with lines of text below it: what it is, its instant, its origin. */
export async function savePicture(canvas: HTMLCanvasElement, lines: string[], name: string): Promise<void> {
  const scale = devicePixelRatio || 1
  const line = 20 * scale
  const picture = document.createElement('canvas')
  picture.width = canvas.width
  picture.height = canvas.height + line * lines.length + 12 * scale
  const brush = picture.getContext('2d')!
  brush.fillStyle = '#ffffff'
  brush.fillRect(0, 0, picture.width, picture.height)
  brush.drawImage(canvas, 0, 0)
  brush.fillStyle = '#18212b'
  brush.font = `${13 * scale}px 'Inter Variable', sans-serif`
  lines.forEach((text, place) => brush.fillText(text, 10 * scale, canvas.height + line * (place + 1)))
  const blob = await new Promise<Blob | null>((resolve) => picture.toBlob(resolve, 'image/png'))
  if (blob) save(blob, name)
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
