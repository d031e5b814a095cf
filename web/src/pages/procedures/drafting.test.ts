import { describe, expect, test } from 'vitest'
import { emptyProcedure, emptyStep, faultsOf, moved, withChanged, withStep, withoutStep } from './drafting'

const three = () => withStep(withStep(emptyProcedure()))

describe('writing a procedure', () => {
  test('a new step has an id of its own', () => {
    const ids = withStep(withoutStep(three(), 0)).steps.map((step) => step.id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('what leads to a step follows its new id', () => {
    let one = three()
    one = withChanged(one, 0, { ...one.steps[0]!, answers: [{ id: 'yes', label: { vi: '', en: '' }, next: 'step-3' }] })
    one = withChanged(one, 2, { ...one.steps[2]!, id: 'last' })
    expect(one.steps[0]!.answers![0]!.next).toBe('last')
  })

  test('the first step cannot move up', () => {
    const one = three()
    expect(moved(one, 0, -1)).toBe(one)
    expect(moved(one, 0, 1).steps.map((step) => step.id)).toEqual(['step-2', 'step-1', 'step-3'])
  })

  test('faults of step 1 are not those of step 10', () => {
    const faults = [{ where: 'steps[1].role' }, { where: 'steps[10].role' }, { where: 'steps[1]' }]
    expect(faultsOf(faults, 1)).toHaveLength(2)
  })

  test('an empty step has no clock', () => {
    expect(emptyStep('a').due).toBeNull()
  })
})
