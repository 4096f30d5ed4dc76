import { createHash } from 'node:crypto'
import {
  encodeSafetensors,
  parseSafetensors,
  type Tensor as FileTensor,
} from '../data/safetensors.ts'
import type { Classifier } from './classifier.ts'
import { ModelError } from './errors.ts'
import { LogisticRegression } from './logistic-regression.ts'
import { MajorityBaseline } from './majority-baseline.ts'
import { MlSvm } from './ml-svm-adapter.ts'
import type { Parameters } from './options.ts'
import { Pipeline } from './pipeline.ts'
import { StandardScaler } from './standard-scaler.ts'
import { SVC } from './svc.ts'
import type { LoadedTensors } from './tensors.ts'

/** The version of the model file, its entry `millrace.format`. */
const modelFormat = '1'

export interface LoadedModel {
  readonly model: Pipeline
  readonly algorithm: string
  /** The entries that the writer gave. */
  readonly metadata: Readonly<Record<string, string>>
  /** The tensors that the writer gave besides the model. */
  readonly tensors: ReadonlyMap<string, FileTensor>
}

const own = 'millrace.'
const parts = { classifier: 'classifier.', scaler: 'scaler.' }
const checksumKey = `${own}checksum`
const noChecksum = '0'.repeat(64)

const estimators = new Map<string, (t: LoadedTensors, p: Parameters) => Classifier>([
  ['svc', (tensors, parameters) => SVC.fromTensors(tensors, parameters)],
  ['svc-linear', (tensors, parameters) => SVC.fromTensors(tensors, parameters)],
  [
    'logistic-regression',
    (tensors, parameters) => LogisticRegression.fromTensors(tensors, parameters),
  ],
  ['majority', (tensors, parameters) => MajorityBaseline.fromTensors(tensors, parameters)],
  ['ml-svm', (tensors, parameters) => MlSvm.fromTensors(tensors, parameters)],
])

/**
 * A fitted model as a safetensors file. Its metadata holds `millrace.format`, `millrace.algorithm`,
 * `millrace.parameters` (JSON) and `millrace.checksum`: the SHA-256 of the whole file with 64 zeros
 * in the checksum's place. The same model and metadata give the same bytes.
 *
 * @param metadata the writer's own entries; a key must not begin with `millrace.`
 * @param extraTensors the writer's own tensors; a name must not begin with `classifier.`, `scaler.`
 * Throws NotFitted, OptionInvalid for such a name, DataError for text that the format cannot hold.
 */
export function encodeModel(
  model: Pipeline,
  metadata: Readonly<Record<string, string>> = {},
  extraTensors: Readonly<Record<string, FileTensor>> = {},
): Uint8Array {
  for (const key of Object.keys(metadata)) refuseOwnName(key, [own], 'metadata entry')
  for (const name of Object.keys(extraTensors)) {
    refuseOwnName(name, Object.values(parts), 'tensor')
  }
  const bytes = encodeSafetensors(
    { ...model.toTensors(), ...extraTensors },
    {
      ...metadata,
      [`${own}format`]: modelFormat,
      [`${own}algorithm`]: model.algorithm,
      [`${own}parameters`]: JSON.stringify(model.parameters),
      [checksumKey]: noChecksum,
    },
  )
  const at = checksumOffset(bytes)
  bytes.set(new TextEncoder().encode(checksumOf(bytes, at)), at)
  return bytes
}

/**
 * The model of a file that `encodeModel` made. The checksum comes first; then every size, index and
 * number is checked, so that a file made with ill intent (whose checksum can be right) costs no more
 * than its own size. Nothing of it is evaluated. Throws ModelFileInvalid.
 */
export function decodeModel(bytes: Uint8Array): LoadedModel {
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

function readModel(bytes: Uint8Array): LoadedModel {
  const file = parseSafetensors(bytes)
  const format = entry(file.metadata, 'format')
  if (format !== modelFormat) {
    throw invalid(`it has the format ${JSON.stringify(format)}; read is ${modelFormat}`)
  }
  const algorithm = entry(file.metadata, 'algorithm')
  const fromTensors = estimators.get(algorithm)
  if (!fromTensors) {
    const known = [...estimators.keys()].join(', ')
    throw invalid(`its algorithm is ${JSON.stringify(algorithm)}; known are ${known}`)
  }
  const parameters = JSON.parse(entry(file.metadata, 'parameters')) as Parameters
  const classifier = fromTensors(part(file.tensors, parts.classifier), parameters)
  if (classifier.algorithm !== algorithm) {
    throw invalid(`its parameters are of ${classifier.algorithm}, its algorithm is ${algorithm}`)
  }
  const scaling = part(file.tensors, parts.scaler)
  const scaler = scaling.size > 0 ? StandardScaler.fromTensors(scaling) : undefined
  return {
    model: Pipeline.of(classifier, scaler),
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

function part(tensors: ReadonlyMap<string, FileTensor>, prefix: string): LoadedTensors {
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
