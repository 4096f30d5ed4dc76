import { LocalBus } from '../../platform/local/bus.ts'
import { openEngine } from '../../engine/index.ts'
import { LocalCompute } from '../../platform/local/compute.ts'
import { localArns, localExecutions } from '../../platform/local/executions.ts'
import { LocalLog } from '../../platform/local/log.ts'
import { LocalQueue } from '../../platform/local/queue.ts'
import { LocalTable } from '../../platform/local/table.ts'
import type { EventEnvelope } from '../../events/envelope.ts'
import { matchesPattern } from '../../events/pattern.ts'
import { busContract } from '../contracts/bus.ts'
import { computeContract } from '../contracts/compute.ts'
import { contractWorkflows } from '../contracts/execution-requests.ts'
import { executionsContract } from '../contracts/executions.ts'
import { logContract } from '../contracts/log.ts'
import { objectsContract } from '../contracts/objects.ts'
import { queueContract } from '../contracts/queue.ts'
import { tableContract } from '../contracts/table.ts'
import { openDatabase, openStore, testDirectory } from './local/directory.ts'

tableContract('local', async () => {
  const directory = await testDirectory()
  return { table: new LocalTable(openDatabase(directory)), close: () => directory.close() }
})

logContract('local', async () => {
  const directory = await testDirectory()
  const { logger } = directory
  const log = new LocalLog(openDatabase(directory), { logger, retryPauseMs: 1 })
  directory.onClose(() => log.close())
  return { log, close: () => directory.close() }
})

queueContract('local', async () => {
  const directory = await testDirectory()
  const { clock } = directory
  const queue = new LocalQueue(openDatabase(directory), { clock, maxReceives: 3 })
  return {
    queue,
    pass: async (seconds) => clock.advance(seconds * 1000),
    longWait: 7 * 24 * 3600,
    hiddenFor: 3,
    close: () => directory.close(),
  }
})

executionsContract('local', async () => {
  const directory = await testDirectory()
  const database = openDatabase(directory)
  const engine = await openEngine({
    database: database.connection,
    tasks: () => undefined,
  })
  directory.onClose(() => engine.close())
  for (const [name, definition] of Object.entries(contractWorkflows)) {
    await engine.createStateMachine({ name, definition: JSON.stringify(definition) })
  }
  const arns = localArns('us-east-1', '000000000000')
  return {
    executions: localExecutions(Promise.resolve(engine), arns, database),
    close: () => directory.close(),
  }
})

busContract('local', async () => {
  const directory = await testDirectory()
  const { clock, logger } = directory
  const bus = new LocalBus(openDatabase(directory), { clock, logger, retry: { firstPauseMs: 1 } })
  bus.start()
  directory.onClose(() => bus.close())
  return {
    bus,
    addRule: async ({ name, pattern, deliver }) =>
      bus.addRule({ name, deliver, matches: (event) => matchesPattern(pattern, event) }),
    delivered: () => bus.drained(),
    close: () => directory.close(),
  }
})

objectsContract('local', async () => {
  const directory = await testDirectory()
  const { bus, objects } = await openStore(directory)
  const events: EventEnvelope[] = []
  const deliver = async (event: EventEnvelope) => void events.push(event)
  bus.addRule({ name: 'test', matches: () => true, deliver })
  bus.start()
  return {
    objects,
    events: async () => {
      await bus.drained()
      return events
    },
    upload: (request) => objects.acceptUpload(request),
    advance: (milliseconds) => directory.clock.advance(milliseconds),
    close: () => directory.close(),
  }
})

computeContract('local', async () => {
  const compute = new LocalCompute({ threads: 2 })
  return { compute, close: () => compute.close() }
})
