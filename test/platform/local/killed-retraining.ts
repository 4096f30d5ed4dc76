import { on } from 'node:events'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { LocalBus } from '../../../platform/local/bus.ts'
import { openPlatform, type Platform } from '../../../platform/local/platform.ts'
import { retraining } from '../../../platform/local/retraining.ts'
import { LocalTable } from '../../../platform/local/table.ts'
import { training } from '../../../platform/local/training.ts'
import type { Item, OutgoingEvent, Ports, Write } from '../../../platform/ports/index.ts'
import type { AnyTask } from '../../../tasks/task.ts'
import { isAtRest } from './retraining-state.ts'

/** What a platform tells its parent. */
export type Told =
  | { readonly url: string }
  /** It goes on once it is sent the name of the task. */
  | { readonly heldAt: string; readonly hasWaited: boolean }

/**
 * A platform that kills its own process at every point of the retraining that it comes to: before the
 * work of a task, after each of its writes, and after its work; and beside the writes of those who read
 * the log. It dies once at each: the points where it died are a file of the data directory. Run as
 * `node killed-retraining.ts DIR WHERE…` with a channel to its parent.
 */
const [dataDir, ...where] = process.argv.slice(2) as [string, ...string[]]

const pointsFile = join(dataDir, 'points')
const toldFile = join(dataDir, 'told')
const passed = new Set(existsSync(pointsFile) ? readFileSync(pointsFile, 'utf8').split('\n') : [])

function point(name: string): void {
  if (!where.some((one) => name.startsWith(`${one}: `)) || passed.has(name)) return
  appendFileSync(pointsFile, `${name}\n`)
  process.kill(process.pid, 'SIGKILL')
}

for (const task of training.tasks) {
  if (task.name !== 'Train') continue
  const run = task.run.bind(task)
  Object.assign(task, {
    run: async (...call: Parameters<AnyTask['run']>) => {
      await hold(task.name, false)
      return run(...call)
    },
  })
}

/** Tasks whose execution waits for what others do meanwhile. */
const waiting = new Set(['CountLabels', 'AwaitTraining', 'WatchPromotion'])

for (const task of [...retraining.tasks, retraining.onExecutionEnd!]) {
  const run = task.run.bind(task)
  let hasWaited = false
  Object.assign(task, {
    run: async (...[payload, ports, context]: Parameters<AnyTask['run']>) => {
      if (waiting.has(task.name)) await hold(task.name, hasWaited)
      if (isIdle(payload)) return run(payload, ports, context)
      point(`${task.name}: before`)
      let writes = 0
      const watched = watchedPorts(ports, (what) => {
        writes++
        point(`${task.name}: ${what.replaceAll(executionOf(payload), 'execution')}`)
      })
      const output: unknown = await run(payload, watched, context)
      point(`${task.name}: after, with ${writes === 0 ? 'no' : 'its'} writes`)
      hasWaited = true
      return output
    },
  })
}

async function hold(task: string, hasWaited: boolean): Promise<void> {
  process.send!({ heldAt: task, hasWaited } satisfies Told)
  for await (const [released] of on(process, 'message')) if (released === task) return
}

/** Whether a task is of an execution that was refused, or that told its end itself. */
function isIdle(payload: unknown): boolean {
  const { ending, detail } = payload as {
    ending?: { outcome: string }
    detail?: { status?: string }
  }
  return ending?.outcome === 'refused' || detail?.status === 'SUCCEEDED'
}

/** The ports of a task, which tell of each write once it is done. */
function watchedPorts(ports: Ports, onWrite: (what: string) => void): Ports {
  const told = <Port extends object>(
    port: Port,
    writes: Record<string, (args: unknown[]) => string>,
  ) =>
    new Proxy(port, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target)
        if (typeof method !== 'function') return method
        const nameOf = Object.hasOwn(writes, name) ? writes[String(name)] : undefined
        return async (...args: unknown[]): Promise<unknown> => {
          try {
            return await (method.apply(target, args) as unknown)
          } finally {
            if (nameOf !== undefined) onWrite(nameOf(args))
          }
        }
      },
    })
  return {
    ...ports,
    table: told(ports.table, {
      put: ([item]) => {
        const { sk, hasLooked } = item as Item
        return hasLooked === true ? `${sk}, after the early look` : sk
      },
      update: ([, sk]) => String(sk),
      delete: ([, sk]) => String(sk),
      transact: ([writes]) => placeOf((writes as Write[])[0]!).sk,
    }),
    objects: told(ports.objects, { put: ([key]) => String(key).replace(/^([^/]+).*\./, '$1 ') }),
    bus: told(ports.bus, {
      publish: ([events]) => (events as OutgoingEvent[]).map((one) => one.detailType).join(),
    }),
    executions: told(ports.executions, {
      start: () => 'start of the training',
      stop: () => 'stop of the training',
    }),
  }
}

function placeOf(write: Write): { readonly pk: string; readonly sk: string } {
  if ('put' in write) return write.put
  if ('update' in write) return write.update
  return 'delete' in write ? write.delete : write.check
}

function executionOf(payload: unknown): string {
  const { execution, run, detail } = payload as {
    execution?: string
    run?: { execution: string }
    detail?: { name: string }
  }
  return execution ?? run?.execution ?? detail!.name
}

replaced(LocalBus.prototype, 'publish', (publish) => async (events) => {
  await publish(events)
  const isFound = events.some(({ detail }) => 'source' in detail && detail['source'] === 'serving')
  if (isFound) point('monitors: told')
})
replaced(LocalTable.prototype, 'transact', (transact) => async (writes) => {
  const { pk } = placeOf(writes[0]!)
  if (pk.startsWith('monitor#')) point('monitors: before the write')
  await transact(writes)
  if (pk.startsWith('monitor#')) point('monitors: written')
  if (pk === 'usage-counted') point('usage: written')
})
replaced(LocalBus.prototype, 'start', (start, bus) => () => {
  bus.addRule({
    name: 'told',
    matches: ({ source }) => source === 'millrace',
    deliver: async (event) => appendFileSync(toldFile, `${JSON.stringify(event)}\n`),
  })
  start()
})

/** Puts another method into the place of one of a class, by what that is of an instance. */
function replaced<
  Class extends Record<Name, (...args: never[]) => unknown>,
  Name extends keyof Class,
>(prototype: Class, name: Name, by: (method: Class[Name], instance: Class) => Class[Name]): void {
  const method = prototype[name]
  Object.defineProperty(prototype, name, {
    value(this: Class, ...args: Parameters<Class[Name]>): unknown {
      return by(method.bind(this) as Class[Name], this)(...args)
    },
  })
}

// One that is killed would leave nothing in the cache.
flushCompileCache()
const platform = await openPlatform({ dataDir })
process.send!({ url: platform.url } satisfies Told)
process.on('disconnect', () => process.exit())
await atRest(platform)
// Monitors read what a killed process had in memory alone with the next record of the model.
await fetch(`${platform.url}/models/ada/parts/predictions`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ instances: [[0.1, 0.2]] }),
})
await atRest(platform)
await platform.close()
process.disconnect()

/** Resolves when a retraining has ended and nothing is under way. */
async function atRest({ ports }: Platform): Promise<void> {
  for (;;) {
    await (ports.bus as LocalBus).drained()
    if (await isAtRest(ports)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
