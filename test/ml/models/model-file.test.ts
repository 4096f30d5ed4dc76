import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors, parseSafetensors } from '../../../ml/data/safetensors.ts'
import {
  ClusteringPipeline,
  ColumnTransformer,
  decodeAnyModel,
  decodeModel,
  encodeModel,
  FunctionTransformer,
  KMeans,
  KNeighborsClassifier,
  LinearRegression,
  MajorityBaseline,
  OneHotEncoder,
  PCA,
  Pipeline,
  RegressionPipeline,
  SimpleImputer,
  TransformedTarget,
  trainers,
  trainerNamed,
} from '../../../ml/models/index.ts'
import { blobs, iris } from './datasets.ts'

const invalid = expect.objectContaining({ name: 'ModelFileInvalid' }) as Error

type Tensors = Parameters<typeof encodeSafetensors>[0]
type Metadata = Record<string, string>

/** The file with its parts changed and its checksum put right: what a hostile writer can do. */
function forge(
  bytes: Uint8Array,
  change: (tensors: Record<string, Tensors[string]>, metadata: Metadata) => void,
): Uint8Array {
  const parsed = parseSafetensors(bytes)
  const tensors = Object.fromEntries(parsed.tensors)
  const metadata = { ...parsed.metadata }
  change(tensors, metadata)
  return sign(encodeSafetensors(tensors, metadata))
}

function sign(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes)
  const at = text.indexOf('"millrace.checksum":"') + '"millrace.checksum":"'.length
  text.fill('0', at, at + 64)
  text.write(createHash('sha256').update(text).digest('hex'), at)
  return new Uint8Array(text)
}

