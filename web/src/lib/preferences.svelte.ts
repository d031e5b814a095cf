// What a person has chosen on this device: language and theme, kept and applied to the page.
import type { Language, MessageKey } from './messages'
import { message } from './messages'

export type Theme = 'light' | 'dark' | 'system'

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // storage is forbidden: the choice lasts until the page is closed
  }
}

class Preferences {
  language = $state<Language>(stored('dothi.language') === 'en' ? 'en' : 'vi')
  theme = $state<Theme>((stored('dothi.theme') as Theme | null) ?? 'system')
  dark = $state(document.documentElement.dataset['theme'] === 'dark')

  /** Whether single keys are shortcuts; some people's tools press keys that they do not mean (WCAG 2.1.4). */
  shortcuts = $state(stored('dothi.shortcuts') !== 'off')

  constructor() {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.apply())
  }

  setLanguage(language: Language): void {
    this.language = language
    store('dothi.language', language)
    this.apply()
  }

  setTheme(theme: Theme): void {
    this.theme = theme
    store('dothi.theme', theme)
    this.apply()
  }

  setShortcuts(on: boolean): void {
    this.shortcuts = on
    store('dothi.shortcuts', on ? 'on' : 'off')
  }

  apply(): void {
    const system = matchMedia('(prefers-color-scheme: dark)').matches
    this.dark = this.theme === 'dark' || (this.theme === 'system' && system)
    document.documentElement.dataset['theme'] = this.dark ? 'dark' : 'light'
    document.documentElement.lang = this.language
  }
}

export const preferences = new Preferences()

/** The message in the chosen language. */
export function t(key: MessageKey, values?: Record<string, string | number>): string {
  return message(preferences.language, key, values)
}
