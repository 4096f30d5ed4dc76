import { EngineError } from './errors.ts'

/** Promises of the next thing that happens under a key. */
export class Waiters {
  readonly #waiting = new Map<string, PromiseWithResolvers<undefined>>()
  #closed = false

  /** Rejects with EngineClosed when there will be none. */
  next(key: string): Promise<undefined> {
    if (this.#closed) return Promise.reject(closedError())
    let waiting = this.#waiting.get(key)
    if (waiting === undefined) {
      waiting = Promise.withResolvers<undefined>()
      // Whoever asked for it hears of the rejection.
      waiting.promise.catch(() => undefined)
      this.#waiting.set(key, waiting)
    }
    return waiting.promise
  }

  wake(key: string): void {
    this.#waiting.get(key)?.resolve(undefined)
    this.#waiting.delete(key)
  }

  close(): void {
    this.#closed = true
    for (const { reject } of this.#waiting.values()) reject(closedError())
    this.#waiting.clear()
  }
}

export function closedError(): EngineError {
  return new EngineError('EngineClosed', 'the engine was closed: open it again')
}
