import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { type Engine, type HistoryEvent, openEngine, virtualClock } from '../../engine/index.ts'
import { crashingDatabase } from './crashing-database.ts'
import { everything, everythingFunctions, everythingOutput } from './everything.ts'
import { details, functionsOf, invoke, linkage, machine, workflow } from './support.ts'

const executionArn = 'arn:aws:states:us-east-1:000000000000:execution:everything:once'

async function begin(engine: Engine): Promise<void> {
  const { stateMachineArn } = await engine.createStateMachine({
    name: 'everything',
    definition: everything,
  })
  await engine.startExecution({ stateMachineArn, name: 'once' })
}

async function history(engine: Engine): Promise<HistoryEvent[]> {
  return (await engine.getExecutionHistory({ executionArn, maxResults: 1000 })).events
}

const sortedTypes = (events: readonly HistoryEvent[]) => events.map(({ type }) => type).sort()

/** Which type of event led to which, whatever the order of threads that run at once. */
const sortedLinks = (events: readonly HistoryEvent[]) =>
  events
    .map(({ previousEventId, type }) => `${events[previousEventId - 1]?.type ?? 'none'} ${type}`)
    .sort()

/** Runs it undisturbed on a database that counts the commits. */
async function undisturbed() {
  const counting = crashingDatabase(
    new DatabaseSync(':memory:'),
    Infinity,
    'after',
    () => undefined,
  )
  const ran: string[] = []
  const engine = await openEngine({
    database: counting.database,
    clock: virtualClock(),
    random: () => 0.5,
    tasks: functionsOf(everythingFunctions((label) => ran.push(label))),
  })
  await begin(engine)
  const description = await engine.waitFor(executionArn)
  const events = await history(engine)
  await engine.close()
  return { description, events, ran, commits: counting.commits() }
}

/** Crashes at commit `at`, opens the database again and lets it end. */
async function disturbed(at: number, moment: 'before' | 'after') {
  const database = new DatabaseSync(':memory:')
  const clock = virtualClock()
  const ran: string[] = []
  const crashed = Promise.withResolvers<undefined>()
  const options = {
    clock,
    random: () => 0.5,
    tasks: functionsOf(everythingFunctions((label) => ran.push(label))),
    onError: () => undefined,
  }
  const first = await openEngine({
    ...options,
    database: crashingDatabase(database, at, moment, () => {
      crashed.resolve(undefined)
    }).database,
  })
  await begin(first).catch(() => undefined)
  await crashed.promise
  await first.close()

  const second = await openEngine({ ...options, database })
  const completed = completedTasks(await history(second).catch(() => []))
  const ranBefore = ran.length
  // The crash may have been before the start was durable: its caller then asks again.
  await begin(second).catch(() => undefined)
  const description = await second.waitFor(executionArn)
  const events = await history(second)
  await second.close()
  return { description, events, completed, ranAfter: ran.slice(ranBefore) }
}

/** Labels of the attempts whose end is in the history. */
function completedTasks(events: readonly HistoryEvent[]): Set<string> {
  const byId = new Map(events.map((event) => [event.id, event]))
  const labels = new Set<string>()
  const attempts = new Map<string, number>()
  for (const event of events) {
    if (event.type !== 'TaskSucceeded' && event.type !== 'TaskFailed') continue
    const started = byId.get(event.previousEventId)!
    const { FunctionName: name, Payload: payload } = JSON.parse(
      String(details(byId.get(started.previousEventId))['parameters']),
    ) as { FunctionName: string; Payload: unknown }
    const label = `${name} ${JSON.stringify(payload)}`
    const attempt = (attempts.get(label) ?? 0) + 1
    attempts.set(label, attempt)
    labels.add(`${label} ${attempt}`)
  }
  return labels
}

