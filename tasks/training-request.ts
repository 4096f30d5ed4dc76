import * as z from 'zod'
import { sequencerOfTime } from '../events/index.ts'
import type { Ports } from '../platform/ports/index.ts'
import { codeVersion } from './code-version.ts'
import type { Datasets } from './datasets.ts'
import { sha256 } from './digest.ts'
import { listExecution } from './execution-owner.ts'
import { sortedByName } from './ledger.ts'
import { formatModel, modelNameSchema, type ModelName } from './names.ts'
import { createRegistry } from './registry.ts'
import { jsonBytes, putOnce } from './stored-objects.ts'
import type { TrainingConfiguration } from './training-configuration.ts'

/** What the queue carries of a training that someone asked for. */
export const trainingMessage = z.object({
  task: z.literal('train'),
  /** The execution that it becomes. */
  execution: z.string(),
  model: modelNameSchema,
  dataset: modelNameSchema,
  datasetVersion: z.number().int().nonnegative(),
  /** The object that holds the configuration. */
  request: z.object({ key: z.string(), versionId: z.string() }),
  /** ISO 8601 time. */
  requestedAt: z.string(),
  sequencer: z.string(),
})
export type TrainingMessage = z.infer<typeof trainingMessage>

export interface TrainingRequest {
  readonly model: ModelName
  readonly dataset: ModelName
  /** @default the last one */
  readonly datasetVersion?: number | undefined
  readonly configuration: TrainingConfiguration
  /** Asked before anything is written; what it throws is thrown. @default all may be */
  readonly allow?: (execution: string, rows: number) => Promise<void>
}

export interface AcceptedTraining {
  readonly messageId: string
  readonly execution: string
  readonly datasetVersion: number
}

/**
 * Accepts a training: once this answers, it is durable, and its execution will start. The same request
 * has the same execution, so that asked for twice it is one training; after a failure, asking again
 * lets it go on.
 *
 * Throws DatasetNotFound.
 */
export async function requestTraining(
  ports: Pick<Ports, 'objects' | 'table' | 'queue' | 'clock'>,
  datasets: Datasets,
  { model, dataset, datasetVersion, configuration, allow }: TrainingRequest,
): Promise<AcceptedTraining> {
  const record = await datasets.version(dataset, datasetVersion)
  const { columns, target } = await datasets.schema(record)
  const named = target === null ? columns : columns.filter(({ name }) => name !== target)
  const full: TrainingConfiguration = {
    ...(record.format === 'csv'
      ? { ...(target === null ? {} : { target }) }
      : { featureNames: named.map(({ name }) => name) }),
    ...configuration,
  }
  const head = await createRegistry(ports.table, ports.clock).head(model)
  const identity = [
    formatModel(model),
    // A model that was deleted is trained anew.
    head?.deletedAt ?? head?.firstVersion ?? 0,
    formatModel(dataset),
    record.version,
    sortedByName(full),
    codeVersion,
  ]
  const digest = sha256(JSON.stringify(identity)).slice(0, 16)
  const execution = `${formatModel(model)
    .replace(/[^A-Za-z0-9_]+/g, '-')
    .slice(0, 60)}-${digest}`
  await allow?.(execution, record.rows)
  // The first writing stays: a repetition is about the same object version.
  const key = `requests/${formatModel(model)}/${execution}.json`
  const request = await putOnce(ports.objects, key, jsonBytes(full), 'application/json')
  await listExecution(ports.table, ports.clock, model.user, {
    workflow: 'training',
    name: execution,
  })
  const message: TrainingMessage = {
    task: 'train',
    execution,
    model,
    dataset,
    datasetVersion: record.version,
    request: { key: request.key, versionId: request.versionId },
    requestedAt: request.lastModified,
    sequencer: request.sequencer ?? sequencerOfTime(Date.parse(request.lastModified)),
  }
  const { messageId } = await ports.queue.send(message)
  return { messageId, execution, datasetVersion: record.version }
}
