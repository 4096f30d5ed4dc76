import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createApi } from '../../api/app.ts'
import { keyAdmission } from '../../api/authentication.ts'
import { lambdaInvoke, openEngine, substitute, type Engine } from '../../engine/index.ts'
import {
  executionStatusChangeEvent,
  matchesPattern,
  type EventPattern,
} from '../../events/index.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import { handleMessage, sweep } from '../../tasks/index.ts'
import { parseModel } from '../../tasks/names.ts'
import { invokeTask, type AnyTask } from '../../tasks/task.ts'
import { embeddedSubstitutions, type Workflow } from '../../workflows/workflow.ts'
import { bucketStore } from '../ports/bucket-store.ts'
import { MillraceError, type Logger, type Metrics, type Ports } from '../ports/index.ts'
import { batch } from './batch.ts'
import { LocalBus } from './bus.ts'
import { LocalCompute } from './compute.ts'
import { docsFile } from './docs-files.ts'
import { openLocalDatabase } from './database.ts'
import { localArns, localExecutions } from './executions.ts'
import { isLoopback } from './http-server.ts'
import { Inbox } from './inbox.ts'
import { LocalLog } from './log.ts'
import { LocalObjects } from './objects.ts'
import { jsonLogger, systemClock } from './observability.ts'
import { operatorKey } from './operator-key.ts'
import { ownerCalls } from './owner-calls.ts'
import { anyAddresses, readPublicUrl, RequestOrigins } from './public-url.ts'
import { LocalQueue } from './queue.ts'
import { consumeQueue } from './queue-consumer.ts'
import { reportRefusal } from './refusals.ts'
import { retraining } from './retraining.ts'
import { rulesOf } from './rules.ts'
import { consumeServed } from './served-consumer.ts'
import { serve } from './server.ts'
import { LocalTable } from './table.ts'
import { training } from './training.ts'
import { withUploads } from './uploads.ts'
import { serveByWorkers, type Workers } from './workers.ts'

export interface PlatformOptions {
  /** Where everything is kept. One process at a time owns it. */
  readonly dataDir: string
  /** Workflows of your own, beside those named `training`, `batch` and `retraining`. */
  readonly workflows?: readonly Workflow[]
  /** Port of the HTTP API; 0 takes a free one. @default 0 */
  readonly port?: number
  /** Another than a loopback address takes `auth`. @default '127.0.0.1' */
  readonly host?: string
  /**
   * Whether requests need a key: a user's, or that of the operator, which is in the file
   * `operator.key` of the data directory. Without, whoever reaches the address is the operator.
   * @default false
   */
  readonly auth?: boolean
  /**
   * Where others reach the HTTP API, as `https://ml.example.com`: what URLs for uploads begin with, and
   * whose host and pages requests to a loopback address may name. Another than a loopback address takes
   * `auth`. @default the address it listens on; where that is all of a machine's, the one that the
   * request came to, as its header `Host` says
   */
  readonly publicUrl?: string
  /**
   * The model, `<user>/<dataset>`, for which the API is also a SageMaker container: `GET /ping` and
   * `POST /invocations`. @default none, and no such routes
   */
  readonly sagemakerModel?: string
  /**
   * Processes that answer predictions beside this one, which answers the rest; they take node:cluster.
   * @default 0: this process answers predictions too
   */
  readonly workers?: number
  /** Whether what is served is watched for drift. @default true */
  readonly monitoring?: boolean
  /** Threads for trainings and batches at most. @default one less than the cores, at least 1 */
  readonly computeThreads?: number
  /** @default JSON lines to standard error, from `warn` on */
  readonly logger?: Logger
  /** @default measurements are logged as `debug` lines */
  readonly metrics?: Metrics
  /** Seconds between two sweeps for uploads whose event was lost. @default 300 */
  readonly sweepSeconds?: number
}

export interface Platform {
  readonly url: string
  readonly dataDir: string
  /** The folder that is the bucket: copying a file under its `uploads/` starts a training. */
  readonly bucketDir: string
  readonly ports: Ports
  readonly engine: Engine
  /** Starts trainings for uploads whose event was lost; answers their executions. */
  sweep(options?: { graceSeconds?: number }): Promise<string[]>
  /** Stops cleanly; executions under way go on at the next open. */
  close(): Promise<void>
}

