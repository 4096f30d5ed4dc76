import cluster, { type Worker } from 'node:cluster'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Api } from '../../api/app.ts'
import type { ModelName } from '../../tasks/names.ts'
import type { Logger } from '../ports/index.ts'
import { MillraceError } from '../ports/errors.ts'
import { urlOf, type LocalServer } from './http-server.ts'
import { answerCall, type OwnerCalls } from './owner-calls.ts'
import { serve } from './server.ts'
import {
  gathered,
  type CallAnswer,
  type OwnerMessage,
  type WorkerMessage,
  type WorkerSettings,
} from './worker-messages.ts'

export interface WorkersOptions extends Pick<
  WorkerSettings,
  'host' | 'port' | 'publicUrl' | 'versionsDir' | 'operatorKeys' | 'servedMaxAge'
> {
  readonly count: number
  readonly calls: OwnerCalls
  readonly logger: Logger
}

/** The worker processes of one data directory, and the address that they share. */
export interface Workers extends LocalServer {
  /** Lets all of them read again what a model's names stand for. */
  invalidate(model: ModelName): void
}

/** How long a worker may take to end, in milliseconds, before it is killed. */
const closePatience = 5000

/** The pause before a worker is replaced that ended at once: it doubles up to the longest. */
const firstPause = 100
const longestPause = 10_000

/** What a worker ended within, in milliseconds, it would end within again. */
const atOnce = 5000

/**
 * Serves the API on an address by worker processes, which share it, connections by turns: they answer
 * predictions, and this process the rest, behind them. One that ends is replaced; all end with this
 * process.
 *
 * @throws the system's error (EADDRINUSE, EACCES) when nobody can listen there; MillraceError
 * SettingsInvalid in a process that is a worker of a cluster itself, InternalError when one ends before
 * it serves.
 */
export async function serveByWorkers(
  api: Pick<Api, 'fetch' | 'shortWay'>,
  { count, calls, logger, ...shared }: WorkersOptions,
): Promise<Workers> {
  if (!cluster.isPrimary) {
    const message = 'a worker of a cluster cannot have workers: open the platform in its primary'
    throw new MillraceError('SettingsInvalid', message)
  }
  const address = await freeAddress(shared)
  const secret = randomUUID()
  const behind = await serve(api, { host: '127.0.0.1', port: 0, secret })
  const owner = { port: Number(new URL(behind.url).port), secret }
  const settings: WorkerSettings = { ...shared, port: address.port, owner }
  const running = new Map<Worker, Promise<unknown>>()
  let isClosing = false
  let pause = firstPause

  const closeAll = async () => {
    isClosing = true
    for (const worker of running.keys()) tell(worker, { kind: 'close' })
    const patience = setTimeout(() => {
      for (const worker of running.keys()) worker.process.kill('SIGKILL')
    }, closePatience)
    await Promise.all(running.values())
    clearTimeout(patience)
    await behind.close()
  }
  try {
    await Promise.all(Array.from({ length: count }, () => started(start())))
  } catch (error) {
    await closeAll()
    throw error
  }
  return {
    url: urlOf(address),
    invalidate(model) {
      for (const worker of running.keys()) tell(worker, { kind: 'invalidate', model })
    },
    close: closeAll,
  }

  function start(): Worker {
    const startedAt = performance.now()
    const worker = forked()
    const answer = gathered<CallAnswer>((answers) => tell(worker, { kind: 'answers', answers }))
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind !== 'calls') return
      for (const call of message.calls) void answerCall(calls, call).then(answer)
    })
    tell(worker, { kind: 'start', settings })
    const ended = once(worker, 'exit').then(([code, signal]: (number | string | null)[]) => {
      running.delete(worker)
      if (isClosing) return
      pause =
        performance.now() - startedAt < atOnce ? Math.min(2 * pause, longestPause) : firstPause
      const fields = {
        worker: worker.process.pid ?? null,
        code: code ?? null,
        signal: signal ?? null,
      }
      logger.error('a worker process ended, and is replaced', fields)
      setTimeout(() => {
        if (!isClosing) start()
      }, pause).unref()
    })
    running.set(worker, ended)
    return worker
  }
}

/** A new process of the worker's module: TypeScript in development, JavaScript in the package. */
function forked(): Worker {
  const module = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'
  cluster.setupPrimary({
    exec: fileURLToPath(new URL(module, import.meta.url)),
    args: [],
    // What is short-lived dies young: a prediction's objects are not copied while others are made.
    execArgv: [...process.execArgv, '--max-semi-space-size=32'],
    // Bytes go as they are.
    serialization: 'advanced',
  })
  return cluster.fork()
}

/** Resolves when it serves. */
async function started(worker: Worker): Promise<void> {
  const ready = Promise.withResolvers<undefined>()
  worker.on('message', ({ kind }: WorkerMessage) => {
    if (kind === 'ready') ready.resolve(undefined)
  })
  worker.once('exit', (code) => {
    const message = `a worker process ended with ${String(code)} before it served`
    ready.reject(new MillraceError('InternalError', message))
  })
  await ready.promise
}

/** One that is ending takes no messages any more. */
function tell(worker: Worker, message: OwnerMessage): void {
  if (worker.isConnected()) worker.send(message, undefined, () => undefined)
}

/** Where the workers can listen. */
async function freeAddress({ host, port }: { host: string; port: number }): Promise<AddressInfo> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject).listen(port, host, resolve)
  })
  const address = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return address
}
