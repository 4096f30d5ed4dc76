import { describe, expect, it } from 'vitest'
import { matrixFromRows, type Dataset, type Matrix } from '../../ml/data/index.ts'
import { memoryPorts } from '../../platform/testing/index.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { rowsOf } from '../../tasks/judge-models.ts'
import type { LoadedModel } from '../../tasks/model-artifact.ts'
import { datasetReport } from '../../tasks/reporting/dataset-report.ts'
import { summarizeForReport } from '../../tasks/reporting/dataset-summary.ts'
import { evaluationReport } from '../../tasks/reporting/evaluation-report.ts'
import { summarizeEvaluation } from '../../tasks/reporting/evaluation-summary.ts'
import { reportKey } from '../../tasks/reporting/stored-reports.ts'
import { thinnedCurve } from '../../tasks/reporting/thinned-curve.ts'
import type { DriftFinding, Evaluation, LearningTask } from '../../tasks/shapes.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { pricesCsv } from '../fixtures/quantities.ts'
import { train } from '../fixtures/train.ts'
import { ReadPage } from './report-page.ts'

const about = {
  model: 'ada/flowers',
  version: 3,
  algorithm: 'stub',
  source: 'uploads/ada/flowers.csv',
  sha256: '0'.repeat(64),
  execution: 'run',
}

const firstVersion: DriftFinding = {
  verdict: 'first-version',
  againstVersion: null,
  reasons: [],
  features: [],
}

describe('the page about a dataset', () => {
  const dataset: Dataset = {
    features: matrixFromRows([
      [1, -1, 0],
      [2, -2, 1],
      [3, -3, NaN],
      [4, -4, 0],
      [4, -4, 0],
    ]),
    target: Float64Array.of(0, 0, 1, 0, 0),
    featureNames: ['up', 'down', 'color'],
    targetName: 'kind',
    classLabels: ['common', 'rare'],
    textFeatures: ['color'],
    categories: [null, null, ['red', 'blue']],
  }
  const page = readDataset(dataset, 'classification', { train: [0, 1, 2], heldOut: [3, 4] })

  it('tells rows, repeated rows, missing values and the split', () => {
    expect([page.fact('Rows'), page.fact('Features')]).toEqual(['5', '3'])
    expect([page.fact('Learned from'), page.fact('Held out')]).toEqual(['3 rows', '2 rows'])
    expect(page.fact('Repeated rows')).toBe('1 (20%)')
    expect(page.fact('Missing values')).toBe('1 (6.67%)')
    expect(page.table('Rows without a value')).toEqual([['color', '1', '20%']])
  })

  it('tells the classes with their rows on either side', () => {
    expect(page.table('Rows of each class')).toEqual([
      ['common', '4', '80%', '2', '2'],
      ['rare', '1', '20%', '1', '0'],
    ])
  })

  it('describes each column by its type', () => {
    const [target, up, , color] = page.table('What is in each column')
    expect(target!.slice(0, 4)).toEqual(['kind (target)', 'text', '0', '2'])
    expect(up).toEqual([
      'up',
      'number',
      '0',
      '4',
      '2.8',
      '1.166',
      '1',
      '1.2',
      '2',
      '3',
      '4',
      '4',
      '4',
    ])
    expect(color!.slice(0, 6)).toEqual(['color', 'text', '1 (20%)', '2', '–', '–'])
  })

  it('tells how columns of numbers go together', () => {
    expect(page.table('The strongest')).toEqual([['up', 'down', '-1.000']])
  })

  it('draws every column with words beside the drawing', () => {
    const words = page.all('svg').map((svg) => svg.getAttribute('aria-label'))
    for (const name of ['kind', 'up', 'down', 'color']) {
      expect(words.some((said) => said?.includes(`values of ${name}`))).toBe(true)
    }
    expect(words.every((said) => said !== null && said !== '')).toBe(true)
  })
})

