import { randomUUID } from 'node:crypto'
import {
  isMillraceError,
  MillraceError,
  type Clock,
  type Log,
  type Objects,
} from '../platform/ports/index.ts'
import { sha256 as digestOf } from './digest.ts'
import { formatModel, type ModelName } from './names.ts'
import {
  formatPredictionId,
  parsePredictionId,
  predictionContents,
  predictionLogKey,
  predictionNotFound,
  predictionRecord,
  type PredictionContents,
  type PredictionRecord,
} from './prediction-records.ts'
import type { LearningTask, ObjectReference } from './shapes.ts'

/** Most bytes of contents that are kept in a record of the log; larger ones are an object. */
const maxRecordedBytes = 390 * 1024

/** Values of so few fit a record however long their texts are. */
const surelyRecordedValues = 200

/** What was predicted, as it is recorded. */
export interface MadePrediction {
  readonly model: ModelName
  readonly version: number
  readonly task: LearningTask
  /** The id of the caller's key. */
  readonly key: string | null
  readonly contents: PredictionContents
}

export interface FoundPrediction {
  readonly id: string
  readonly model: ModelName
  readonly record: PredictionRecord
}

/**
 * The predictions that were served, one record of the log a request. Where a prediction stands in the
 * log is its id, so that it is found again at the cost of one read.
 */
export interface PredictionLog {
  /**
   * Answers the id, once the record is durable; whoever reads the log comes later. Contents of more
   * than 390 KB are an object, which the record refers to. Throws StorageFailed.
   */
  record(made: MadePrediction): Promise<string>
  /** Throws PredictionNotFound. */
  find(id: string): Promise<FoundPrediction>
  /** What was asked and answered. Throws StorageFailed when its object is not what was written. */
  contents(record: PredictionRecord): Promise<PredictionContents>
}

export interface PredictionLogOptions {
  /**
   * Which of the keys of a model this process appends to: 0 to 99. An append is a transaction on its
   * key where the log is DynamoDB's, so that processes side by side take different ones. @default '0'
   */
  readonly shard?: string | undefined
}

/** A shard for one of many processes: the log's keys of a model are these 16. */
export function randomShard(): string {
  return String(Math.floor(Math.random() * 16))
}

export function createPredictionLog(
  {
    log,
    objects,
    clock,
  }: {
    log: Pick<Log, 'append' | 'get'>
    objects: Pick<Objects, 'put' | 'read'>
    clock: Clock
  },
  { shard = '0' }: PredictionLogOptions = {},
): PredictionLog {
  return {
    async record({ model, version, task, key, contents }) {
      const text = surelyFits(contents) ? '' : JSON.stringify(contents)
      const isRecorded = Buffer.byteLength(text) <= maxRecordedBytes
      const record: PredictionRecord = {
        kind: 'prediction',
        model: formatModel(model),
        version,
        task,
        at: new Date(clock.now()).toISOString(),
        key,
        rows: contents.predictions.length,
        contents: isRecorded ? contents : null,
        object: isRecorded ? null : await putContents(model, text),
      }
      const appended = await log.append(predictionLogKey(model, shard), [record])
      return formatPredictionId({ model, shard, position: appended[0]! })
    },

    async find(id) {
      const { model, shard: of, position } = parsePredictionId(id)
      const found = await log.get(predictionLogKey(model, of), position)
      // Feedback stands under the same keys, and is no prediction.
      if (found?.record['kind'] !== 'prediction') throw predictionNotFound(id)
      return { id, model, record: predictionRecord.parse(found.record) }
    },

    async contents({ contents, object }) {
      if (contents !== null) return contents
      if (object === null) throw new MillraceError('StorageFailed', 'a record without contents')
      return readContents(object)
    },
  }

  async function putContents(model: ModelName, text: string): Promise<ObjectReference> {
    const bytes = Buffer.from(text)
    const key = `predictions/${formatModel(model)}/${randomUUID()}.json`
    const { bucket, versionId } = await objects.put(key, bytes, {
      contentType: 'application/json',
    })
    return { bucket, key, versionId, sha256: digestOf(bytes), size: bytes.length }
  }

  async function readContents({ key, versionId, sha256 }: ObjectReference) {
    try {
      const bytes = await objects.read(key, { versionId })
      if (digestOf(bytes) === sha256) {
        return predictionContents.parse(JSON.parse(Buffer.from(bytes).toString()))
      }
    } catch (error) {
      if (!isMillraceError(error, 'ObjectNotFound')) throw error
    }
    throw new MillraceError(
      'StorageFailed',
      `${key} version ${versionId} is not what was written: it was changed or removed by other means`,
    )
  }
}

function surelyFits(contents: PredictionContents): boolean {
  const { instances, probabilities, classes, imputed } = contents
  if (imputed !== undefined) return false
  const width = (instances[0]?.length ?? 0) + (probabilities?.[0]?.length ?? 0) + 2
  return instances.length * width + (classes?.length ?? 0) <= surelyRecordedValues
}
