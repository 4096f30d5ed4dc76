import type { ModelName } from '../../tasks/names.ts'
import type { ErrorData } from './error-data.ts'
import { gathering } from './gathering.ts'
import type { OwnerCalls } from './owner-calls.ts'

/** What a worker process is to know before it serves. */
export interface WorkerSettings {
  readonly host: string
  readonly port: number
  /** See ServeOptions. */
  readonly publicUrl: string | undefined
  /** Where the owner answers what is no prediction. */
  readonly owner: { readonly port: number; readonly secret: string }
  /** Where the bytes of object versions are. */
  readonly versionsDir: string
  /** Keys with which a caller is the operator; undefined where everyone is. */
  readonly operatorKeys: readonly string[] | undefined
  /** As of the owner's models, see ModelCacheOptions. */
  readonly servedMaxAge: number
}

/** What the owner of the data directory tells a worker process. */
export type OwnerMessage =
  | { readonly kind: 'start'; readonly settings: WorkerSettings }
  | { readonly kind: 'answers'; readonly answers: readonly CallAnswer[] }
  | { readonly kind: 'invalidate'; readonly model: ModelName }
  | { readonly kind: 'close' }

/** What a worker process tells the owner. */
export type WorkerMessage =
  { readonly kind: 'ready' } | { readonly kind: 'calls'; readonly calls: readonly PortCall[] }

/** A call of one of the owner's ports. */
export interface PortCall {
  readonly id: number
  readonly name: keyof OwnerCalls
  readonly args: readonly unknown[]
}

export type CallAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorData }

/** Sends what comes together as one message, see `gathering`. */
export function gathered<Item>(send: (items: readonly Item[]) => void): (item: Item) => void {
  let waiting: Item[] = []
  const flush = async () => {
    await gathering(() => waiting.length)
    const items = waiting
    waiting = []
    send(items)
  }
  return (item) => {
    waiting.push(item)
    if (waiting.length === 1) void flush()
  }
}
