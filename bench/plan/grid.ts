import type { LearningTask } from '../../tasks/shapes.ts'
import type { MadeData } from './made-data.ts'

/** One training of one algorithm that is measured. */
export interface FitPoint {
  readonly algorithm: string
  readonly data: MadeData
  readonly trials: number
}

type Size = Omit<MadeData, 'task'>

const sizes = {
  tiny: { rows: 200, cols: 5, classes: 3, noise: 0.2, format: 'npy' },
  small: { rows: 300, cols: 8, classes: 2, noise: 0.2, format: 'csv' },
  wide: { rows: 1200, cols: 30, classes: 3, noise: 0.5, format: 'npy' },
  long: { rows: 4000, cols: 8, classes: 4, noise: 0.3, format: 'npy' },
  widest: { rows: 3000, cols: 60, classes: 2, noise: 0.6, format: 'npy' },
  pairs: { rows: 16_000, cols: 12, classes: 3, noise: 0.4, format: 'csv' },
  manyClasses: { rows: 1600, cols: 20, classes: 40, noise: 0.2, format: 'npy' },
  manyRows: { rows: 70_000, cols: 10, classes: 2, noise: 0.3, format: 'npy' },
  mostRows: { rows: 300_000, cols: 12, classes: 2, noise: 0.3, format: 'npy' },
  // So large that memory is that of the rows, and of nothing else.
  largest: { rows: 2_000_000, cols: 12, classes: 2, noise: 0.3, format: 'npy' },
} as const satisfies Readonly<Record<string, Size>>

type SizeName = keyof typeof sizes

const quick: readonly SizeName[] = ['tiny', 'small', 'wide', 'long', 'widest', 'manyRows']
const square: readonly SizeName[] = ['tiny', 'small', 'wide', 'long', 'widest']

/**
 * On which sizes each algorithm is measured: at its defaults, and tuned by eight trials. Those that are
 * raced unasked come first and are measured most.
 */
const plan: Readonly<
  Record<LearningTask, Readonly<Record<string, { defaults: SizeName[]; tuned: SizeName[] }>>>
> = {
  classification: {
    majority: { defaults: [...quick, 'mostRows', 'largest'], tuned: [] },
    'gradient-boosting': {
      defaults: ['small', 'wide', 'long', 'manyRows', 'mostRows', 'largest'],
      tuned: ['small', 'wide', 'long', 'manyRows'],
    },
    'logistic-regression': {
      defaults: [...quick, 'manyClasses', 'mostRows', 'largest'],
      tuned: [...quick, 'manyClasses'],
    },
    svc: {
      defaults: [...square, 'pairs', 'manyClasses'],
      tuned: [...square, 'pairs', 'manyClasses'],
    },
    'random-forest': { defaults: ['small', 'wide', 'long'], tuned: ['small', 'wide'] },
    'svc-linear': { defaults: [...square, 'manyClasses'], tuned: ['wide', 'long'] },
    'decision-tree': { defaults: quickest(), tuned: ['wide', 'long'] },
    'k-neighbors': { defaults: [...square], tuned: ['wide', 'long'] },
    'extra-trees': { defaults: ['small', 'wide', 'long'], tuned: ['wide'] },
    'ml-svm': { defaults: ['small'], tuned: ['small'] },
  },
  regression: {
    mean: { defaults: [...quick, 'mostRows', 'largest'], tuned: [] },
    'gradient-boosting': {
      defaults: ['small', 'wide', 'long', 'manyRows', 'mostRows', 'largest'],
      tuned: ['small', 'wide', 'long', 'manyRows'],
    },
    ridge: { defaults: [...quick, 'mostRows', 'largest'], tuned: [...quick] },
    'random-forest': { defaults: ['small', 'wide', 'long'], tuned: ['small', 'wide'] },
    'linear-regression': { defaults: quickest(), tuned: [] },
    'decision-tree': { defaults: quickest(), tuned: ['wide', 'long'] },
    'k-neighbors': { defaults: [...square], tuned: ['wide', 'long'] },
    'extra-trees': { defaults: ['small', 'wide', 'long'], tuned: ['wide'] },
  },
  clustering: {
    'k-means': { defaults: [...quick, 'mostRows', 'largest'], tuned: [...quick] },
  },
}

function quickest(): SizeName[] {
  return ['small', 'long', 'manyRows']
}

/** Trainings of every algorithm, those that are raced unasked first. */
export function fitPoints(): FitPoint[] {
  const points = Object.entries(plan).flatMap(([task, algorithms]) =>
    Object.entries(algorithms).flatMap(([algorithm, { defaults, tuned }], order) => {
      const point = (name: SizeName, trials: number) => {
        const data: MadeData = { task: task as LearningTask, ...sizes[name] }
        return { order, point: { algorithm, data, trials } }
      }
      return [...defaults.map((name) => point(name, 1)), ...tuned.map((name) => point(name, 8))]
    }),
  )
  return points.toSorted((a, b) => a.order - b.order).map(({ point }) => point)
}

/** Whole trainings, whose other steps are measured: of small and large datasets and models. */
export const workflowPoints: readonly FitPoint[] = [
  whole('logistic-regression', sizes.tiny),
  whole('logistic-regression', sizes.small),
  whole('gradient-boosting', sizes.wide),
  whole('svc', { ...sizes.long, format: 'csv' }),
  whole('logistic-regression', sizes.manyClasses),
  whole('random-forest', sizes.pairs),
  whole('gradient-boosting', { ...sizes.manyRows, rows: 50_000 }),
  whole('logistic-regression', { ...sizes.manyRows, rows: 150_000, format: 'csv' }),
  whole('logistic-regression', { ...sizes.mostRows, rows: 1_000_000 }),
  whole('ridge', { ...sizes.mostRows, cols: 60 }, 'regression'),
  whole('gradient-boosting', sizes.widest, 'regression'),
  whole('ridge', sizes.tiny, 'regression'),
  whole('ridge', sizes.small, 'regression'),
  whole('k-means', sizes.pairs, 'clustering'),
  whole('k-means', sizes.mostRows, 'clustering'),
]

function whole(algorithm: string, size: Size, task: LearningTask = 'classification'): FitPoint {
  return { algorithm, data: { task, ...size }, trials: 1 }
}
