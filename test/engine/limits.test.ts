import { describe, expect, it } from 'vitest'
import { limits, openEngine, virtualClock } from '../../engine/index.ts'
import { machine, run, workflow, loopStates } from './support.ts'

const resource = { Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke', End: true }
/** JSON of this many bytes. */
const text = (bytes: number) => 'x'.repeat(bytes - 2)

describe('262,144 bytes of state data', () => {
  it('is the most that a result has', async () => {
    const of = (answer: string) => run(machine({ T: resource }), { tasks: () => () => answer })
    expect((await of(text(limits.stateDataBytes))).status).toBe('SUCCEEDED')
    expect(await of(text(limits.stateDataBytes + 1))).toMatchObject({
      status: 'FAILED',
      error: 'States.DataLimitExceeded',
      cause:
        "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service limit.",
    })
  })

  it('is counted in UTF-8', async () => {
    const of = (answer: string) => run(machine({ T: resource }), { tasks: () => () => answer })
    expect((await of('€'.repeat(87_380))).status).toBe('SUCCEEDED')
    expect((await of('€'.repeat(87_381))).error).toBe('States.DataLimitExceeded')
  })

  it('is the most that an output, arguments and assigned variables have', async () => {
    const doubled = '{% [$states.input, $states.input] %}'
    const input = text(140_000)
    for (const state of [
      { Type: 'Pass', Output: doubled, End: true },
      { Type: 'Pass', Assign: { x: doubled }, End: true },
      { ...resource, Arguments: doubled },
    ]) {
      const ran = await run(machine({ S: state }), { input, tasks: () => () => 1 })
      expect(ran).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' })
      expect(ran.cause).toContain("The state/task 'S'")
    }
  })

  it('is the most that the outputs of branches and iterations have together', async () => {
    const branch = (name: string) => workflow({ [name]: { Type: 'Pass', End: true } })
    for (const state of [
      { Type: 'Parallel', Branches: [branch('A'), branch('B')], End: true },
      {
        Type: 'Map',
        Items: [1, 2],
        ItemSelector: '{% $states.input %}',
        ItemProcessor: branch('A'),
        End: true,
      },
    ]) {
      const ran = await run(machine({ S: state }), { input: text(140_000) })
      expect(ran).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' })
      expect(ran.types.at(-2)).toBe(`${state.Type}StateFailed`)
    }
  })

  it('is the most that an input has', async () => {
    const engine = await openEngine({ tasks: () => undefined })
    const { stateMachineArn } = await engine.createStateMachine({
      name: 'm',
      definition: machine({ A: { Type: 'Pass', End: true } }),
    })
    const start = (bytes: number) =>
      engine.startExecution({ stateMachineArn, input: JSON.stringify(text(bytes)) })
    await start(limits.stateDataBytes)
    await expect(start(limits.stateDataBytes + 1)).rejects.toMatchObject({
      name: 'InvalidExecutionInput',
    })
    await engine.close()
  })
})

describe('values nested too deeply', () => {
  it('are refused as input and fail the state otherwise', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const engine = await openEngine({ tasks: () => undefined })
    const { stateMachineArn } = await engine.createStateMachine({
      name: 'm',
      definition: machine({ A: { Type: 'Pass', End: true } }),
    })
    await expect(engine.startExecution({ stateMachineArn, input: deep })).rejects.toMatchObject({
      name: 'InvalidExecutionInput',
    })
    await engine.close()
    const answer = JSON.parse(deep) as unknown
    const ran = await run(machine({ T: resource }), { tasks: () => () => answer })
    expect(ran).toMatchObject({ status: 'FAILED', error: 'RangeError' })
    const parsed = await run(
      machine({ A: { Type: 'Pass', Output: '{% $parse($states.input) %}', End: true } }),
      { input: deep },
    )
    expect(parsed).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' })
  })
})

describe('25,000 events', () => {
  it('are the most that a history has; the last one is the failure', async () => {
    const engine = await openEngine({ tasks: () => undefined, clock: virtualClock() })
    const { stateMachineArn } = await engine.createStateMachine({
      name: 'loop',
      definition: machine(loopStates),
    })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    expect(await engine.waitFor(executionArn)).toMatchObject({
      status: 'FAILED',
      error: 'States.Runtime',
      cause: 'The execution reached the maximum number of history events (25000).',
      redriveStatus: 'NOT_REDRIVABLE',
    })
    const { events } = await engine.getExecutionHistory({
      executionArn,
      reverseOrder: true,
      maxResults: 2,
    })
    expect(events.map(({ id, type }) => [id, type])).toEqual([
      [25_000, 'ExecutionFailed'],
      [24_999, 'PassStateExited'],
    ])
    await engine.close()
  })

  it('does not hold up others on the way', async () => {
    const engine = await openEngine({ tasks: () => undefined })
    const loop = await engine.createStateMachine({
      name: 'loop',
      definition: machine(loopStates),
    })
    const short = await engine.createStateMachine({
      name: 'short',
      definition: machine({ A: { Type: 'Pass', End: true } }),
    })
    const looping = await engine.startExecution(loop)
    const other = await engine.startExecution(short)
    expect((await engine.waitFor(other.executionArn)).status).toBe('SUCCEEDED')
    expect((await engine.describeExecution(looping)).status).toBe('RUNNING')
    await engine.stopExecution(looping)
    expect((await engine.waitFor(looping.executionArn)).status).toBe('ABORTED')
    await engine.close()
  })
})