describe('the page about an evaluation', () => {
  // The example of scikit-learn's roc_auc_score: 0.75; average_precision_score: 0.8333.
  const scores = matrixFromRows([[0.1], [0.4], [0.35], [0.8]])
  const target = Float64Array.of(0, 0, 1, 1)
  const page = readEvaluation(scores, target, ['no', 'yes'])

  it('counts rows by actual and answered class', () => {
    expect(page.table('Rows by actual (down) and answered class (across)')).toEqual([
      ['no', '2', '0'],
      ['yes', '1', '1'],
    ])
  })

  it('ranks each class against the others', () => {
    expect(page.table('Each class against all others')).toEqual([
      ['no', '2', '0.6667', '1', '0.8', '0.75', '0.8333'],
      ['yes', '2', '1', '0.5', '0.6667', '0.75', '0.8333'],
    ])
  })

  it('tells how the probabilities that were given came true', () => {
    expect(page.table('Bins of equal width that hold a row')).toEqual([
      ['0.1', '0', '1'],
      ['0.375', '0.5', '2'],
      ['0.8', '1', '1'],
    ])
    expect(page.html).toContain('is 0.1375')
  })

  it('tells the gate’s decision with its numbers', () => {
    const decided = readEvaluation(scores, target, ['no', 'yes'], {
      verdict: 'worse',
      promote: false,
      metric: 'accuracy',
      rows: 40,
      margin: 0.01,
      difference: -0.1,
      interval: [-0.2, -0.05],
      championVersion: 2,
      reason: 'accuracy is worse',
    })
    expect(decided.fact('Gate')).toBe('worse')
    expect(Object.fromEntries(decided.table('What it rests on') as [string, string][])).toEqual({
      Metric: 'accuracy (more is better)',
      Champion: 'version 2',
      'Rows that neither learned from': '40',
      Margin: '0.01',
      Difference: '-0.1',
      '95% interval': '-0.2 to -0.05',
      'Promoted by the gate': 'no',
    })
  })

  it('compares the candidates, also those that could not be learned', () => {
    expect(page.table('What raced')).toEqual([
      ['stub', '0.8', '0.7, 0.9', '2', 'depth 3'],
      ['other', '–', '–', '–', 'too many rows'],
    ])
    expect(page.table('Not raced')).toEqual([['svc', 'it takes long', 'linear']])
  })

  it('finds the one feature that the model goes by', () => {
    const noisy = matrixFromRows(Array.from({ length: 60 }, (_, i) => [i % 2, i % 5]))
    const truth = Float64Array.from({ length: 60 }, (_, i) => i % 2)
    const [first, second] = readEvaluation(noisy, truth, ['no', 'yes']).table('accuracy lost')
    expect(first![0]).toBe('f0')
    expect(Number(first![1])).toBeGreaterThan(0.3)
    expect(second).toEqual(['f1', '0', '0'])
  })

  it('tells the residuals of a quantity', () => {
    const X = matrixFromRows([[1], [2], [3], [4]])
    const regression = readEvaluation(X, Float64Array.of(2, 2, 3, 1), null)
    expect(regression.table('Residuals')).toEqual([
      ['Mean', '-0.5'],
      ['Least', '-3'],
      ['25%', '0'],
      ['Median', '0'],
      ['75%', '0'],
      ['Greatest', '1'],
    ])
    const metrics = Object.fromEntries(
      regression.table('On all held-out rows') as [string, string][],
    )
    expect(metrics).toMatchObject({ rows: '4', mae: '1', 'max error': '3' })
  })

  it('shows the classes with the most rows and sums up the others', () => {
    const classes = 300
    const X = matrixFromRows(Array.from({ length: 900 }, (_, i) => [i % classes]))
    const truth = Float64Array.from({ length: 900 }, (_, i) => (i < 600 ? i % classes : i % 10))
    const labels = Array.from({ length: classes }, (_, i) => `class ${i}`)
    const many = readEvaluation(X, truth, labels)
    const confusion = many.table('Rows by actual (down) and answered class (across)')
    expect(confusion).toHaveLength(21)
    expect(confusion.at(-1)![0]).toBe('(others)')
    const counted = confusion.flatMap((row) => row.slice(1).map(Number))
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(900)
    expect(many.html.length).toBeLessThan(2_000_000)
  })
})

