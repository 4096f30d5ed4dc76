import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Engine, type EngineOptions, openEngine, virtualClock } from '../../engine/index.ts'
import { crashingDatabase } from './crashing-database.ts'
import { distributed, mapEngine, objectsOf, pass, runMap, startMap, task } from './map-support.ts'
import { type Fields, functionsOf, hang, machine } from './support.ts'

const executionArn = 'arn:aws:states:us-east-1:000000000000:execution:machine:once'
const output = [
  { BatchInput: 7, Items: [20, 22] },
  { BatchInput: 7, Items: [24, 26] },
  { BatchInput: 7, Items: [28] },
]

/** Reads a file, batches its items, calls a function twice for each batch and writes the results. */
const definition = (executionType: string) =>
  machine({
    A: { Type: 'Pass', Assign: { seed: 10 }, Next: 'M' },
    M: distributed(
      {
        T1: { ...task(), End: undefined, Next: 'W' },
        W: { Type: 'Wait', Seconds: 5, Next: 'T2' },
        T2: task(),
      },
      {
        Next: 'Z',
        MaxConcurrency: 2,
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'JSON' },
          Arguments: { Bucket: 'b', Key: 'k' },
        },
        ItemSelector: '{% 2 * ($seed + $states.context.Map.Item.Value) %}',
        ItemBatcher: { MaxItemsPerBatch: 2, BatchInput: 7 },
        ResultWriter: {
          Resource: 'arn:aws:states:::s3:putObject',
          Arguments: { Bucket: 'out', Prefix: '' },
          WriterConfig: { Transformation: 'COMPACT' },
        },
      },
      executionType,
    ),
    Z: pass({ Output: '{% $states.input.ResultWriterDetails.Key %}' }),
  })

async function begin(options: Partial<EngineOptions>, executionType: string) {
  const engine = await openEngine({ onError: () => undefined, tasks: () => undefined, ...options })
  const { stateMachineArn } = await engine.createStateMachine({
    name: 'machine',
    definition: definition(executionType),
  })
  await engine.startExecution({ stateMachineArn, name: 'once' }).catch(() => undefined)
  return engine
}

function sharedOptions() {
  const contents = { 'b/k': '[0,1,2,3,4]' }
  const calls: string[] = []
  const objects = objectsOf(contents)
  const work = (input: unknown, { state }: { state: string }) => {
    calls.push(`${state} ${JSON.stringify(input)}`)
    return input
  }
  const tasks = functionsOf({ work: work })
  return { contents, calls, objects, options: { clock: virtualClock(), objects, tasks } }
}

/** Crashes at commit `at`, opens the database again and lets it end. */
async function disturbed(at: number, moment: 'before' | 'after', executionType: string) {
  const database = new DatabaseSync(':memory:')
  const crashed = Promise.withResolvers<undefined>()
  const shared = sharedOptions()
  const crashing = crashingDatabase(database, at, moment, () => {
    crashed.resolve(undefined)
  })
  const first = await begin({ ...shared.options, database: crashing.database }, executionType)
  const isOver = await Promise.race([
    crashed.promise.then(() => false),
    first.waitFor(executionArn).then(
      () => true,
      () => false,
    ),
  ])
  await first.close()
  const callsBefore = shared.calls.length
  const second = await begin({ ...shared.options, database }, executionType)
  const ended = await endedInputs(second)
  const description = await second.waitFor(executionArn)
  const { mapRuns } = await second.listMapRuns({ executionArn })
  const mapRun = await second.describeMapRun(mapRuns[0]!)
  await second.close()
  const results = [...shared.objects.written].find(([name]) => name.includes('SUCCEEDED_0'))?.[1]
  return {
    description,
    mapRun,
    isOver,
    calls: shared.calls,
    callsAfter: shared.calls.slice(callsBefore),
    ended,
    results,
    commits: crashing.commits(),
  }
}

/** Inputs of the child executions whose success is stored. */
async function endedInputs(engine: Engine): Promise<string[]> {
  const { mapRuns } = await engine.listMapRuns({ executionArn })
  if (mapRuns[0] === undefined) return []
  const { mapRunArn } = mapRuns[0]
  const { executions } = await engine.listExecutions({ mapRunArn, statusFilter: 'SUCCEEDED' })
  return Promise.all(executions.map(async (child) => (await engine.describeExecution(child)).input))
}