/** Lets the engine do all that it can without the clock. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
}

describe('a crash at any commit', () => {
  it('changes neither the outcome nor the times, and repeats no completed task', async () => {
    const whole = await undisturbed()
    expect(JSON.parse(whole.description.output!)).toEqual(everythingOutput)
    expect(whole.ran).toHaveLength(9)
    expect(whole.commits).toBeGreaterThan(30)
    for (const moment of ['before', 'after'] as const) {
      // The first commit is the state machine's own.
      for (let at = 2; at <= whole.commits; at++) {
        const again = await disturbed(at, moment)
        const where = `${moment} commit ${at}`
        expect(again.description.status, where).toBe('SUCCEEDED')
        expect(again.description.output, where).toBe(whole.description.output)
        expect(again.description.stopDate, where).toEqual(whole.description.stopDate)
        expect(sortedTypes(again.events), where).toEqual(sortedTypes(whole.events))
        expect(
          again.events.map(({ id }) => id),
          where,
        ).toEqual(whole.events.map(({ id }) => id))
        expect(sortedLinks(again.events), where).toEqual(sortedLinks(whole.events))
        const repeated = again.ranAfter.filter((label) => again.completed.has(label))
        expect(repeated, where).toEqual([])
        expect(new Set(again.ranAfter).size, where).toBe(again.ranAfter.length)
      }
    }
  })
})

describe('an engine that is opened again', () => {
  async function onFile<T>(body: (dataDir: string) => Promise<T>): Promise<T> {
    const dataDir = mkdtempSync(join(tmpdir(), 'engine-'))
    try {
      return await body(dataDir)
    } finally {
      rmSync(dataDir, { recursive: true })
    }
  }

  it('ends a Wait and a retry delay at their original times', async () => {
    await onFile(async (dataDir) => {
      const clock = virtualClock({ automatic: false })
      const start = clock.now()
      const options = {
        dataDir,
        clock,
        tasks:
          () =>
          (_: unknown, { attempt }: { attempt: number }) => {
            if (attempt === 1) throw new Error('first')
            return clock.now() - start
          },
      }
      const definition = machine({
        W: { Type: 'Wait', Seconds: 100, Next: 'T' },
        T: {
          Type: 'Task',
          Resource: 'arn:aws:x:::y',
          Retry: [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 50 }],
          End: true,
        },
      })
      const seen = async (engine: Engine, arn: string, type: string) => {
        for await (const event of engine.watch(arn)) if (event.type === type) return
      }
      let engine = await openEngine(options)
      const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
      const { executionArn: arn } = await engine.startExecution({ stateMachineArn })
      await seen(engine, arn, 'WaitStateEntered')
      await engine.close()
      clock.advance(40_000)
      engine = await openEngine(options)
      await new Promise(setImmediate)
      clock.advance(60_000)
      await seen(engine, arn, 'TaskFailed')
      await engine.close()
      clock.advance(20_000)
      engine = await openEngine(options)
      await new Promise(setImmediate)
      clock.advance(30_000)
      expect((await engine.waitFor(arn)).output).toBe('150000')
      await engine.close()
    })
  })

  it('ends the state machine at its original deadline, and after a redrive at a new one', async () => {
    await onFile(async (dataDir) => {
      const clock = virtualClock({ automatic: false })
      const options = { dataDir, clock, tasks: () => undefined }
      let engine = await openEngine(options)
      const reopenAfter = async (milliseconds: number) => {
        await engine.close()
        clock.advance(milliseconds)
        engine = await openEngine(options)
        await new Promise(setImmediate)
      }
      const status = async () =>
        (await engine.describeExecution({ executionArn: arn })).status as string
      const definition = machine(
        { W: { Type: 'Wait', Seconds: 3600, End: true } },
        { TimeoutSeconds: 70 },
      )
      const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
      const { executionArn: arn } = await engine.startExecution({ stateMachineArn })
      for await (const { type } of engine.watch(arn)) if (type === 'WaitStateEntered') break
      await reopenAfter(40_000)
      clock.advance(29_999)
      expect(await status()).toBe('RUNNING')
      clock.advance(1)
      expect(await status()).toBe('TIMED_OUT')

      clock.advance(100_000)
      await engine.redriveExecution({ executionArn: arn })
      await reopenAfter(69_999)
      clock.advance(0)
      expect(await status()).toBe('RUNNING')
      // A deadline that passes while no engine is open is met when one is.
      await reopenAfter(1000)
      clock.advance(0)
      expect(await status()).toBe('TIMED_OUT')
      await engine.close()
    })
  })

  it('goes on with the history of a Map as if nothing had been', async () => {
    const definition = machine({
      M: {
        Type: 'Map',
        Items: [1, 2, 3],
        MaxConcurrency: 2,
        ItemProcessor: workflow({
          W: { Type: 'Wait', Seconds: '{% 10 * $states.input %}', Next: 'P' },
          P: { Type: 'Pass', End: true },
        }),
        End: true,
      },
    })
    /** The linked history, where the engine was opened anew after each ten seconds, or was not. */
    const linkedHistory = (isReopened: boolean) =>
      onFile(async (dataDir) => {
        const clock = virtualClock({ automatic: false })
        const options = { dataDir, clock, tasks: () => undefined }
        let engine = await openEngine(options)
        const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
        const { executionArn: arn } = await engine.startExecution({ stateMachineArn })
        for (let second = 0; second < 50; second += 10) {
          await settled()
          if (isReopened) {
            await engine.close()
            engine = await openEngine(options)
            await settled()
          }
          clock.advance(10_000)
        }
        const { status } = await engine.waitFor(arn)
        expect(status).toBe('SUCCEEDED')
        const { events } = await engine.getExecutionHistory({ executionArn: arn })
        await engine.close()
        return linkage(events)
      })
    const whole = await linkedHistory(false)
    expect(whole).toContain('4<3 MapIterationStarted')
    expect(await linkedHistory(true)).toEqual(whole)
  })

  it('starts an attempt that was running again, as the same attempt', async () => {
    await onFile(async (dataDir) => {
      const attempts: number[] = []
      const started = Promise.withResolvers<AbortSignal>()
      const open = (isLast: boolean) =>
        openEngine({
          dataDir,
          tasks: functionsOf({
            work: (_, { attempt, signal }) => {
              attempts.push(attempt)
              if (isLast) return 'done'
              started.resolve(signal)
              return new Promise(() => undefined)
            },
          }),
        })
      const first = await open(false)
      const { stateMachineArn } = await first.createStateMachine({
        name: 'm',
        definition: machine({ T: invoke('work', { End: true }) }),
      })
      const { executionArn: arn } = await first.startExecution({ stateMachineArn })
      const signal = await started.promise
      await first.close()
      expect(signal.aborted).toBe(true)
      const second = await open(true)
      expect((await second.waitFor(arn)).output).toBe('"done"')
      expect(attempts).toEqual([1, 1])
      await second.close()
    })
  })

  it('evaluates nothing again that was evaluated', async () => {
    await onFile(async (dataDir) => {
      let draws = 0
      const clock = virtualClock({ automatic: false })
      const open = () =>
        openEngine({ dataDir, clock, random: () => ++draws, tasks: () => undefined })
      let engine = await open()
      const { stateMachineArn } = await engine.createStateMachine({
        name: 'm',
        definition: machine({
          A: {
            Type: 'Pass',
            Assign: { x: '{% $random() %}' },
            Output: '{% $random() %}',
            Next: 'W',
          },
          W: { Type: 'Wait', Seconds: '{% 5 + $random() %}', Next: 'Z' },
          Z: { Type: 'Pass', Output: '{% [$x, $states.input] %}', End: true },
        }),
      })
      const { executionArn: arn } = await engine.startExecution({ stateMachineArn })
      for await (const { type } of engine.watch(arn)) if (type === 'WaitStateEntered') break
      const before = draws
      await engine.close()
      engine = await open()
      await new Promise(setImmediate)
      clock.advance(60_000)
      const { output, startDate, stopDate } = await engine.waitFor(arn)
      expect(draws).toBe(before)
      expect(before).toBe(3)
      expect(output).toBe('[2,1]')
      expect(stopDate!.getTime() - startDate.getTime()).toBe(60_000)
      await engine.close()
    })
  })

  it('still has what ended, without taking it into memory', async () => {
    await onFile(async (dataDir) => {
      const tasks = functionsOf({ echo: (input) => input })
      let engine = await openEngine({ dataDir, tasks })
      const { stateMachineArn } = await engine.createStateMachine({
        name: 'm',
        definition: machine({ T: invoke('echo', { End: true }) }),
      })
      const { executionArn: arn } = await engine.startExecution({ stateMachineArn, input: '[1]' })
      const before = await engine.waitFor(arn)
      const events = (await engine.getExecutionHistory({ executionArn: arn })).events
      await engine.close()
      engine = await openEngine({ dataDir, tasks, durability: 'power' })
      expect(await engine.waitFor(arn)).toEqual(before)
      expect((await engine.getExecutionHistory({ executionArn: arn })).events).toEqual(events)
      await engine.close()
    })
  })
})
