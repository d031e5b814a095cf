// Keyboard: single-key shortcuts that rest while somebody types or has switched them off, and moving through lists.
import { preferences } from './preferences.svelte'

/** Whether an input method is composing (Telex, VNI): the key is half a letter. */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229
}

/**
 * Whether a key press is no shortcut: a field has the focus, an input method is composing, or single keys are off.
 * Every page asks this before it acts on a single key.
 */
export function isTyping(event: KeyboardEvent): boolean {
  if (isComposing(event) || !preferences.shortcuts) return true
  const target = event.target as HTMLElement | null
  return !!target?.closest?.('input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable]')
}

/** Arrow keys, j and k, Home and End move the focus among the buttons marked data-row inside `list`. */
export function moveInList(list: HTMLElement, event: KeyboardEvent): void {
  if (isComposing(event) || event.ctrlKey || event.metaKey || event.altKey) return
  if (!preferences.shortcuts && /^Key/.test(event.code)) return
  const rows = [...list.querySelectorAll<HTMLElement>('[data-row]')]
  const at = rows.indexOf(document.activeElement as HTMLElement)
  const targets: Record<string, number> = {
    ArrowDown: at + 1,
    KeyJ: at + 1,
    ArrowUp: at - 1,
    KeyK: at - 1,
    Home: 0,
    End: rows.length - 1,
  }
  const next = targets[event.code]
  if (next === undefined || at < 0) return
  event.preventDefault()
  event.stopPropagation()
  rows[Math.max(0, Math.min(rows.length - 1, next))]?.focus()
}
