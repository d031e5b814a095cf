// Changes of a procedure that is being written: pure, each gives a new definition.
import type { Definition, Step } from './procedures_api'

export function emptyProcedure(): Definition {
  return { id: '', title: { vi: '', en: '' }, purpose: null, category: '', starts_for: [], steps: [emptyStep('step-1')] }
}

export function emptyStep(id: string): Step {
  return {
    id,
    title: { vi: '', en: '' },
    detail: null,
    role: 'operator',
    due: null,
    next: null,
    answers: [],
    escalate_to: null,
    optional: false,
  }
}

/** A step at the end, with an id that no other step has. */
export function withStep(definition: Definition): Definition {
  const ids = new Set(definition.steps.map((step) => step.id))
  let n = definition.steps.length + 1
  while (ids.has(`step-${n}`)) n++
  return { ...definition, steps: [...definition.steps, emptyStep(`step-${n}`)] }
}

export function withoutStep(definition: Definition, at: number): Definition {
  return { ...definition, steps: definition.steps.filter((_, n) => n !== at) }
}

/** The step at `at` moved up (-1) or down (1); the same where it cannot move. */
export function moved(definition: Definition, at: number, by: -1 | 1): Definition {
  const steps = [...definition.steps]
  const [one, other] = [steps[at], steps[at + by]]
  if (!one || !other) return definition
  ;[steps[at], steps[at + by]] = [other, one]
  return { ...definition, steps }
}

/** A changed step; where its id changes, whatever leads to it goes with it. */
export function withChanged(definition: Definition, at: number, step: Step): Definition {
  const before = definition.steps[at]?.id
  const follow = (target: string) => (target === before ? step.id : target)
  const steps = definition.steps.map((each, n) => {
    const own = n === at ? step : each
    const next = own.next ? follow(own.next) : (own.next ?? null)
    return { ...own, next, answers: (own.answers ?? []).map((answer) => ({ ...answer, next: follow(answer.next) })) }
  })
  return { ...definition, steps }
}

/** The faults of one step, by the place that the server names. */
export function faultsOf<T extends { where: string }>(faults: readonly T[], at: number): T[] {
  return faults.filter((fault) => fault.where === `steps[${at}]` || fault.where.startsWith(`steps[${at}].`))
}
