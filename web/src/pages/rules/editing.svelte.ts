// A rule under work: form and TOML kept equal by the server, which also tells the faults of what was typed last.
import { t } from '../../lib/preferences.svelte'
import type { Editable } from './draft'
import { editable, newRule } from './draft'
import type { Definition, Draft, Fault, Rule } from './rules_api'
import { checkRule, wordsOf } from './rules_api'

/** The server is asked when nothing was typed for so long. */
const PAUSE = 300

export class Editing {
  rule = $state<Editable>(newRule())
  toml = $state('')
  faults = $state.raw<Fault[]>([])
  /** Whether something was changed that is not kept. */
  dirty = $state(false)
  checking = $state(false)
  failure = $state('')
  /** Whether the TOML is that of an earlier state, the present one being unreadable. */
  behind = $state(false)
  /** The version that is edited, 0 for a new rule. */
  version = $state(0)
  private source: 'form' | 'toml' = 'form'
  private asked = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(kept: Rule | null) {
    if (kept) this.take(kept)
    else void this.check()
  }

  readonly wrong = $derived(this.faults.some((each) => each.level === 'error'))

  /** Begins anew from what is kept. */
  take(kept: Rule): void {
    clearTimeout(this.timer)
    this.asked++
    this.rule = editable(kept.definition)
    this.toml = kept.toml
    this.faults = kept.faults
    this.version = kept.version
    this.dirty = this.behind = this.checking = false
    this.failure = ''
    this.source = 'form'
  }

  /** Puts an earlier state into the draft. */
  restore(definition: Definition): void {
    this.rule = editable(definition)
    this.formChanged()
  }

  formChanged(): void {
    this.source = 'form'
    this.changed()
  }

  tomlChanged(text: string): void {
    this.source = 'toml'
    this.toml = text
    this.changed()
  }

  /** What is to be checked, tried or kept. */
  draft(): Draft {
    return this.source === 'toml' ? { toml: this.toml } : { definition: $state.snapshot(this.rule) }
  }

  private changed(): void {
    this.dirty = true
    this.checking = true
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.check(), PAUSE)
  }

  private async check(): Promise<void> {
    const call = ++this.asked
    this.checking = true
    try {
      const answer = await checkRule(this.draft())
      if (call !== this.asked) return
      this.faults = answer.faults
      if (this.source === 'toml' && answer.definition) this.rule = editable(answer.definition)
      if (this.source === 'form' && answer.toml !== null) this.toml = answer.toml
      this.behind = this.source === 'form' && answer.toml === null && this.toml !== ''
      this.failure = ''
    } catch (error) {
      if (call === this.asked) this.failure = t('rules.checkFailed', { detail: wordsOf(error, t('error.network')) })
    } finally {
      if (call === this.asked) this.checking = false
    }
  }
}
