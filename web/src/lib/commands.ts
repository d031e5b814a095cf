// Finding a command, a page or an alarm by a few letters: without diacritics, every word somewhere in the text.

/** Small letters without diacritics; đ counts as d. */
export function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').replace(/[đĐ]/g, 'd').toLowerCase()
}

/** Whether every word of `asked` stands in `text`; nothing asked matches all. */
export function matches(text: string, asked: string): boolean {
  const within = folded(text)
  return folded(asked).split(/\s+/).every((word) => within.includes(word))
}
