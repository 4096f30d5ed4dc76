import { batch } from '../../../platform/local/batch.ts'
import { openPlatform } from '../../../platform/local/platform.ts'
import type { JsonObject, Ports } from '../../../platform/ports/index.ts'
import type { AnyTask } from '../../../tasks/task.ts'

/**
 * A platform that begins a batch and kills its own process at one of its ranges: `before` the work on
 * it, when its shard is `written` and not noted, or `after` it is done. Run as
 * `node killed-batch.ts DIR EXECUTION REQUEST RANGE POINT`.
 */
const [dataDir, name, request, range, point] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
]

const kill = () => process.kill(process.pid, 'SIGKILL')

const task = batch.tasks.find((one) => one.name === 'PredictRange')!
const run = task.run.bind(task)
Object.assign(task, {
  run: async (...[payload, ports, context]: Parameters<AnyTask['run']>) => {
    const { index } = (payload as { range: { index: number } }).range
    if (String(index) !== range) return run(payload, ports, context)
    if (point === 'before') kill()
    const output: unknown = await run(payload, point === 'written' ? dying(ports) : ports, context)
    kill()
    return output
  },
})

/** Ports whose user dies where it would note what it has written. */
function dying({ table, ...ports }: Ports): Ports {
  const deadly = new Proxy(table, {
    get(target, method) {
      if (method === 'transact') kill()
      const value: unknown = Reflect.get(target, method, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { ...ports, table: deadly }
}

const { ports } = await openPlatform({ dataDir })
await ports.executions.start({
  workflow: 'batch',
  name,
  input: JSON.parse(request) as JsonObject,
})
