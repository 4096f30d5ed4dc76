import { describe, expect, it } from 'vitest'
import { keepRows, matrixFromRows, takeRows } from '../../../ml/data/index.ts'

const rows = Array.from({ length: 7 }, (_, i) => [i, 10 * i, -i])

describe('keepRows', () => {
  it.each([[[]], [[0]], [[6]], [[1, 2, 5]], [[0, 1, 2, 3, 4, 5, 6]]])(
    'gives what takeRows gives, in the memory of the matrix: %j',
    (indices) => {
      const own = matrixFromRows(rows)
      const kept = keepRows(own, indices)
      expect(kept).toEqual(takeRows(matrixFromRows(rows), indices))
      expect(kept.data.buffer).toBe(own.data.buffer)
    },
  )

  it.each([[[2, 1]], [[1, 1]], [[7]], [[-1]]])('takes rows that ascend: not %j', (indices) => {
    expect(() => keepRows(matrixFromRows(rows), indices)).toThrow(RangeError)
  })
})
