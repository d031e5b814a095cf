// Keyboard: single-key shortcuts that rest while somebody types, and moving through lists.

/** Whether a key press belongs to text: a field has the focus, or an input method is composing (Telex, VNI). */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.isComposing || event.keyCode === 229) return true
  const target = event.target as HTMLElement | null
  return !!target?.closest?.('input, textarea, select, [contenteditable]')
}

/** Arrow keys, j and k, Home and End move the focus among the buttons marked data-row inside `list`. */
export function moveInList(list: HTMLElement, event: KeyboardEvent): void {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
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
