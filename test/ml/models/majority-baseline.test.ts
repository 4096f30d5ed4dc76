import { describe, expect, it } from 'vitest'
import { matrix } from '../../../ml/data/matrix.ts'
import { MajorityBaseline } from '../../../ml/models/index.ts'

describe('MajorityBaseline', () => {
  const X = matrix(new Float64Array(6), 6, 1)
  const row = matrix(Float64Array.of(9), 1, 1)

  it('answers the most frequent class, with the shares as probabilities', () => {
    const model = new MajorityBaseline().fit(X, [5, 3, 5, 5, 3, 8])
    expect([...model.predict(row)]).toEqual([5])
    expect([...model.predictProba(row).data]).toEqual([2 / 6, 3 / 6, 1 / 6])
  })

  it('answers the smallest of the most frequent', () => {
    expect([...new MajorityBaseline().fit(X, [2, 1, 2, 1, 2, 1]).predict(row)]).toEqual([1])
    expect([...new MajorityBaseline().fit(X, [9, 7, 9, 7, 1, 1]).predict(row)]).toEqual([1])
  })

  it('refuses any option', () => {
    expect(() => new MajorityBaseline({ C: 1 as never })).toThrow(
      expect.objectContaining({ name: 'OptionInvalid' }),
    )
  })
})
