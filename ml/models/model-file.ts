import { createHash } from 'node:crypto'
import {
  encodeSafetensors,
  parseSafetensors,
  type Tensor as FileTensor,
} from '../data/safetensors.ts'
import { withinMemory } from './allocation.ts'
import { ModelError } from './errors.ts'
import {
  classifiers,
  clusterers,
  loaderNamed,
  regressors,
  transformers,
  type Loaders,
} from './model-loaders.ts'
import type { Parameters } from './options.ts'
import { ClusteringPipeline } from './pipeline/clustering-pipeline.ts'
import { Pipeline } from './pipeline/pipeline.ts'
import { RegressionPipeline } from './pipeline/regression-pipeline.ts'
import type { AnyPipeline, LearningTask, PipelineOf } from './pipeline/tasks.ts'
import type { Transformer } from './preprocessing/transformer.ts'

/** The version of the model file, its entry `millrace.format`. */
const modelFormat = '2'

/** Steps before a model that a file may have. */
const mostSteps = 100

export interface LoadedModel<Task extends LearningTask = 'classification'> {
  readonly task: Task
  readonly model: PipelineOf[Task]
  readonly algorithm: string
  /** The entries that the writer gave. */
  readonly metadata: Readonly<Record<string, string>>
  /** The tensors that the writer gave besides the model. */
  readonly tensors: ReadonlyMap<string, FileTensor>
}

export type AnyLoadedModel = { [Task in LearningTask]: LoadedModel<Task> }[LearningTask]

const own = 'millrace.'
const parts = { model: 'model.', steps: 'steps.' }
const checksumKey = `${own}checksum`
const noChecksum = '0'.repeat(64)

/**
 * A fitted model as a safetensors file. Its metadata holds `millrace.format`, `millrace.task`,
 * `millrace.algorithm`, `millrace.parameters` (JSON), `millrace.steps` (JSON, a list of the steps'
 * kinds and parameters) and `millrace.checksum`: the SHA-256 of the whole file with 64 zeros in the
 * checksum's place. The same model and metadata give the same bytes.
 *
 * @param metadata the writer's own entries; a key must not begin with `millrace.`
 * @param extraTensors the writer's own tensors; a name must not begin with `model.`, `steps.`
 * Throws NotFitted, OptionInvalid for such a name, MemoryExceeded, DataError for text that the format
 * cannot hold.
 */
export function encodeModel(
  model: AnyPipeline,
  metadata: Readonly<Record<string, string>> = {},
  extraTensors: Readonly<Record<string, FileTensor>> = {},
): Uint8Array {
  for (const key of Object.keys(metadata)) refuseOwnName(key, [own], 'metadata entry')
  for (const name of Object.keys(extraTensors)) {
    refuseOwnName(name, Object.values(parts), 'tensor')
  }
  const steps = model.steps.map(({ kind, parameters }) => ({ kind, parameters }))
  const entries = {
    ...metadata,
    [`${own}format`]: modelFormat,
    [`${own}task`]: model.task,
    [`${own}algorithm`]: model.algorithm,
    [`${own}parameters`]: JSON.stringify(model.parameters),
    [`${own}steps`]: JSON.stringify(steps),
    [checksumKey]: noChecksum,
  }
  const bytes = withinMemory(`the file of ${model.algorithm}`, () =>
    encodeSafetensors({ ...model.toTensors(), ...extraTensors }, entries),
  )
  const at = checksumOffset(bytes)
  bytes.set(new TextEncoder().encode(checksumOf(bytes, at)), at)
  return bytes
}

/**
 * The classifier of a file that `encodeModel` made. The checksum comes first; then every size, index
 * and number is checked, so that a file made with ill intent (whose checksum can be right) costs no
 * more than its own size. Nothing of it is evaluated. Throws ModelFileInvalid, also for a model of
 * another task.
 */
export function decodeModel(bytes: Uint8Array): LoadedModel {
  const loaded = decodeAnyModel(bytes)
  if (loaded.task === 'classification') return loaded
  throw invalid(`its task is ${loaded.task}; asked for is classification`)
}

/** The same for a model of any task. */
export function decodeAnyModel(bytes: Uint8Array): AnyLoadedModel {
  verifyChecksum(bytes)
  try {
    return readModel(bytes)
  } catch (error) {
    if (error instanceof ModelError && error.name === 'ModelFileInvalid') throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new ModelError('ModelFileInvalid', `the model file is not sound: ${message}`, {
      cause: error,
    })
  }
}