/**
 * Opens the embedded platform on a data directory: the bucket and its watcher, the event bus, the
 * state machines and the HTTP API, in this process.
 *
 * @throws MillraceError SettingsInvalid (an address that others reach, without `auth`; a `publicUrl`
 * that is none), NameInvalid (a `sagemakerModel` that is no name), DataDirectoryBusy,
 * DataDirectoryInvalid, StorageFailed, WorkflowInvalid; the system's error when the port is taken.
 */
export async function openPlatform(options: PlatformOptions): Promise<Platform> {
  const { dataDir, host = '127.0.0.1', auth = false } = options
  if (!auth && !isLoopback(host)) throw openToOthers(host)
  const publicUrl = options.publicUrl === undefined ? undefined : readPublicUrl(options.publicUrl)
  if (!auth && publicUrl !== undefined && !isLoopback(new URL(publicUrl).hostname)) {
    throw openToOthers(publicUrl)
  }
  const clock = systemClock
  const logger = options.logger ?? jsonLogger(process.stderr, { clock, level: 'warn' })
  const metrics = options.metrics ?? { record: () => undefined }
  const workflows = [training, batch, retraining, ...(options.workflows ?? [])]
  const closers: (() => Promise<unknown>)[] = []
  let closing: Promise<void> | undefined
  const close = () => (closing ??= closeAll(closers))

  try {
    const database = openLocalDatabase(dataDir)
    closers.push(async () => database.close())
    const bus = new LocalBus(database, { clock, logger })
    let url = 'http://127.0.0.1'
    const origins = new RequestOrigins()
    const isAnyAddress = anyAddresses.has(host)
    const objects = await LocalObjects.open({
      database,
      bus,
      dataDir,
      clock,
      logger,
      uploadBaseUrl: () => publicUrl ?? (isAnyAddress ? origins.current : undefined) ?? url,
    })
    closers.push(async () => objects.close())
    const log = new LocalLog(database, { logger, gatherMs: 200 })
    closers.push(async () => log.close())
    const { computeThreads: threads } = options
    const compute = new LocalCompute(threads === undefined ? {} : { threads })
    closers.push(async () => compute.close())
    const arns = localArns(bus.origin.region, bus.origin.account)
    const opened = Promise.withResolvers<Engine>()
    const ports: Ports = {
      objects,
      table: new LocalTable(database),
      queue: new LocalQueue(database, { clock }),
      bus,
      log,
      executions: localExecutions(opened.promise, arns, database),
      compute,
      clock,
      logger,
      metrics,
    }

    const functions = functionsOf(workflows)
    const engine = await openEngine({
      database: database.connection,
      objects: bucketStore(objects),
      tasks: lambdaInvoke((name) => {
        const task = functions.get(name)
        return task && ((payload, { signal }) => invokeTask(task, payload, ports, { signal }))
      }),
      onStatusChange: (detail) => {
        logger.info(`execution ${detail.status}`, {
          execution: detail.name,
          ...outcomeOf(detail.output),
        })
        const event = executionStatusChangeEvent(
          { ...detail },
          { ...bus.origin, time: clock.now() },
        )
        bus.publishInTransaction(event)
      },
    })
    closers.push(async () => engine.close())
    opened.resolve(engine)
    for (const workflow of workflows) await deploy(engine, workflow)
    for (const rule of rulesOf(workflows, ports, arns)) bus.addRule(rule)

    const operatorKeys = auth ? [await operatorKey(dataDir, logger)] : undefined
    let workers: Workers | undefined
    const api = createApi(ports, {
      docs: docsFile,
      models: { maxAge: servedMaxAge, onInvalidate: (model) => workers?.invalidate(model) },
      ...(options.sagemakerModel === undefined ? {} : { sagemakerModel: options.sagemakerModel }),
      ...(operatorKeys === undefined
        ? {}
        : { admission: keyAdmission(createAccounts(ports.table, clock), clock, { operatorKeys }) }),
    })
    bus.addRule({
      name: 'models-in-memory',
      matches: (event) => matchesPattern(servedPattern, event),
      deliver: async (event) => api.models.invalidate(parseModel(String(event.detail['model']))),
    })
    const served = { ...api, fetch: withUploads(origins.told(api), objects, logger) }
    const address = { host, port: options.port ?? 0, publicUrl }
    if (options.workers) {
      workers = await serveByWorkers(served, {
        ...address,
        count: options.workers,
        versionsDir: join(dataDir, 'versions'),
        operatorKeys,
        servedMaxAge,
        calls: ownerCalls({ ...ports, log }),
        logger,
      })
    }
    const server = workers ?? (await serve(served, address))
    closers.push(() => server.close())
    url = server.url
    const addressFile = join(dataDir, 'platform.json')
    await writeFile(addressFile, JSON.stringify({ url, pid: process.pid }))
    closers.push(() => rm(addressFile, { force: true }))

    closers.push(async () => bus.close())
    bus.start()
    closers.push(consumeQueue(handleMessage, ports))
    closers.push(consumeServed(ports, { monitoring: options.monitoring ?? true }))
    const sweepNow = async ({ graceSeconds = 60 } = {}) =>
      (await sweep.run({ graceSeconds }, ports, { signal: new AbortController().signal })).started
    await sweepNow()
    const sweeper = setInterval(
      () => {
        sweepNow().catch((error: unknown) =>
          logger.error('a sweep failed', { error: String(error) }),
        )
      },
      (options.sweepSeconds ?? 300) * 1000,
    )
    closers.push(async () => clearInterval(sweeper))
    const inbox = new Inbox({
      objects,
      logger,
      onRefused: (refused) => void reportRefusal(refused, ports),
    })
    closers.push(() => inbox.close())
    await inbox.start()

    return { url, dataDir, bucketDir: objects.directory, ports, engine, sweep: sweepNow, close }
  } catch (error) {
    await close().catch(() => undefined)
    throw error
  }
}

