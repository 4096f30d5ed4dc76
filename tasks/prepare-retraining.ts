import * as z from 'zod'
import { sequencerOfTime, trainingRequestedEvent } from '../events/index.ts'
import { decodeAnyModel } from '../ml/models/model-file.ts'
import { isMillraceError, type ObjectVersion, type Ports } from '../platform/ports/index.ts'
import { sha256 } from './digest.ts'
import { createLabelledRows } from './labelled-rows.ts'
import { openModel, readArtifact } from './model-artifact.ts'
import { formatModel } from './names.ts'
import { createRegistry } from './registry.ts'
import { createRetrainingDecisions } from './retraining-decisions.ts'
import { configurationOf, datasetOfRows, type RetrainingDataset } from './retraining-dataset.ts'
import { retrainingEnding, retrainingRun, type RetrainingRun } from './retraining-shapes.ts'
import { standingOf } from './retraining-standing.ts'
import { jsonBytes, putOnce } from './stored-objects.ts'
import { defineTask } from './task.ts'
import { readConfiguration, type TrainingConfiguration } from './training-configuration.ts'

/**
 * Writes the labelled rows since the change as a dataset, and starts the training of a challenger on
 * them. Both are named for the execution: a task that runs again finds them.
 */
export const prepareRetraining = defineTask({
  name: 'PrepareRetraining',
  input: z.object({ run: retrainingRun }),
  output: z.object({
    /** The execution of the training; empty where none was started. */
    training: z.string(),
    startedAt: z.string(),
    ending: retrainingEnding.nullable(),
  }),
  async run({ run }, ports, { signal }) {
    const { table, clock, objects } = ports
    const { model, version, execution, detection } = run
    const { ending } = await standingOf(ports, run, { champion: version, challenger: null })
    const startedAt = new Date(clock.now()).toISOString()
    if (ending !== null) return { training: '', startedAt, ending }

    const champion = await createRegistry(table, clock).version(model, version)
    const file = await readArtifact(objects, champion.artifact)
    const served = openModel(file)
    const configured = await readConfiguration(objects, champion)
    const target = targetOf(file, configured)
    const labelled = await createLabelledRows(ports, run).instances(signal)
    const dataset = datasetOfRows(labelled, served, target)
    const configuration = configurationOf(configured, served.task, served, { ...dataset, target })
    const training = await startTraining(ports, run, dataset, configuration)
    await createRetrainingDecisions(table, clock).record(model, {
      execution,
      detection,
      step: 'training',
      outcome: 'started',
      reason: `a challenger learns from ${dataset.rows} labelled rows: the training ${training}`,
      numbers: { rows: dataset.rows, leftOutRows: labelled.length - dataset.rows },
    })
    return { training, startedAt, ending: null }
  },
})

/** The name of the training that a retraining starts. */
export function trainingOf({ model, execution }: Pick<RetrainingRun, 'model' | 'execution'>) {
  const slug = formatModel(model)
    .replace(/[^A-Za-z0-9_]+/g, '-')
    .slice(0, 50)
  return `${slug}-retrained-${sha256(execution).slice(0, 16)}`
}

async function startTraining(
  { objects, executions }: Pick<Ports, 'objects' | 'executions'>,
  run: RetrainingRun,
  { bytes, format, contentType }: RetrainingDataset,
  configuration: TrainingConfiguration,
): Promise<string> {
  const model = formatModel(run.model)
  const name = trainingOf(run)
  const source = await putOnce(
    objects,
    `retraining/${model}/${run.execution}.${format}`,
    bytes,
    contentType,
  )
  const request = await putOnce(
    objects,
    `requests/${model}/${name}.json`,
    jsonBytes(configuration),
    'application/json',
  )
  const input = requestedEvent(model, name, source, request)
  try {
    await executions.start({ workflow: 'training', name, input })
  } catch (error) {
    // This task has run before.
    if (!isMillraceError(error, 'ExecutionConflict')) throw error
  }
  return name
}

/** The same whenever it is made of the same objects, as a start that is repeated must be. */
function requestedEvent(
  model: string,
  name: string,
  source: ObjectVersion,
  request: ObjectVersion,
) {
  const time = Date.parse(request.lastModified)
  const { bucket, key, versionId, size } = source
  return trainingRequestedEvent(
    {
      bucket: { name: bucket },
      object: {
        key,
        'version-id': versionId,
        size,
        sequencer: request.sequencer ?? sequencerOfTime(time),
      },
      request: { key: request.key, 'version-id': request.versionId },
      model,
    },
    { id: name, time },
  )
}

/** The column that the champion learned, as its dataset named it. */
function targetOf(file: Uint8Array, { target }: TrainingConfiguration): string {
  const { metadata } = decodeAnyModel(file)
  return target ?? (metadata['targetName'] || 'target')
}