function readModel(bytes: Uint8Array): AnyLoadedModel {
  const file = parseSafetensors(bytes)
  const format = entry(file.metadata, 'format')
  if (format !== modelFormat) {
    throw invalid(`it has the format ${JSON.stringify(format)}; read is ${modelFormat}`)
  }
  const task = entry(file.metadata, 'task')
  const algorithm = entry(file.metadata, 'algorithm')
  const steps = readSteps(file.tensors, JSON.parse(entry(file.metadata, 'steps')))
  const rest = {
    algorithm,
    metadata: Object.fromEntries(
      Object.entries(file.metadata).filter(([key]) => !key.startsWith(own)),
    ),
    tensors: new Map(
      [...file.tensors].filter(
        ([name]) => !Object.values(parts).some((prefix) => name.startsWith(prefix)),
      ),
    ),
  }
  const load = <Model extends { readonly algorithm: string }>(loaders: Loaders<Model>): Model => {
    const parameters = JSON.parse(entry(file.metadata, 'parameters')) as Parameters
    const fromTensors = loaderNamed(loaders, algorithm, 'algorithm')
    const model = fromTensors(part(file.tensors, parts.model), parameters)
    if (model.algorithm === algorithm) return model
    throw invalid(`its parameters are of ${model.algorithm}, its algorithm is ${algorithm}`)
  }
  switch (task) {
    case 'classification':
      return { ...rest, task, model: Pipeline.of(load(classifiers), steps) }
    case 'regression':
      return { ...rest, task, model: RegressionPipeline.of(load(regressors), steps) }
    case 'clustering':
      return { ...rest, task, model: ClusteringPipeline.of(load(clusterers), steps) }
    default:
      throw invalid(`its task is ${JSON.stringify(task)}`)
  }
}

function readSteps(tensors: ReadonlyMap<string, FileTensor>, listed: unknown): Transformer[] {
  if (!Array.isArray(listed) || listed.length > mostSteps) {
    throw invalid(`its steps are not a list of at most ${mostSteps}`)
  }
  const all = part(tensors, parts.steps)
  const stray = [...all.keys()].find((name) => {
    const step = /^(0|[1-9]\d*)\./.exec(name)?.[1]
    return step === undefined || Number(step) >= listed.length
  })
  if (stray !== undefined) throw invalid(`its tensor steps.${stray} is of no step`)
  return listed.map((step: { kind?: unknown; parameters?: Parameters } | null, s) => {
    const fromTensors = loaderNamed(transformers, step?.kind, 'step')
    return fromTensors(part(all, `${s}.`), step?.parameters ?? {})
  })
}

function verifyChecksum(bytes: Uint8Array): void {
  const at = checksumOffset(bytes)
  const stated = Buffer.from(bytes.subarray(at, at + noChecksum.length)).toString('latin1')
  const actual = checksumOf(bytes, at)
  if (stated !== actual) {
    throw invalid(`its checksum is ${actual}, and it states ${JSON.stringify(stated)}`)
  }
}

/**
 * Where the 64 digits of the checksum begin. Quotes inside of JSON text are escaped, so this run of
 * characters can only be the entry itself; a second one would be a repeated key, which is refused.
 */
function checksumOffset(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const marker = `"${checksumKey}":"`
  const at = buffer.indexOf(marker)
  if (at < 0 || at + marker.length + noChecksum.length > bytes.length) {
    throw invalid(`it has no entry ${checksumKey}: it is no model file, or a damaged one`)
  }
  return at + marker.length
}

function checksumOf(bytes: Uint8Array, at: number): string {
  return createHash('sha256')
    .update(bytes.subarray(0, at))
    .update(noChecksum)
    .update(bytes.subarray(at + noChecksum.length))
    .digest('hex')
}

function part<Kept>(tensors: ReadonlyMap<string, Kept>, prefix: string): ReadonlyMap<string, Kept> {
  const named = [...tensors].filter(([name]) => name.startsWith(prefix))
  return new Map(named.map(([name, tensor]) => [name.slice(prefix.length), tensor]))
}

function entry(metadata: Readonly<Record<string, string>>, name: string): string {
  const key = own + name
  if (!Object.hasOwn(metadata, key)) throw invalid(`it has no metadata entry ${key}`)
  return metadata[key]!
}

function refuseOwnName(name: string, prefixes: readonly string[], what: string): void {
  const prefix = prefixes.find((taken) => name.startsWith(taken))
  if (prefix === undefined) return
  throw new ModelError(
    'OptionInvalid',
    `encodeModel: a ${what} must not begin with ${prefix}, got ${JSON.stringify(name)}`,
  )
}

function invalid(what: string): ModelError {
  return new ModelError('ModelFileInvalid', `the model file was refused: ${what}`)
}