function openToOthers(host: string): MillraceError {
  return new MillraceError(
    'SettingsInvalid',
    `"${host}" is an address that other machines may reach, and without keys all of them could do ` +
      'everything: start with auth (millrace dev --auth), or listen on 127.0.0.1',
  )
}

/** Ends the latest first, each whether or not another failed; then throws what the first one threw. */
async function closeAll(closers: readonly (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = []
  for (const closer of closers.toReversed()) await closer().catch((error) => errors.push(error))
  if (errors.length > 0) throw errors[0]
}

/** What an execution came to, where its output says so: a rejection is a success of the workflow. */
function outcomeOf(output: string | null): { outcome?: string } {
  const { outcome } = (JSON.parse(output ?? '{}') ?? {}) as { outcome?: unknown }
  return typeof outcome === 'string' ? { outcome } : {}
}

/** How old the knowledge of what serves may be where nobody asked for a while, in milliseconds. */
const servedMaxAge = 2000

const servedPattern: EventPattern = {
  source: ['millrace'],
  'detail-type': ['Model Promoted', 'Model Deleted'],
}

/** Tasks under the names that stand in the deployed definitions: `<workflow>-<Task>`. */
function functionsOf(workflows: readonly Workflow[]): Map<string, AnyTask> {
  const names = workflows.map((workflow) => workflow.name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) {
    throw new MillraceError('WorkflowInvalid', `two workflows are named "${twice}"`)
  }
  return new Map(
    workflows.flatMap(({ name, tasks }) => tasks.map((task) => [`${name}-${task.name}`, task])),
  )
}

/** Makes the state machine, or updates it; what runs keeps the definition that it began with. */
async function deploy(engine: Engine, { name, definition }: Workflow): Promise<void> {
  const substitutions = embeddedSubstitutions(definition, (task) => `${name}-${task}`)
  const deployed = JSON.stringify(substitute(definition, substitutions))
  try {
    await engine.createStateMachine({ name, definition: deployed, roleArn: localRole })
  } catch (error) {
    if ((error as Error).name !== 'StateMachineAlreadyExists') throw refusedDefinition(name, error)
    const { stateMachines } = await engine.listStateMachines({})
    const { stateMachineArn } = stateMachines.find((machine) => machine.name === name)!
    try {
      await engine.updateStateMachine({ stateMachineArn, definition: deployed })
    } catch (refusal) {
      throw refusedDefinition(name, refusal)
    }
  }
}

function refusedDefinition(workflow: string, error: unknown): unknown {
  if ((error as Error).name !== 'InvalidDefinition') return error
  const message = `workflow "${workflow}": its definition is refused: ${(error as Error).message}`
  return new MillraceError('WorkflowInvalid', message, { cause: error })
}

const localRole = 'arn:aws:iam::000000000000:role/millrace'
