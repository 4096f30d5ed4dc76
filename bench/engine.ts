/**
 * The engine: one JSON line a measure, `{measure, value, unit}`, with `peer` and `ratio` (ours to the
 * peer's) where it is compared with aws-local-stepfunctions.
 *
 *     node bench/engine.ts
 *
 * Compared are Express executions of the same JSONPath definitions: medians of the processor time of
 * runs that alternate between a process of the engine and one of the peer, so that neither clears away
 * what the other has left. `pass` is one transition of 100 Pass states, `choice-loop` 10,000 rounds of a
 * counting loop, `map` a Map of 10,000 items, `map-memory` what heap and resident memory grow by in one
 * of them. `jsonata-…` are the same in JSONata, which the peer does not have.
 *
 * On a file, as Standard executions: `durable-pass` is one transition of 1,000 Pass states,
 * `durable-tasks` the transitions a second of 1,000 executions of five Tasks each, 100 at once, and
 * `open` the opening of an engine with 10,000 executions that ended; `processorValue` is the same by
 * processor time.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { StateMachine } from 'aws-local-stepfunctions'
import { type Engine, lambdaInvoke, openEngine } from '../engine/index.ts'
import { median } from './median.ts'

type States = Record<string, object>
type Side = 'ours' | 'peer'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const peer = 'aws-local-stepfunctions'
const rounds = 15
const durableRounds = 5
const end = { End: true }
const items = Array.from({ length: 10_000 }, (_, i) => i)

const compared = {
  pass: {
    definition: definition(chain(100, () => ({ Type: 'Pass' }))),
    input: { x: 1 },
    repeat: 200,
    scale: 200 * 100,
    unit: 'us',
  },
  'choice-loop': {
    definition: definition({
      Check: {
        Type: 'Choice',
        Choices: [{ Variable: '$.i', NumericLessThan: 10_000, Next: 'Count' }],
        Default: 'Done',
      },
      Count: { Type: 'Pass', Parameters: { 'i.$': 'States.MathAdd($.i, 1)' }, Next: 'Check' },
      Done: { Type: 'Succeed' },
    }),
    input: { i: 0 },
    repeat: 1,
    scale: 1000,
    unit: 'ms',
  },
  map: {
    definition: definition({
      M: {
        Type: 'Map',
        ItemsPath: '$.items',
        ItemProcessor: { StartAt: 'P', States: { P: { Type: 'Pass', ...end } } },
        ...end,
      },
    }),
    input: { items },
    repeat: 1,
    scale: 1000,
    unit: 'ms',
  },
} as const

const jsonata = {
  'choice-loop': definition(
    {
      Check: {
        Type: 'Choice',
        Choices: [{ Condition: '{% $states.input.i < 10000 %}', Next: 'Count' }],
        Default: 'Done',
      },
      Count: { Type: 'Pass', Output: { i: '{% $states.input.i + 1 %}' }, Next: 'Check' },
      Done: { Type: 'Succeed' },
    },
    'JSONata',
  ),
  map: definition(
    {
      M: {
        Type: 'Map',
        Items: '{% $states.input.items %}',
        ItemProcessor: { StartAt: 'P', States: { P: { Type: 'Pass', ...end } } },
        ...end,
      },
    },
    'JSONata',
  ),
}

const [, , mode, side] = process.argv
if (mode === '--memory') {
  await printMapMemory(side as Side)
} else if (mode === '--answer') {
  await answerRuns(side as Side)
} else {
  await compare()
  compareMemory()
  await measureJsonata()
  await measureDurable()
}

async function compare(): Promise<void> {
  const script = fileURLToPath(import.meta.url)
  const sides = {
    ours: fork(script, ['--answer', 'ours']),
    peer: fork(script, ['--answer', 'peer']),
  }
  for (const [name, { unit }] of Object.entries(compared)) {
    const times: Record<Side, number[]> = { ours: [], peer: [] }
    for (let round = 0; round < rounds; round++) {
      const order: readonly Side[] = round % 2 === 0 ? ['ours', 'peer'] : ['peer', 'ours']
      for (const side of order) times[side].push(await ask(sides[side], name))
    }
    print(name, median(times.ours), unit, median(times.peer))
  }
  for (const side of Object.values(sides)) side.disconnect()
}

async function ask(side: ChildProcess, name: string): Promise<number> {
  side.send(name)
  const [time] = (await once(side, 'message')) as [number]
  return time
}

/** Of a process that runs one of the sides: answers the processor time of each run it is asked for. */
async function answerRuns(side: Side): Promise<void> {
  const runs = new Map<string, () => Promise<unknown>>()
  for (const [name, { definition, input }] of Object.entries(compared)) {
    runs.set(name, side === 'ours' ? await ourRun(definition, input) : peerRun(definition, input))
  }
  process.on('message', (name: keyof typeof compared) => {
    const { repeat, scale } = compared[name]
    void cpuMicroseconds(runs.get(name)!, repeat).then((time) => process.send!(time / scale))
  })
}

function compareMemory(): void {
  const growth: Record<Side, number[]> = { ours: [], peer: [] }
  for (let round = 0; round < 3; round++) {
    for (const side of ['ours', 'peer'] as const) growth[side].push(mapMemory(side))
  }
  print('map-memory', median(growth.ours), 'MB', median(growth.peer))
}

async function measureJsonata(): Promise<void> {
  for (const name of ['choice-loop', 'map'] as const) {
    const run = await ourRun(jsonata[name], compared[name].input)
    const times: number[] = []
    for (let round = 0; round < rounds; round++) times.push(await cpuMicroseconds(run, 1))
    print(`jsonata-${name}`, median(times) / 1000, 'ms')
  }
}