describe('The model file', () => {
  const small = blobs(12, 2, 3)
  const bytesOf = (name: string) =>
    encodeModel(trainerNamed(name).create({}, 1).fit(small.X, small.y), { features: '["a","b"]' })

  it("is safetensors with its own entries beside the writer's", () => {
    const model = trainerNamed('svc').create({ C: 2 }).fit(iris.X, iris.y)
    const extra = {
      'baseline.sample': { dtype: 'F64', shape: [2], data: Float64Array.of(1, 2) },
    } as const
    const bytes = encodeModel(model, { classes: 'setosa' }, extra)
    const { metadata, tensors } = parseSafetensors(bytes)
    expect(metadata).toMatchObject({
      classes: 'setosa',
      'millrace.format': '2',
      'millrace.algorithm': 'svc',
    })
    expect(JSON.parse(metadata['millrace.parameters']!)).toMatchObject({ C: 2, kernel: 'rbf' })
    expect([...tensors.keys()].sort()).toEqual([
      'baseline.sample',
      'model.classes',
      'model.coefficients',
      'model.gamma',
      'model.intercepts',
      'model.supportCounts',
      'model.supportVectors',
      'steps.0.mean',
      'steps.0.scale',
    ])
    const loaded = decodeModel(bytes)
    expect(loaded.metadata).toEqual({ classes: 'setosa' })
    expect([...loaded.tensors]).toEqual([['baseline.sample', extra['baseline.sample']]])
  })

  it('loads also from a part of a larger buffer, and keeps none of it', () => {
    const bytes = bytesOf('svc')
    // Aligned for doubles and not.
    for (const start of [8, 3]) {
      const larger = new Uint8Array(bytes.length + 11)
      larger.set(bytes, start)
      const { model } = decodeModel(larger.subarray(start, start + bytes.length))
      const before = model.decisionFunction(small.X)
      larger.fill(0xff)
      expect(model.decisionFunction(small.X)).toEqual(before)
    }
  })

  it('is refused when any one bit is flipped', () => {
    const bytes = bytesOf('svc-linear')
    for (let at = 0; at < bytes.length; at++) {
      const broken = bytes.slice()
      broken[at]! ^= 1 << (at % 8)
      expect(() => decodeModel(broken), `byte ${at}`).toThrow(invalid)
    }
  })

  it('is refused when it is cut short or goes on', () => {
    const bytes = bytesOf('majority')
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => decodeModel(bytes.subarray(0, length))).toThrow(invalid)
    }
    expect(() => decodeModel(new Uint8Array([...bytes, 0]))).toThrow(invalid)
    expect(() => decodeModel(Buffer.from('"millrace.checksum":"'))).toThrow(invalid)
  })

  it('is refused, checksum or not, when it does not hang together', () => {
    const f64 = (data: number[], ...shape: number[]) =>
      ({ dtype: 'F64', shape, data: Float64Array.from(data) }) as const
    const i32 = (data: number[], ...shape: number[]) =>
      ({ dtype: 'I32', shape, data: Int32Array.from(data) }) as const
    const forgeries: [string, string, Parameters<typeof forge>[1]][] = [
      ['svc', 'format', (_, m) => (m['millrace.format'] = '1')],
      ['svc', 'millrace.format', (_, m) => delete m['millrace.format']],
      ['svc', 'algorithm', (_, m) => (m['millrace.algorithm'] = '__proto__')],
      ['svc', 'unknown option', (_, m) => (m['millrace.algorithm'] = 'majority')],
      ['svc', 'weights', (_, m) => (m['millrace.parameters'] = '{"kernel":"linear"}')],
      ['svc', 'algorithm', (_, m) => (m['millrace.algorithm'] = 'svc-linear')],
      ['svc', 'option', (_, m) => (m['millrace.parameters'] = '{"C":-1}')],
      ['svc', 'option', (_, m) => (m['millrace.parameters'] = '{"__proto__":{"C":1}}')],
      ['svc', 'options', (_, m) => (m['millrace.parameters'] = '[]')],
      ['svc', 'options', (_, m) => (m['millrace.parameters'] = 'null')],
      ['svc', 'JSON', (_, m) => (m['millrace.parameters'] = 'while(1){}')],
      ['svc', 'missing', (t) => delete t['model.intercepts']],
      ['svc', 'unknown tensor', (t) => (t['model.code'] = f64([1], 1))],
      ['svc', 'of no step', (t) => (t['steps.-1.x'] = f64([1], 1))],
      ['svc', 'of no step', (t) => (t['steps.00.mean'] = f64([1], 1))],
      ['svc', 'of no step', (t) => (t['steps.0x.mean'] = f64([1], 1))],
      ['svc', 'of no step', (t) => (t['steps.0'] = f64([1], 1))],
      ['svc', 'ascend', (t) => (t['model.classes'] = f64([0, 2, 1], 3))],
      ['svc', 'ascend', (t) => (t['model.classes'] = f64([0, 1, 1], 3))],
      ['svc', 'classes', (t) => (t['model.classes'] = f64([0], 1))],
      ['svc', 'shape', (t) => (t['model.classes'] = f64([0, 1, 2, 3], 4))],
      ['svc', 'shape', (t) => (t['model.supportCounts'] = i32([1, 1, 1], 3))],
      ['svc', '-1', (t) => (t['model.supportCounts'] = i32([-1, 5, 5], 3))],
      ['svc', 'shape', (t) => (t['model.supportCounts'] = i32([2 ** 31 - 1, 2 ** 31 - 1, 1], 3))],
      ['svc', 'F64', (t) => (t['model.supportCounts'] = f64([4, 4, 4], 3))],
      ['svc', 'gamma', (t) => (t['model.gamma'] = f64([-1]))],
      ['svc', 'NaN', (t) => (t['model.gamma'] = f64([NaN]))],
      ['svc', 'Infinity', (t) => (t['model.intercepts'] = f64([0, Infinity, 0], 3))],
      ['svc', '1e+200', (t) => (t['model.intercepts'] = f64([0, 1e200, 0], 3))],
      [
        'svc',
        'scaler',
        (t) => {
          t['steps.0.mean'] = f64([0, 0, 0], 3)
          t['steps.0.scale'] = f64([1, 1, 1], 3)
        },
      ],
      ['svc', 'scale', (t) => (t['steps.0.scale'] = f64([1, 0], 2))],
      ['svc', 'missing', (t) => delete t['steps.0.scale']],
      ['logistic-regression', 'shape', (t) => (t['model.weights'] = f64([1, 2], 1, 2))],
      ['logistic-regression', 'shape', (t) => (t['model.weights'] = f64([], 3, 0))],
      ['majority', 'share', (t) => (t['model.shares'] = f64([1, 0, 0], 3))],
      ['majority', 'outside', (t) => (t['model.featureCount'] = i32([0]))],
      ['ml-svm', 'width', (t) => (t['model.width'] = f64([1, 0], 2))],
      ['ml-svm', 'shape', (t) => (t['model.minimum'] = f64([1], 1))],
    ]
    for (const [name, found, change] of forgeries) {
      const forged = forge(bytesOf(name), change)
      expect(() => decodeModel(forged), `${name}: ${found}`).toThrow(
        expect.objectContaining({
          name: 'ModelFileInvalid',
          message: expect.stringContaining(found) as string,
        }),
      )
    }
    decodeModel(forge(bytesOf('svc'), () => undefined))
  })

  it('holds models of every task, and gives classifiers alone where they are asked for', () => {
    const regression = new RegressionPipeline(new LinearRegression()).fit(small.X, small.y)
    const clustering = new ClusteringPipeline(new KMeans({ nClusters: 3 })).fit(small.X)
    for (const model of [regression, clustering]) {
      const bytes = encodeModel(model)
      expect(parseSafetensors(bytes).metadata['millrace.task']).toBe(model.task)
      expect(decodeAnyModel(bytes).task).toBe(model.task)
      expect(() => decodeModel(bytes)).toThrow(
        expect.objectContaining({
          name: 'ModelFileInvalid',
          message: expect.stringContaining(model.task) as string,
        }),
      )
    }
  })

  it('is refused when its steps, its regressor or its clusters do not hang together', () => {
    const f64 = (data: number[], ...shape: number[]) =>
      ({ dtype: 'F64', shape, data: Float64Array.from(data) }) as const
    const i32 = (data: number[], ...shape: number[]) =>
      ({ dtype: 'I32', shape, data: Int32Array.from(data) }) as const
    const kinds = { ...small.X, data: small.X.data.map((value) => Math.round(value)) }
    const models = {
      imputer: new Pipeline(new MajorityBaseline(), { steps: [new SimpleImputer()] }),
      pca: new Pipeline(new MajorityBaseline(), { steps: [new PCA()] }),
      oneHot: new Pipeline(new MajorityBaseline(), { steps: [new OneHotEncoder()] }),
      log1p: new Pipeline(new MajorityBaseline(), {
        steps: [new FunctionTransformer({ func: 'log1p' })],
      }),
      columns: new Pipeline(new MajorityBaseline(), {
        steps: [new ColumnTransformer([{ columns: [1] }], { remainder: 'passthrough' })],
      }),
      neighbors: new Pipeline(new KNeighborsClassifier()),
    }
    const positive = { ...kinds, data: kinds.data.map((value) => Math.abs(value)) }
    const bytes = Object.fromEntries(
      Object.entries(models).map(([name, model]) => [
        name,
        encodeModel(model.fit(positive, small.y)),
      ]),
    )
    bytes.target = encodeModel(
      new RegressionPipeline(new TransformedTarget(new LinearRegression(), { func: 'sqrt' })).fit(
        small.X,
        small.y,
      ),
    )
    bytes.means = encodeModel(new ClusteringPipeline(new KMeans({ nClusters: 2 })).fit(small.X))
    const steps = (m: Metadata, change: (text: string) => string) =>
      (m['millrace.steps'] = change(m['millrace.steps']!))
    const forgeries: [string, string, Parameters<typeof forge>[1]][] = [
      ['imputer', 'millrace.task', (_, m) => delete m['millrace.task']],
      ['imputer', 'its task is', (_, m) => (m['millrace.task'] = 'ranking')],
      ['imputer', 'algorithm', (_, m) => (m['millrace.task'] = 'regression')],
      ['imputer', 'millrace.steps', (_, m) => delete m['millrace.steps']],
      ['imputer', 'not a list', (_, m) => steps(m, () => '{}')],
      [
        'imputer',
        'step',
        (_, m) => steps(m, (text) => text.replace('simple-imputer', '__proto__')),
      ],
      ['imputer', 'of no step', (_, m) => steps(m, () => '[]')],
      ['imputer', 'of no step', (t) => (t['steps.7.fill'] = f64([1], 1))],
      ['imputer', 'unknown tensor', (t) => (t['steps.0.code'] = f64([1], 1))],
      ['imputer', 'addIndicator', (t) => (t['steps.0.indicated'] = i32([1, 0], 2))],
      [
        'imputer',
        'gives 3 columns',
        (t) => {
          t['steps.0.fill'] = f64([1, 2, 3], 3)
          t['steps.0.indicated'] = i32([0, 0, 0], 3)
        },
      ],
      ['imputer', 'option', (_, m) => steps(m, (text) => text.replace('"mean"', '"code"'))],
      ['imputer', 'step', (_, m) => steps(m, () => '[null]')],
      ['pca', 'negative', (t) => (t['steps.0.explainedVariance'] = f64([1, -1], 2))],
      ['pca', 'shape', (t) => (t['steps.0.mean'] = f64([1], 1))],
      ['oneHot', 'shape', (t) => (t['steps.0.categoryCounts'] = i32([9999, 1], 2))],
      [
        'oneHot',
        'repeat',
        (t) => {
          t['steps.0.categoryCounts'] = i32([2, 0], 2)
          t['steps.0.categories'] = f64([5, 5], 2)
        },
      ],
      ['log1p', 'gives 2147483647', (t) => (t['steps.0.columns'] = i32([2 ** 31 - 1]))],
      ['columns', 'rest', (t) => (t['steps.0.rest.columns'] = i32([1], 1))],
      ['columns', 'rest', (t) => (t['steps.0.inputCount'] = i32([2 ** 31 - 1]))],
      ['columns', 'outside', (t) => (t['steps.0.0.columns'] = i32([2], 1))],
      ['columns', 'parts', (_, m) => steps(m, (text) => text.replace('"parts":1', '"parts":1e9'))],
      ['neighbors', 'no row', (t) => (t['model.labels'] = i32(new Array<number>(12).fill(0), 12))],
      ['neighbors', 'outside', (t) => (t['model.labels'] = i32(new Array<number>(12).fill(3), 12))],
      [
        'target',
        'regressor',
        (_, m) => (m['millrace.parameters'] = m['millrace.parameters']!.replace('linear-', 'svc-')),
      ],
      ['target', 'unknown tensor', (t) => (t['model.coefficients'] = f64([1, 2], 2))],
      ['means', 'shape', (t) => (t['model.centroids'] = f64([1, 2, 3, 4, 5, 6], 3, 2))],
      ['means', 'inertia', (t) => (t['model.inertia'] = f64([-1]))],
      ['means', 'outside', (t) => (t['model.iterations'] = i32([0]))],
    ]
    for (const [name, found, change] of forgeries) {
      const forged = forge(bytes[name]!, change)
      expect(() => decodeAnyModel(forged), `${name}: ${found}`).toThrow(
        expect.objectContaining({
          name: 'ModelFileInvalid',
          message: expect.stringContaining(found) as string,
        }),
      )
    }
    for (const sound of Object.values(bytes)) decodeAnyModel(forge(sound, () => undefined))
  })

  it('takes no name of its own from the writer', () => {
    const model = trainers.majority!.create().fit(small.X, small.y)
    const tensor = { dtype: 'F64', shape: [1], data: Float64Array.of(1) } as const
    const refused = expect.objectContaining({ name: 'OptionInvalid' }) as Error
    expect(() => encodeModel(model, { 'millrace.format': '9' })).toThrow(refused)
    expect(() => encodeModel(model, {}, { 'model.classes': tensor })).toThrow(refused)
    expect(() => encodeModel(model, {}, { 'steps.0.mean': tensor })).toThrow(refused)
    const tricky = { note: '"millrace.checksum":"' + '0'.repeat(64) + '"' }
    expect(decodeModel(encodeModel(model, tricky)).metadata).toEqual(tricky)
  })
})