describe('a crash of a map run at any commit', () => {
  it.each(['STANDARD', 'EXPRESS'])('changes nothing of its outcome: %s', async (executionType) => {
    const whole = await disturbed(Infinity, 'after', executionType)
    expect(whole.commits).toBeGreaterThan(12)
    expect(whole.calls).toHaveLength(6)
    for (const moment of ['before', 'after'] as const) {
      // The first commits make the tables and the state machine.
      for (let at = 3; at <= whole.commits; at++) {
        const where = `${executionType} ${moment} commit ${at}`
        const ran = await disturbed(at, moment, executionType)
        expect(ran.description.status, where).toBe('SUCCEEDED')
        expect(JSON.parse(ran.results!), where).toEqual(output)
        expect(ran.mapRun.itemCounts, where).toMatchObject({ total: 5, succeeded: 5 })
        expect(ran.mapRun.executionCounts, where).toMatchObject({ total: 3, succeeded: 3 })
        expect(new Set(ran.calls), where).toEqual(new Set(whole.calls))
        const again = ran.callsAfter.filter((call) =>
          ran.ended.some((input) => call.endsWith(input)),
        )
        expect(again, where).toEqual([])
        // What ran at the crash runs again: two child executions at most, an Express one whole.
        const repeated = ran.calls.length - 6
        expect(repeated, where).toBeLessThanOrEqual(executionType === 'EXPRESS' ? 4 : 2)
      }
    }
  })
})

describe('an engine that is opened again', () => {
  const directory = () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'engine-map-'))
    onTestFinished(() => {
      rmSync(dataDir, { recursive: true })
    })
    return dataDir
  }

  it('goes on with the items as they were read, and with no child that has ended', async () => {
    const dataDir = directory()
    const { contents, objects, options } = sharedOptions()
    const calls: unknown[] = []
    const started = Promise.withResolvers<undefined>()
    let isLast = false
    const tasks = functionsOf({
      work: (input, context) => {
        calls.push(input)
        if (isLast || calls.length <= 3) return input
        started.resolve(undefined)
        return hang(input, context)
      },
    })
    const state: Fields = distributed(
      { T: task() },
      {
        MaxConcurrency: 1,
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'JSON' },
          Arguments: { Bucket: 'b', Key: 'k' },
        },
      },
    )
    const first = await openEngine({ ...options, dataDir, tasks })
    const { stateMachineArn } = await first.createStateMachine({
      name: 'machine',
      definition: machine({ M: state }),
    })
    await first.startExecution({ stateMachineArn, name: 'once' })
    await started.promise
    await first.close()
    contents['b/k'] = '["changed"]'
    isLast = true
    const second = await openEngine({ ...options, dataDir, tasks })
    onTestFinished(() => second.close())
    expect((await second.waitFor(executionArn)).output).toBe('[0,1,2,3,4]')
    expect(calls).toEqual([0, 1, 2, 3, 3, 4])
    expect(objects.reads).toEqual(['b/k'])
  })

  it('stops the children of a map run that had ended', async () => {
    const database = new DatabaseSync(':memory:')
    const running = Promise.withResolvers<undefined>()
    const started = await startMap(distributed({ T: task() }), {
      database,
      input: [1, 2],
      work: (input, context) => {
        if (input === 2) running.resolve(undefined)
        return hang(input, context)
      },
    })
    await running.promise
    await started.engine.stopExecution({ executionArn })
    // Closed before it came to its children.
    await started.engine.close()
    const engine = await openEngine({ database, tasks: functionsOf({ work: hang }) })
    onTestFinished(() => engine.close())
    const { mapRun } = mapEngine(engine, executionArn)
    const { mapRunArn } = await mapRun()
    const { executions } = await engine.listExecutions({ mapRunArn })
    for (const child of executions) {
      expect((await engine.waitFor(child.executionArn)).status).toBe('ABORTED')
    }
    expect(executions).toHaveLength(2)
  })
})