async function measureDurable(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'bench-engine-'))
  const tasks = lambdaInvoke(() => (input) => input)
  try {
    const engine = await openEngine({ dataDir, tasks })
    const passes = await create(engine, 'passes', definition(chain(1000, () => ({ Type: 'Pass' }))))
    // Milliseconds of a thousand are microseconds of one.
    const thousand = await durations(() => runOne(engine, passes))
    printDurations('durable-pass', thousand, 'us')

    const task = { Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke' }
    const fields = {
      Arguments: { FunctionName: 'f', Payload: '{% $states.input %}' },
      Output: '{% $states.result.Payload %}',
    }
    const fiveTasks = definition(
      chain(5, () => ({ ...task, ...fields })),
      'JSONata',
    )
    const five = await create(engine, 'tasks', fiveTasks)
    const thousandOfFive = await durations(() => atOnce(engine, five, 1000, 100))
    printDurations('durable-tasks', thousandOfFive, 'transitions/s', (ms) => 5000 / (ms / 1000))

    const one = await create(engine, 'one', definition({ A: { Type: 'Succeed' } }))
    await atOnce(engine, one, 10_000, 100)
    await engine.close()
    const opening = await durations(async () => (await openEngine({ dataDir, tasks })).close())
    printDurations('open', opening, 'ms')
  } finally {
    rmSync(dataDir, { recursive: true })
  }
}

/** One run of an Express execution, which must succeed. */
async function ourRun(definition: string, input: unknown): Promise<() => Promise<unknown>> {
  const engine = await openEngine({ tasks: () => undefined })
  const { stateMachineArn } = await engine.createStateMachine({
    name: 'm',
    definition,
    type: 'EXPRESS',
  })
  const text = JSON.stringify(input)
  return async () => {
    const outcome = await engine.startSyncExecution({ stateMachineArn, input: text })
    if (outcome.status !== 'SUCCEEDED') throw new Error(`${outcome.status}: ${outcome.cause}`)
    return JSON.parse(outcome.output!) as unknown
  }
}

function peerRun(definition: string, input: object): () => Promise<unknown> {
  const machine = new StateMachine(
    JSON.parse(definition) as ConstructorParameters<typeof StateMachine>[0],
    { validationOptions: { checkPaths: false, checkArn: false } },
  )
  return () => machine.run(structuredClone(input) as never).result
}

function mapMemory(side: Side): number {
  const script = fileURLToPath(import.meta.url)
  const { stdout, stderr, status } = spawnSync(process.execPath, [script, '--memory', side], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return Number(stdout)
}

/** Megabytes. */
async function printMapMemory(side: Side): Promise<void> {
  const { definition, input } = compared.map
  const run = side === 'ours' ? await ourRun(definition, input) : peerRun(definition, input)
  const small = { items: items.slice(0, 100) }
  await (side === 'ours' ? await ourRun(definition, small) : peerRun(definition, small))()
  collectGarbage()
  const before = process.memoryUsage()
  await run()
  const after = process.memoryUsage()
  console.log((after.heapUsed - before.heapUsed + after.rss - before.rss) / 2 ** 20)
}

function definition(states: States, language = 'JSONPath'): string {
  return JSON.stringify({
    QueryLanguage: language,
    StartAt: Object.keys(states)[0],
    States: states,
  })
}

/** States S0, S1 … one after another. */
function chain(length: number, state: () => object): States {
  return Object.fromEntries(
    Array.from({ length }, (_, i) => [
      `S${i}`,
      { ...state(), ...(i === length - 1 ? end : { Next: `S${i + 1}` }) },
    ]),
  )
}

async function create(engine: Engine, name: string, definition: string): Promise<string> {
  return (await engine.createStateMachine({ name, definition })).stateMachineArn
}

async function atOnce(
  engine: Engine,
  stateMachineArn: string,
  count: number,
  workers: number,
): Promise<void> {
  let left = count
  const work = async () => {
    while (left-- > 0) await runOne(engine, stateMachineArn)
  }
  await Promise.all(Array.from({ length: workers }, work))
}

async function runOne(engine: Engine, stateMachineArn: string): Promise<void> {
  const { executionArn } = await engine.startExecution({ stateMachineArn, input: '{"x":1}' })
  const { status, cause } = await engine.waitFor(executionArn)
  if (status !== 'SUCCEEDED') throw new Error(`${status}: ${cause}`)
}

async function cpuMicroseconds(run: () => Promise<unknown>, repeat: number): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < repeat; i++) await run()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

interface Durations {
  /** Milliseconds. */
  readonly elapsed: number
  /** Milliseconds of processor time, which others that use the machine do not lengthen. */
  readonly processor: number
}

async function durations(body: () => Promise<void>): Promise<Durations> {
  const elapsed: number[] = []
  const processor: number[] = []
  for (let round = 0; round < durableRounds; round++) {
    const start = performance.now()
    processor.push((await cpuMicroseconds(body, 1)) / 1000)
    elapsed.push(performance.now() - start)
  }
  return { elapsed: median(elapsed), processor: median(processor) }
}

function print(name: string, value: number, unit: string, peers?: number): void {
  const comparison =
    peers === undefined ? {} : { peer, peerValue: round(peers), ratio: round(value / peers) }
  write({ measure: `engine.${name}`, value: round(value), unit, ...comparison })
}

/** With the value that the processor time alone would give. */
function printDurations(
  name: string,
  { elapsed, processor }: Durations,
  unit: string,
  valueOf = (milliseconds: number) => milliseconds,
): void {
  const [value, processorValue] = [round(valueOf(elapsed)), round(valueOf(processor))]
  write({ measure: `engine.${name}`, value, unit, processorValue })
}

function write(line: object): void {
  console.log(JSON.stringify(line))
}

function round(value: number): number {
  return Number(value.toPrecision(4))
}
