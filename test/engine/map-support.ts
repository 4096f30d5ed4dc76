import {
  type Engine,
  type EngineOptions,
  type HistoryEvent,
  type LambdaFunction,
  type ListedObject,
  type MapRunDescription,
  type ObjectStore,
  openEngine,
  virtualClock,
} from '../../engine/index.ts'
import { onTestFinished } from 'vitest'
import { type Fields, functionsOf, invoke, machine, workflow } from './support.ts'

/** Objects in memory, by `bucket/key`; `written` keeps what an engine writes. */
export function objectsOf(
  contents: Record<string, string | Uint8Array | AsyncIterable<Uint8Array>>,
): ObjectStore & { readonly written: Map<string, string>; readonly reads: string[] } {
  const written = new Map<string, string>()
  const reads: string[] = []
  return {
    written,
    reads,
    read(bucket, key, versionId) {
      const name = `${bucket}/${key}`
      reads.push(versionId === undefined ? name : `${name}@${versionId}`)
      const found = contents[name]
      if (found === undefined) throw new Error(`The object ${name} does not exist.`)
      return typeof found === 'string' ? inPieces(Buffer.from(found)) : found
    },
    async list(bucket, prefix) {
      return Object.entries(contents)
        .filter(([name]) => name.startsWith(`${bucket}/${prefix}`))
        .map(([name, content]): ListedObject => {
          const size = typeof content === 'string' ? content.length : 0
          const lastModified = new Date(1_668_699_881_500)
          return { key: name.slice(bucket.length + 1), size, etag: '"e"', lastModified }
        })
        .sort((a, b) => (a.key < b.key ? -1 : 1))
    },
    write(bucket, key, bytes) {
      written.set(`${bucket}/${key}`, Buffer.from(bytes).toString())
    },
  }
}

/** Small and uneven, so that everything is cut somewhere. */
function* inPieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0, length = 1; at < bytes.length; at += length, length = (length % 7) + 1) {
    yield bytes.subarray(at, at + length)
  }
}

export const pass = (fields: Fields = {}): Fields => ({ Type: 'Pass', ...fields, End: true })

/** A distributed Map with Label `Each` over its input, whose processor has `states`. */
export function distributed(
  states: Record<string, Fields> = { P: pass() },
  fields: Fields = {},
  executionType = 'STANDARD',
): Fields {
  return {
    Type: 'Map',
    Label: 'Each',
    ItemProcessor: {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: executionType },
      ...workflow(states),
    },
    ...('Next' in fields ? {} : { End: true }),
    ...fields,
  }
}

export const task = (rest: Fields = {}): Fields => invoke('work', { End: true, ...rest })

export interface MapEngine {
  readonly engine: Engine
  readonly executionArn: string
  readonly history: () => Promise<HistoryEvent[]>
  readonly types: () => Promise<string[]>
  readonly mapRun: () => Promise<MapRunDescription>
}

/** Starts one execution of a machine whose first state is `state`, or of a definition. */
export async function startMap(
  state: Fields | string,
  options: Partial<EngineOptions> & { input?: unknown; work?: LambdaFunction } = {},
): Promise<MapEngine> {
  const { input = {}, work = (value) => value, ...rest } = options
  const engine = await openEngine({
    clock: virtualClock({ patience: 0 }),
    tasks: functionsOf({ work }),
    ...rest,
  })
  onTestFinished(() => engine.close())
  const definition =
    typeof state === 'string'
      ? state
      : machine({ M: state, ...('Next' in state ? { N: pass() } : {}) })
  const { stateMachineArn } = await engine.createStateMachine({ name: 'machine', definition })
  const { executionArn } = await engine.startExecution({
    stateMachineArn,
    name: 'once',
    input: JSON.stringify(input),
  })
  return mapEngine(engine, executionArn)
}

export function mapEngine(engine: Engine, executionArn: string): MapEngine {
  const history = async () =>
    (await engine.getExecutionHistory({ executionArn, maxResults: 1000 })).events
  const mapRun = async () => {
    const { mapRuns } = await engine.listMapRuns({ executionArn })
    return engine.describeMapRun({ mapRunArn: mapRuns[0]!.mapRunArn })
  }
  return {
    engine,
    executionArn,
    history,
    mapRun,
    types: async () => (await history()).map(({ type }) => type),
  }
}

/** As `startMap`, to the end of the execution; `result` is its output, parsed. */
export async function runMap(...args: Parameters<typeof startMap>) {
  const started = await startMap(...args)
  const description = await started.engine.waitFor(started.executionArn)
  const { output } = description
  return {
    ...started,
    description,
    result: output === undefined ? undefined : (JSON.parse(output) as unknown),
  }
}