describe('redriveExecution', () => {
  /** Fails for strings until it is repaired. */
  const breakable = () => {
    const calls: unknown[] = []
    const self = {
      calls,
      isRepaired: false,
      work: (input: unknown) => {
        calls.push(input)
        if (!self.isRepaired && typeof input === 'string') throw new Error('not yet')
        return input
      },
    }
    return self
  }

  it.each(['STANDARD', 'EXPRESS'])(
    'runs only the children that failed, and those that never ran: %s',
    async (type) => {
      const faulty = breakable()
      const { engine, types, mapRun, description } = await runMap(
        distributed({ T: task() }, { MaxConcurrency: 1 }, type),
        { input: [1, 'a', 2, 3], work: faulty.work },
      )
      expect(description).toMatchObject({ status: 'FAILED', redriveStatus: 'REDRIVABLE' })
      expect(faulty.calls).toEqual([1, 'a'])
      const before = await types()
      const { mapRunArn } = await mapRun()
      faulty.isRepaired = true
      await engine.redriveExecution({ executionArn })
      expect((await engine.waitFor(executionArn)).output).toBe('[1,"a",2,3]')
      expect(faulty.calls).toEqual([1, 'a', 'a', 2, 3])
      expect((await types()).slice(before.length)).toEqual([
        'ExecutionRedriven',
        'MapRunRedriven',
        'MapRunSucceeded',
        'MapStateSucceeded',
        'MapStateExited',
        'ExecutionSucceeded',
      ])
      expect(await mapRun()).toMatchObject({
        mapRunArn,
        status: 'SUCCEEDED',
        redriveCount: 1,
        itemCounts: { succeeded: 4, failed: 0, pendingRedrive: 0 },
      })
      const { executions } = await engine.listExecutions({ mapRunArn })
      expect(executions.map(({ redriveCount }) => redriveCount)).toEqual([0, 0, 1, 0])
    },
  )

  it('fails again, and again runs only what failed', async () => {
    const faulty = breakable()
    const { engine, mapRun } = await runMap(
      distributed({ T: task() }, { ToleratedFailureCount: 1, MaxConcurrency: 1 }),
      { input: [1, 'a', 'b'], work: faulty.work },
    )
    for (const redriveCount of [1, 2]) {
      await engine.redriveExecution({ executionArn })
      expect((await engine.waitFor(executionArn)).error).toBe(
        'States.ExceedToleratedFailureThreshold',
      )
      expect(await mapRun()).toMatchObject({
        redriveCount,
        itemCounts: { failed: 2, succeeded: 1 },
      })
    }
    faulty.isRepaired = true
    await engine.redriveExecution({ executionArn })
    expect((await engine.waitFor(executionArn)).output).toBe('[1,"a","b"]')
    expect(faulty.calls).toEqual([1, 'a', 'b', 'a', 'b', 'a', 'b', 'a', 'b'])
  })

  it('shows what is yet to be redriven', async () => {
    const faulty = breakable()
    const held = Promise.withResolvers<undefined>()
    const again = Promise.withResolvers<undefined>()
    const { engine, mapRun } = await runMap(
      distributed({ T: task() }, { MaxConcurrency: 1, ToleratedFailureCount: 1 }),
      {
        input: ['a', 'b'],
        work: async (input) => {
          if (faulty.isRepaired) {
            again.resolve(undefined)
            await held.promise
          }
          return faulty.work(input)
        },
      },
    )
    faulty.isRepaired = true
    await engine.redriveExecution({ executionArn })
    await again.promise
    const { mapRunArn, itemCounts } = await mapRun()
    expect(itemCounts).toMatchObject({ running: 1, pendingRedrive: 1, failed: 0, total: 2 })
    const list = { mapRunArn, statusFilter: 'PENDING_REDRIVE' } as const
    expect((await engine.listExecutions(list)).executions).toHaveLength(1)
    held.resolve(undefined)
    expect((await engine.waitFor(executionArn)).status).toBe('SUCCEEDED')
  })

  it('goes on after a stop, and after a failure to write', async () => {
    const faulty = breakable()
    faulty.isRepaired = true
    let isBroken = true
    const objects = objectsOf({})
    const write = objects.write.bind(objects)
    const { engine, description } = await runMap(
      distributed(
        { T: task() },
        {
          ResultWriter: {
            Resource: 'arn:aws:states:::s3:putObject',
            Arguments: { Bucket: 'out', Prefix: 'p' },
          },
        },
      ),
      {
        input: [1, 2],
        work: faulty.work,
        objects: {
          ...objects,
          write(...file) {
            if (isBroken) throw new Error('no')
            return write(...file)
          },
        },
      },
    )
    expect(description.error).toBe('States.ResultWriterFailed')
    isBroken = false
    await engine.redriveExecution({ executionArn })
    expect((await engine.waitFor(executionArn)).status).toBe('SUCCEEDED')
    expect(faulty.calls).toEqual([1, 2])
    expect(objects.written.size).toBe(2)
  })

  it('begins anew where the items could not be read, or the results were too large', async () => {
    const contents: Record<string, string> = {}
    const { engine, types } = await runMap(
      distributed(undefined, {
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'JSON' },
          Arguments: { Bucket: 'b', Key: 'k' },
        },
      }),
      { objects: objectsOf(contents) },
    )
    contents['b/k'] = '[1]'
    await engine.redriveExecution({ executionArn })
    expect((await engine.waitFor(executionArn)).output).toBe('[1]')
    expect((await types()).filter((type) => type === 'MapRunStarted')).toHaveLength(2)
    const large = await runMap(distributed({ P: pass({ Output: 'x'.repeat(140_000) }) }), {
      input: [1, 2],
    })
    await large.engine.redriveExecution({ executionArn })
    expect((await large.engine.waitFor(executionArn)).error).toBe('States.DataLimitExceeded')
    expect((await large.engine.listMapRuns({ executionArn })).mapRuns).toHaveLength(2)
  })
})