describe('pages of hostile and poor data', () => {
  const hostile = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "'</title></style></svg><iframe src=//x>",
    '&lt;b&gt; <![CDATA[ --> {{x}} ${x}',
    '\u202Egnp\u0000\u001B[31m',
  ]
  const features = matrixFromRows(
    Array.from({ length: 50 }, (_, i) => hostile.map((_, j) => (i % 2) + ((i * (j + 3)) % 11))),
  )
  const target = Float64Array.from({ length: 50 }, (_, i) => i % hostile.length)

  it('have names and classes as text alone', () => {
    const dataset = {
      features,
      target,
      featureNames: hostile,
      targetName: hostile[0]!,
      classLabels: hostile,
      textFeatures: [],
      categories: [hostile, null, null, null, null],
    }
    for (const page of [
      readDataset(dataset, 'classification', halves(50)),
      readEvaluation(features, target, hostile, undefined, hostile),
    ]) {
      expect(page.reaching()).toEqual([])
      expect(page.html).not.toMatch(/<script|<img|<iframe|http/i)
      expect(
        [...page.html].filter((one) => one === '\u202E' || (one < ' ' && one !== '\n')),
      ).toEqual([])
      const shown = page.all('th').map((cell) => cell.textContent)
      expect(shown).toEqual(expect.arrayContaining(hostile.slice(0, 4)))
    }
  })

  const columns = (...values: number[][]): Dataset => ({
    features: matrixFromRows(values[0]!.map((_, i) => values.map((column) => column[i]!))),
    target: Float64Array.from(values[0]!, (_, i) => i),
    featureNames: values.map((_, j) => `f${j}`),
    targetName: 'y',
    textFeatures: [],
  })

  it.each<[string, Dataset]>([
    ['of nothing but missing values', columns([NaN, NaN], [NaN, NaN])],
    ['of one row', columns([1], [2])],
    ['of constants', columns([3, 3, 3], [0, 0, 0])],
    ['of infinities', columns([Infinity, -Infinity, 1], [1, 2, 3])],
    ['of enormous and tiny values', columns([1e300, -1e300, 0], [5e-324, 0, 1e-300])],
    ['without a target', { ...columns([1, 2, 3], [1, 2, 4]), targetName: null }],
    ['of 2,000 columns', columns(...Array.from({ length: 2000 }, (_, j) => [j, j + 1]))],
  ])('are readable: a dataset %s', (_, dataset) => {
    const page = readDataset(dataset, 'regression', halves(dataset.features.rows))
    expectReadable(page)
    expect(page.table('What is in each column').length).toBeLessThanOrEqual(51)
  })

  it.each<[string, Matrix, Float64Array, string[] | null]>([
    ['one row', matrixFromRows([[0.7]]), Float64Array.of(1), ['a', 'b']],
    ['one class', matrixFromRows([[0.7], [0.9]]), Float64Array.of(1, 1), ['a', 'b']],
    ['one class in all', matrixFromRows([[0], [0]]), Float64Array.of(0, 0), ['a']],
    ['one quantity', matrixFromRows([[5]]), Float64Array.of(5), null],
    ['equal quantities', matrixFromRows([[5], [5]]), Float64Array.of(5, 5), null],
    ['huge quantities', matrixFromRows([[1e139], [-1e139]]), Float64Array.of(0, 1), null],
  ])('are readable: an evaluation on %s', (_, X, target, labels) => {
    expectReadable(readEvaluation(X, target, labels))
  })

  function expectReadable(page: ReadPage): void {
    expect(page.all('main section').length).toBeGreaterThan(3)
    expect(page.html).not.toMatch(/NaN|undefined|null|Infinity|\[object/)
    expect(page.reaching()).toEqual([])
    expect(page.html.length).toBeLessThan(2_000_000)
  }
})

describe('a curve that is thinned', () => {
  it('keeps its ends and its way', () => {
    const x = Float64Array.from({ length: 10_001 }, (_, i) => i / 10_000)
    const { x: xs, y: ys } = thinnedCurve(
      x,
      x.map((value) => value * value),
    )
    expect(xs.length).toBeLessThan(250)
    expect([xs[0], ys[0], xs.at(-1), ys.at(-1)]).toEqual([0, 0, 1, 1])
    expect(xs.every((value, i) => Math.abs(value * value - ys[i]!) < 1e-3)).toBe(true)
  })
})

