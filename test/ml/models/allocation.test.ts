import { expect, it } from 'vitest'
import { withinMemory } from '../../../ml/models/allocation.ts'
import {
  decodeAnyModel,
  encodeModel,
  FunctionTransformer,
  MajorityBaseline,
  OneHotEncoder,
  Pipeline,
} from '../../../ml/models/index.ts'
import { errorNamed } from './golden.ts'

it('A fit that needs more memory than there is throws MemoryExceeded and leaves the model as it was', () => {
  // 200,000 rows of 80,000 columns once each category has one: 128 GB.
  const rows = 200_000
  const cols = 8
  const data = Float64Array.from({ length: rows * cols }, (_, at) => Math.floor(at / cols) % 9999)
  const y = Float64Array.from({ length: rows }, (_, i) => i % 2)
  const model = new Pipeline(new MajorityBaseline(), { steps: [new OneHotEncoder()] })
  model.fit({ data: Float64Array.of(1, 2), rows: 2, cols: 1 }, [0, 1])
  const before = encodeModel(model)
  expect(() => model.fit({ data, rows, cols }, y)).toThrow(
    errorNamed('MemoryExceeded', 'one-hot-encoder'),
  )
  expect(encodeModel(model)).toEqual(before)
  expect(decodeAnyModel(before).model.featureCount).toBe(1)
})

it('Other range errors stay what they are', () => {
  const overflow = (): number => overflow() + 1
  expect(() => withinMemory('it', overflow)).toThrow(RangeError)
  expect(() => withinMemory('it', () => new Array<number>(-1))).toThrow(RangeError)
  expect(() => withinMemory('it', () => new Float64Array(2 ** 42))).toThrow(
    errorNamed('MemoryExceeded', 'it needs'),
  )
  expect(withinMemory('it', () => new FunctionTransformer({ func: 'log' }).kind)).toBe(
    'function-transformer',
  )
})
