/**
 * The engine: one JSON line a measure, `{measure, value, unit}`, the median of the rounds; each in
 * memory and on a file.
 *
 *     node bench/engine.ts
 *
 * `pass` is one transition of 1,000 Pass states, `choice-loop` 3,000 rounds of a counting loop, `map`
 * 4,000 iterations of a Map. `tasks` is the transitions a second of 1,000 executions of five Tasks,
 * 100 at once. `open` is the opening of an engine with 10,000 executions that ended.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Engine, lambdaInvoke, openEngine } from '../engine/index.ts'

const rounds = 5

const tasks = lambdaInvoke(() => (input) => input)

await measure('memory', await openEngine({ tasks }))
const dataDir = mkdtempSync(join(tmpdir(), 'bench-engine-'))
try {
  await measure('file', await openEngine({ dataDir, tasks }))
  const opening = await milliseconds(async () => (await openEngine({ dataDir, tasks })).close())
  print('file', 'open', opening, 'ms')
} finally {
  rmSync(dataDir, { recursive: true })
}

async function measure(where: string, engine: Engine): Promise<void> {
  const end = { End: true }
  const passes = chain(1000, () => ({ Type: 'Pass' }))
  const pass = await runs(engine, 'pass', passes)
  print(where, 'pass', (pass * 1000) / 1000, 'us')

  const loop = {
    Start: { Type: 'Pass', Assign: { i: 0 }, Next: 'Check' },
    Check: {
      Type: 'Choice',
      Choices: [{ Condition: '{% $i < 3000 %}', Next: 'Count' }],
      Default: 'Done',
    },
    Count: { Type: 'Pass', Assign: { i: '{% $i + 1 %}' }, Next: 'Check' },
    Done: { Type: 'Succeed' },
  }
  print(where, 'choice-loop', await runs(engine, 'loop', loop), 'ms')

  const map = {
    M: {
      Type: 'Map',
      Items: '{% [1..4000] %}',
      ItemProcessor: { StartAt: 'P', States: { P: { Type: 'Pass', ...end } } },
      ...end,
    },
  }
  print(where, 'map', await runs(engine, 'map', map), 'ms')

  const five = await create(
    engine,
    'tasks',
    chain(5, () => ({
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Arguments: { FunctionName: 'f', Payload: '{% $states.input %}' },
      Output: '{% $states.result.Payload %}',
    })),
  )
  const elapsed = await milliseconds(() => atOnce(engine, five, 1000, 100))
  print(where, 'tasks', 5000 / (elapsed / 1000), 'transitions/s')

  const one = await create(engine, 'one', { A: { Type: 'Succeed' } })
  await atOnce(engine, one, 10_000, 100)
  await engine.close()
}

/** Milliseconds of one execution, which must succeed. */
async function runs(engine: Engine, name: string, states: Record<string, object>): Promise<number> {
  const stateMachineArn = await create(engine, name, states)
  return milliseconds(() => runOne(engine, stateMachineArn))
}

async function create(
  engine: Engine,
  name: string,
  states: Record<string, object>,
): Promise<string> {
  const definition = JSON.stringify({
    QueryLanguage: 'JSONata',
    StartAt: Object.keys(states)[0],
    States: states,
  })
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

/** States S0, S1 … one after another. */
function chain(length: number, state: () => object): Record<string, object> {
  return Object.fromEntries(
    Array.from({ length }, (_, i) => [
      `S${i}`,
      { ...state(), ...(i === length - 1 ? { End: true } : { Next: `S${i + 1}` }) },
    ]),
  )
}

async function milliseconds(body: () => Promise<void>): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    await body()
    times.push(performance.now() - start)
  }
  return times.sort((a, b) => a - b)[rounds >> 1]!
}

function print(where: string, name: string, value: number, unit: string): void {
  const measure = `engine.${where}.${name}`
  console.log(JSON.stringify({ measure, value: Number(value.toPrecision(4)), unit }))
}
