import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError, type Log, type Logger, type Objects, type Table } from '../ports/index.ts'
import { logRecordTexts } from '../ports/log-record.ts'
import { storageError } from './database.ts'
import { errorFrom } from './error-data.ts'
import { systemClock } from './observability.ts'
import type { LineLevel, OwnerCalls } from './owner-calls.ts'
import { gathered, type CallAnswer, type PortCall } from './worker-messages.ts'

/** Calls the owner of the data directory by messages: those that come together in one. */
export class Owner {
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #send: (call: PortCall) => void
  #calls = 0

  constructor(send: (calls: readonly PortCall[]) => void) {
    this.#send = gathered(send)
  }

  ask<Name extends keyof OwnerCalls>(
    name: Name,
    ...args: Parameters<OwnerCalls[Name]>
  ): ReturnType<OwnerCalls[Name]> {
    const id = this.#calls++
    const answer = Promise.withResolvers<unknown>()
    this.#waiting.set(id, answer)
    this.#send({ id, name, args })
    return answer.promise as ReturnType<OwnerCalls[Name]>
  }

  answered(answers: readonly CallAnswer[]): void {
    for (const answer of answers) {
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if ('error' in answer) waiting?.reject(errorFrom(answer.error))
      else waiting?.resolve(answer.value)
    }
  }
}

/**
 * What predictions need of the ports, in a worker process: the owner's, but for the bytes of model
 * files, which are read from their versions, as these never change. Lines of level `debug` are dropped.
 */
export function workerPorts(owner: Owner, versionsDir: string) {
  const table: Table = {
    get: (...args) => owner.ask('get', ...args),
    put: (...args) => owner.ask('put', ...args),
    update: (...args) => owner.ask('update', ...args),
    delete: (...args) => owner.ask('delete', ...args),
    transact: (...args) => owner.ask('transact', ...args),
    query: (...args) => owner.ask('query', ...args),
  }
  const log: Pick<Log, 'append' | 'get'> = {
    append: async (key, records) => owner.ask('append', key, logRecordTexts(key, records)),
    get: (...args) => owner.ask('record', ...args),
  }
  const objects: Pick<Objects, 'put' | 'read'> = {
    put: (key, body, options) => {
      if (body instanceof Uint8Array) return owner.ask('putObject', key, body, options)
      throw new TypeError('a worker process writes objects from memory alone')
    },
    read: async (key, { versionId } = {}) => {
      if (versionId === undefined) {
        throw new MillraceError('ObjectNotFound', `${key}: a worker process reads named versions`)
      }
      return readFile(join(versionsDir, versionId)).catch((error: unknown) => {
        throw storageError(error)
      })
    },
  }
  return { table, log, objects, clock: systemClock, logger: tellingLogger(owner) }
}

function tellingLogger(owner: Owner): Logger {
  const at =
    (level: LineLevel): Logger['info'] =>
    (message, fields) => {
      owner.ask('tell', level, message, fields).catch(() => undefined)
    }
  return { debug: () => undefined, info: at('info'), warn: at('warn'), error: at('error') }
}
