import { describe, expect, it } from 'vitest'
import {
  defaultCandidates,
  fittingCandidates,
  randomSearch,
  kFold,
  searchSpaceOf,
  trainerNamed,
  trainersOf,
  type LearningTask,
} from '../../../ml/models/index.ts'
import { blobs } from './datasets.ts'

const tasks: LearningTask[] = ['classification', 'regression', 'clustering']

describe('defaultCandidates', () => {
  it('races by the task and the size, the floor last', () => {
    const names = (...size: Parameters<typeof defaultCandidates>) =>
      defaultCandidates(...size).names
    expect(defaultCandidates(150, 4)).toEqual({
      names: ['svc', 'logistic-regression', 'majority'],
      leftOut: [],
    })
    expect(names(5000, 4)).toEqual(['svc', 'logistic-regression', 'gradient-boosting', 'majority'])
    expect(names(100, 4, 'regression')).toEqual(['ridge', 'random-forest', 'mean'])
    expect(names(50_000, 4, 'regression')).toEqual(['ridge', 'gradient-boosting', 'mean'])
    expect(names(1000, 4, 'clustering')).toEqual(['k-means'])
  })

  it('says what it leaves out over the cap, and what stands in', () => {
    const { names, leftOut } = defaultCandidates(100_000, 4)
    expect(names).toEqual(['logistic-regression', 'gradient-boosting', 'majority'])
    expect(leftOut).toMatchObject([{ name: 'svc', instead: 'gradient-boosting' }])
    expect(leftOut[0]!.reason).toContain('20000')
    for (const name of names) expect(trainerNamed(name).rowCap).toBeGreaterThanOrEqual(100_000)
  })

  it('leaves out what learns too much for each of many classes, unless it is asked for', () => {
    const { names, leftOut } = defaultCandidates(1000, 25, 'classification', 110)
    expect(names).toEqual(['svc', 'logistic-regression', 'majority'])
    expect(leftOut).toMatchObject([{ name: 'gradient-boosting', instead: 'logistic-regression' }])
    expect(fittingCandidates(['gradient-boosting'], 1000, 25).names).toEqual([
      'gradient-boosting',
      'majority',
    ])
  })

  it('leaves out what would not fit in memory or time, and says so', () => {
    const reasons = (names: string[], ...size: [number, number, LearningTask?, number?, number?]) =>
      fittingCandidates(names, ...size).leftOut.map(({ reason }) => reason)
    // Least squares cost with the square of the columns.
    expect(reasons(['ridge', 'linear-regression'], 20_000, 1000, 'regression')).toEqual([])
    expect(reasons(['ridge'], 20_000, 9000, 'regression')).toEqual([
      expect.stringMatching(/^ridge: .*20000 × 9000/),
    ])
    // A leaf of a forest keeps a number a class.
    expect(reasons(['random-forest', 'decision-tree'], 30_000, 10)).toEqual([])
    const ofMany = fittingCandidates(
      ['random-forest', 'extra-trees', 'decision-tree'],
      ...([200_000, 10, 'classification', 100] as const),
    )
    expect(ofMany.names).toEqual(['decision-tree', 'majority'])
    expect(ofMany.leftOut).toMatchObject([{ name: 'random-forest' }, { name: 'extra-trees' }])
    expect(reasons(['random-forest'], 200_000, 10, 'regression', 100)).toEqual([])
    expect(reasons(['gradient-boosting'], 3_000_000, 10, 'classification', 200)).toHaveLength(1)
    // A column for each category is for those who take no categories.
    const encoded = fittingCandidates(
      ['logistic-regression', 'gradient-boosting'],
      ...([100_000, 20, 'classification', 2, 10_000] as const),
    )
    expect(encoded.names).toEqual(['gradient-boosting', 'majority'])
    expect(encoded.leftOut[0]!.reason).toContain('100000 × 10000')
  })

  it('races nothing, not even the floor, where nothing that was asked for can learn', () => {
    const { names, leftOut } = fittingCandidates(['svc', 'svc'], 50_000, 4)
    expect(names).toEqual([])
    expect(leftOut).toHaveLength(1)
    expect(() => fittingCandidates(['svc'], 10, 4, 'regression')).toThrow(
      expect.objectContaining({ name: 'OptionInvalid' }),
    )
  })
})

describe('search spaces', () => {
  it('hold options that their trainers take', () => {
    const { X, y } = blobs(60, 2, 2)
    for (const task of tasks) {
      for (const name of Object.keys(trainersOf(task))) {
        const space = searchSpaceOf(name, task)
        const trainer = trainerNamed<LearningTask>(name, task)
        const known = Object.keys(trainer.options)
        expect(known).toEqual(expect.arrayContaining(Object.keys(space)))
        // What is drawn goes to the trainer, which refuses what it does not take.
        const drawn: unknown[] = []
        const learn = () => trainerNamed('mean', 'regression').create()
        randomSearch(
          (parameters) => {
            drawn.push(trainer.create(parameters))
            return learn()
          },
          space,
          X,
          y,
          { folds: kFold(60, { folds: 2 }), scoring: 'r2', trials: 20, seed: 1 },
        )
        expect(drawn.length).toBeGreaterThan(0)
      }
    }
  })

  it('are empty for what has nothing to tune', () => {
    expect(searchSpaceOf('majority', 'classification')).toEqual({})
    expect(searchSpaceOf('toString', 'regression')).toEqual({})
  })
})
