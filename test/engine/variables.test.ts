import { describe, expect, it } from 'vitest'
import { machine, run, workflow } from './support.ts'

const pass = (fields: Record<string, unknown> = {}) => ({ Type: 'Pass', ...fields, End: true })

describe('variables', () => {
  it('of a branch are its own, and it reads those around it', async () => {
    const ran = await run(
      machine({
        S: { Type: 'Pass', Assign: { outer: 1 }, Next: 'P' },
        P: {
          Type: 'Parallel',
          Branches: [
            workflow({
              A: { Type: 'Pass', Assign: { mine: 'a', outer: 2 }, Next: 'A2' },
              A2: pass({ Output: '{% [$mine, $outer] %}' }),
            }),
            workflow({
              B: { Type: 'Wait', Seconds: 5, Next: 'B2' },
              B2: pass({ Output: '{% [$exists($mine), $outer] %}' }),
            }),
          ],
          Next: 'E',
        },
        E: pass({ Output: '{% [$states.input, $exists($mine), $outer] %}' }),
      }),
    )
    expect(ran.result).toEqual([['a', 2], [false, 1], false, 1])
  })

  it('of an iteration are its own', async () => {
    const ran = await run(
      machine({
        M: {
          Type: 'Map',
          Items: [1, 2],
          ItemProcessor: workflow({
            A: { Type: 'Pass', Assign: { v: '{% $states.input %}' }, Next: 'W' },
            W: { Type: 'Wait', Seconds: 1, Next: 'B' },
            B: pass({ Output: '{% $v %}' }),
          }),
          End: true,
        },
      }),
    )
    expect(ran.result).toEqual([1, 2])
  })

  it('may be named as what every object has', async () => {
    const ran = await run(
      machine({
        A: {
          Type: 'Pass',
          Assign: { constructor: 1, toString: 2, hasOwnProperty: 3 },
          Next: 'B',
        },
        B: pass({ Output: '{% [$constructor, $toString, $hasOwnProperty, $exists($valueOf)] %}' }),
      }),
    )
    expect(ran.result).toEqual([1, 2, 3, false])
  })
})
