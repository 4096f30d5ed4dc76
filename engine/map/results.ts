import { Data, dataLimitExceeded, type Json } from '../data.ts'
import { StateFault } from '../turn.ts'
import { childArnOf, childNameOf, mapRunIdOf } from './arns.ts'
import type { Batch } from './batches.ts'
import type { ObjectStore } from './objects.ts'
import type { MapRun, ResultSettings } from './run.ts'
import type { ChildExecutionRow } from './store.ts'

/** Characters after which a file of results is ended and another begun, so that none fills the memory. */
const partLength = 16 * 1024 * 1024

/** What a map run has to tell of its child executions. */
export interface ResultSource {
  /** Those that have ended, in order of their items. */
  ended(): Iterable<ChildExecutionRow>
  /** The inputs of those that were not started. */
  pending(): Iterable<Batch>
}

/** The state's result where no object is written: an array. Throws StateFault when it is too large. */
export function gatherResults(
  source: ResultSource,
  { transformation }: ResultSettings,
  stateName: string,
): Data {
  const results: Json[] = []
  const whole = new Data(results)
  // Checked along the way, so that what is too large is not gathered first.
  let length = 2
  for (const row of source.ended()) {
    for (const text of textsOf(row, transformation)) {
      length += text.length + 1
      if (length > resultLength) throw new StateFault(dataLimitExceeded(stateName))
      results.push(JSON.parse(text) as Json)
    }
  }
  if (whole.isTooLarge) throw new StateFault(dataLimitExceeded(stateName))
  return whole
}

/** More characters than state data can have, and commas. */
const resultLength = 300_000

/**
 * Writes the results as objects, `SUCCEEDED_0.json`, `FAILED_0.json` and `PENDING_0.json`, and
 * `manifest.json`, which names them. Answers the state's result. Writing again writes the same.
 *
 * @throws what the object store throws
 */
export async function writeResults(
  source: ResultSource,
  settings: ResultSettings,
  mapRun: MapRun,
  stateMachineArn: string,
  objects: ObjectStore,
): Promise<Data> {
  const { bucket, prefix } = settings.destination!
  const folder = `${prefix === '' ? '' : `${prefix.replace(/\/$/, '')}/`}${mapRunIdOf(mapRun.arn)}`
  const write = (name: string, text: string) =>
    objects.write(bucket, `${folder}/${name}`, Buffer.from(text))
  const files = {
    FAILED: new ResultFiles('FAILED', settings, write),
    PENDING: new ResultFiles('PENDING', settings, write),
    SUCCEEDED: new ResultFiles('SUCCEEDED', settings, write),
  }
  for (const row of source.ended()) {
    const file = files[row.status === 'SUCCEEDED' ? 'SUCCEEDED' : 'FAILED']
    for (const text of textsOf(row, settings.transformation)) await file.add(text)
  }
  for (const batch of source.pending()) {
    await files.PENDING.add(pendingText(batch, mapRun, stateMachineArn))
  }
  const written: Record<string, Json> = {}
  for (const [status, file] of Object.entries(files)) {
    written[status] = (await file.end()).map(({ name, bytes }) => ({
      Key: `${folder}/${name}`,
      Size: bytes,
    }))
  }
  const manifest = {
    DestinationBucket: bucket,
    MapRunArn: mapRun.arn,
    ResultFiles: written,
  }
  await write('manifest.json', JSON.stringify(manifest))
  return new Data({
    MapRunArn: mapRun.arn,
    ResultWriterDetails: { Bucket: bucket, Key: `${folder}/manifest.json` },
  })
}

/** The files of one status. */
class ResultFiles {
  readonly #status: string
  readonly #isLines: boolean
  readonly #write: (name: string, text: string) => void | Promise<void>
  readonly #written: { name: string; bytes: number }[] = []
  #texts: string[] = []
  #length = 0

  constructor(
    status: string,
    { outputType }: ResultSettings,
    write: (name: string, text: string) => void | Promise<void>,
  ) {
    this.#status = status
    this.#isLines = outputType === 'JSONL'
    this.#write = write
  }

  async add(text: string): Promise<void> {
    this.#texts.push(text)
    this.#length += text.length + 1
    if (this.#length >= partLength) await this.#flush()
  }

  async end(): Promise<readonly { name: string; bytes: number }[]> {
    if (this.#texts.length > 0) await this.#flush()
    return this.#written
  }

  async #flush(): Promise<void> {
    const name = `${this.#status}_${this.#written.length}.${this.#isLines ? 'jsonl' : 'json'}`
    const text = this.#isLines ? `${this.#texts.join('\n')}\n` : `[${this.#texts.join()}]`
    this.#texts = []
    this.#length = 0
    await this.#write(name, text)
    this.#written.push({ name, bytes: Buffer.byteLength(text) })
  }
}

/** What is kept of one child execution; of a failed one always all that is known of it. */
function textsOf(
  row: ChildExecutionRow,
  transformation: ResultSettings['transformation'],
): readonly string[] {
  if (row.status !== 'SUCCEEDED' || transformation === 'NONE') return [wholeText(row)]
  const output = row.output ?? 'null'
  if (transformation === 'COMPACT' || !output.startsWith('[')) return [output]
  return (JSON.parse(output) as readonly Json[]).map((item) => JSON.stringify(item))
}

function wholeText(row: ChildExecutionRow): string {
  const isSuccess = row.status === 'SUCCEEDED'
  return JSON.stringify({
    ...(row.cause === null ? {} : { Cause: row.cause }),
    ...(row.error === null ? {} : { Error: row.error }),
    ExecutionArn: row.arn,
    Input: row.input,
    InputDetails: { Included: true },
    Name: row.name,
    ...(row.output === null ? {} : { Output: row.output, OutputDetails: { Included: true } }),
    RedriveCount: row.redriveCount,
    ...(row.redriveTime === null ? {} : { RedriveDate: new Date(row.redriveTime).toISOString() }),
    RedriveStatus: isSuccess ? 'NOT_REDRIVABLE' : 'REDRIVABLE_BY_MAP_RUN',
    ...(isSuccess ? { RedriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven' } : {}),
    StartDate: new Date(row.startTime).toISOString(),
    StateMachineArn: row.stateMachineArn,
    Status: row.status,
    ...(row.stopTime === null ? {} : { StopDate: new Date(row.stopTime).toISOString() }),
  })
}

function pendingText(batch: Batch, mapRun: MapRun, stateMachineArn: string): string {
  const name = childNameOf(mapRun.arn, batch.item)
  return JSON.stringify({
    ExecutionArn: childArnOf(stateMachineArn, name, mapRun.settings.executionType),
    Input: batch.input.text,
    InputDetails: { Included: true },
    Name: name,
    RedriveCount: 0,
    StateMachineArn: stateMachineArn,
    Status: 'PENDING',
  })
}