describe('the reports of a training', () => {
  it('are beside the model, of the version, and the same from the same bytes', async () => {
    const pages = await Promise.all(
      [0, 1].map(async () => {
        const ports = memoryPorts()
        const key = 'uploads/ada/iris.npy'
        const options = { configuration: { algorithms: ['decision-tree'] }, name: 'iris' }
        const run = await train(ports, key, irisNpy(), { ...options, reports: true })
        expect(run).toMatchObject({ status: 'SUCCEEDED', output: { outcome: 'registered' } })
        const model = { user: 'ada', dataset: 'iris' }
        const { trainingId } = await createRegistry(ports.table, ports.clock).version(model, 0)
        const read = async (kind: 'dataset' | 'evaluation') =>
          new TextDecoder().decode(await ports.objects.read(reportKey({ model, trainingId }, kind)))
        return [await read('dataset'), await read('evaluation'), run] as const
      }),
    )
    const [[dataset, evaluation, run], again] = pages as [(typeof pages)[0], (typeof pages)[0]]
    expect(again.slice(0, 2)).toEqual([dataset, evaluation])
    const page = new ReadPage(evaluation)
    expect(page.all('h1')[0]!.textContent).toBe('Evaluation of ada/iris, version 0')
    const { metrics } = run.output as { metrics: { accuracy: number; confusionMatrix: number[][] } }
    const confusion = page.table('Rows by actual (down) and answered class (across)')
    expect(confusion.map((row) => row.slice(1).map(Number))).toEqual(metrics.confusionMatrix)
    const told = Object.fromEntries(page.table('On all held-out rows') as [string, string][])
    expect(Number(told['accuracy'])).toBeCloseTo(metrics.accuracy, 3)
    expect(new ReadPage(dataset).fact('Rows')).toBe('150')
  })

  it('are made of a quantity and of groups, too', async () => {
    const ports = memoryPorts()
    const configurations = [{ algorithms: ['mean'] }, { task: 'clustering' }]
    for (const configuration of configurations) {
      const key = 'uploads/ada/prices.csv'
      const run = await train(ports, key, pricesCsv(60, 1), { configuration, reports: true })
      expect([run.status, run.calls['Report']?.length]).toEqual(['SUCCEEDED', 1])
    }
    const { objects } = await ports.objects.list('models/')
    expect(objects.filter(({ key }) => key.endsWith('/evaluation.html'))).toHaveLength(2)
  })
})

function readDataset(
  dataset: Dataset,
  task: LearningTask,
  { train, heldOut }: { train: number[]; heldOut: number[] },
): ReadPage {
  const split = { train: Int32Array.from(train), heldOut: Int32Array.from(heldOut) }
  return new ReadPage(datasetReport(about, summarizeForReport(dataset, task, split), firstVersion))
}

function halves(rows: number) {
  const all = Array.from({ length: rows }, (_, i) => i)
  return { train: all.slice(0, rows >> 1), heldOut: all.slice(rows >> 1) }
}

const firstDecision: Evaluation['decision'] = {
  verdict: 'first',
  promote: true,
  metric: 'accuracy',
  rows: 4,
  margin: 0,
  difference: null,
  interval: null,
  championVersion: null,
  reason: 'the first version',
}

/** Of a model that answers its first feature: as a class, or its chance of two, or a quantity. */
function readEvaluation(
  X: Matrix,
  target: Float64Array,
  labels: string[] | null,
  decision: Evaluation['decision'] = firstDecision,
  featureNames = Array.from({ length: X.cols }, (_, j) => `f${j}`),
): ReadPage {
  const metric = labels === null ? 'rmse' : 'accuracy'
  const classes = labels === null ? null : Float64Array.from(labels.keys())
  const first = ({ data, rows, cols }: Matrix) =>
    Float64Array.from({ length: rows }, (_, i) => data[i * cols]!)
  const pipeline = {
    task: labels === null ? 'regression' : 'classification',
    classes,
    predict: (rows: Matrix) =>
      labels === null
        ? first(rows)
        : first(rows).map((value) =>
            labels.length === 2 ? Number(value >= 0.5) : Math.floor(value) % labels.length,
          ),
    ...(labels?.length === 2
      ? {
          predictProba: (rows: Matrix) =>
            matrixFromRows(Array.from(first(rows), (value) => [1 - value, value])),
        }
      : {}),
  }
  const model = { classes: labels, featureNames, pipeline } as unknown as LoadedModel
  const dataset: Dataset = {
    features: X,
    target,
    featureNames,
    targetName: 'y',
    textFeatures: [],
    ...(labels === null ? {} : { classLabels: labels }),
  }
  const rows = rowsOf(dataset, Int32Array.from(target.keys()), model, 0)
  const summary = summarizeEvaluation(model, rows, { metric, seed: 1, modelBytes: 1000 })
  return new ReadPage(
    evaluationReport(about, summary, {
      decision: { ...decision, metric },
      split: { heldOut: 0.25 },
      leftOut: [{ algorithm: 'svc', reason: 'it takes long', instead: 'linear' }],
      candidates: [
        {
          outcome: 'trained',
          algorithm: 'stub',
          artifact: { bucket: 'b', key: 'k', versionId: 'v', sha256: '', size: 1 },
          crossValidation: {
            task: 'classification',
            metric,
            score: 0.8,
            folds: [0.7, 0.9],
            trials: 2,
            hyperparameters: { depth: 3 },
            accuracy: 0.8,
            logLoss: null,
          },
        },
        { outcome: 'skipped', algorithm: 'other', reason: 'too many rows' },
      ],
    }),
  )
}
