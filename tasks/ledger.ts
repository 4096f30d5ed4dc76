import {
  isMillraceError,
  pages,
  type Executions,
  type ExecutionStatus,
  type Item,
  type Table,
} from '../platform/ports/index.ts'
import { sha256 } from './digest.ts'
import { formatModel, type ModelName } from './names.ts'
import { attempt } from './table-items.ts'

/**
 * The ledger keeps two records, both by conditional write, so that events may repeat and arrive in
 * any order:
 * - a delivery (bucket, key, version) makes a repeated event a no-op;
 * - a training (identity of bytes, configuration and code) makes the same upload, however often it
 *   is dropped, one training. It is leased by an execution while that runs.
 */
export interface Ledger {
  /**
   * Records the delivery for `execution` and takes the training's lease, together or not at all.
   * Asking again for the same execution gives the same answer.
   */
  claim(request: ClaimRequest): Promise<ClaimResult>
  /** Records a delivery that leads to no training, since it cannot: what it names is not valid. */
  refuse(delivery: Delivery, execution: string): Promise<void>
  /** Records how an execution ended, and frees the lease it held, if any. Idempotent. */
  settle(delivery: Delivery, execution: string, ended: Ended): Promise<void>
  delivery(delivery: Delivery): Promise<DeliveryRecord | undefined>
  /**
   * Lets the same bytes be trained on again, as after their model was deleted. Trainings under way
   * keep their lease.
   */
  forget(model: ModelName): Promise<void>
}

export interface Delivery {
  readonly bucket: string
  readonly key: string
  readonly versionId: string
}

export interface ClaimRequest {
  readonly delivery: Delivery
  readonly model: ModelName
  readonly trainingId: string
  readonly execution: string
}

export type ClaimResult =
  | { readonly outcome: 'claimed' }
  | {
      readonly outcome: 'duplicate'
      /** The execution that has this delivery, or this training. */
      readonly of: string
      readonly reason: string
    }

export interface Ended {
  readonly status: Exclude<ExecutionStatus, 'RUNNING'>
  /** The `outcome` of the execution's output, where it has one. */
  readonly outcome?: string
}

export interface DeliveryRecord {
  readonly execution: string
  readonly status: ExecutionStatus
  readonly outcome?: string
  readonly trainingId?: string
}

/** Identity of a training: the same bytes of one dataset, trained the same way by the same code. */
export function trainingIdentity(parts: {
  model: ModelName
  sha256: string
  configuration: unknown
  codeVersion: string
}): string {
  const identity = [
    formatModel(parts.model),
    parts.sha256,
    sortedByName(parts.configuration),
    parts.codeVersion,
  ]
  return sha256(JSON.stringify(identity)).slice(0, 32)
}

export function createLedger(table: Table, executions: Executions, workflow: string): Ledger {
  return {
    async claim(request) {
      const deliveryKey = keyOfDelivery(request.delivery)
      const trainingKey = { pk: `training#${formatModel(request.model)}`, sk: request.trainingId }
      // Each round loses only to another claim that succeeded, and then answers; the bound is for
      // holders that keep failing in between.
      for (let round = 0; round < 20; round++) {
        const delivered = await table.get(deliveryKey.pk, deliveryKey.sk)
        if (delivered !== undefined && delivered['execution'] !== request.execution) {
          return duplicate(delivered, 'this object version was delivered before')
        }
        const held = await table.get(trainingKey.pk, trainingKey.sk)
        if (held !== undefined && held['execution'] !== request.execution) {
          const answer = await answerForHolder(held)
          if (answer !== undefined) {
            if (delivered === undefined) await recordDelivery(request.delivery, request.execution)
            return answer
          }
        }
        const record = { execution: request.execution, status: 'RUNNING' }
        const taken = table.transact([
          {
            put: { ...deliveryKey, ...record, ...trainingOf(request) },
            if: delivered === undefined ? 'absent' : { execution: request.execution },
          },
          {
            put: { ...trainingKey, ...record },
            if: held === undefined ? 'absent' : { execution: held['execution'] as string },
          },
        ])
        if (await attempt(taken)) return { outcome: 'claimed' }
      }
      throw new Error(`training ${request.trainingId} changed hands twenty times during one claim`)
    },

    async refuse(delivery, execution) {
      await recordDelivery(delivery, execution)
    },

    async settle(delivery, execution, ended) {
      const { pk, sk } = keyOfDelivery(delivery)
      const delivered = await table.get(pk, sk)
      if (delivered === undefined || delivered['execution'] !== execution) return
      // The event of an earlier end came after that of the redrive, which succeeded.
      if (delivered['status'] === 'SUCCEEDED' && ended.status !== 'SUCCEEDED') return
      const end = { status: ended.status, ...(ended.outcome && { outcome: ended.outcome }) }
      // A condition that fails means that another execution has taken over: nothing to do.
      const condition = { if: { execution } }
      await attempt(table.update(pk, sk, { set: end }, condition))
      const { model, trainingId } = delivered
      if (typeof model !== 'string') return
      await attempt(
        table.update(`training#${model}`, trainingId as string, { set: end }, condition),
      )
    },

    async delivery(delivery) {
      const { pk, sk } = keyOfDelivery(delivery)
      return (await table.get(pk, sk)) as DeliveryRecord | undefined
    },

    async forget(model) {
      const pk = `training#${formatModel(model)}`
      for await (const { items } of pages((cursor) => table.query(pk, { cursor }))) {
        for (const item of items) {
          const execution = item['execution'] as string
          const status = await statusOf(execution, item['status'] as ExecutionStatus)
          if (status !== 'RUNNING') await attempt(table.delete(pk, item.sk, { if: { execution } }))
        }
      }
    },
  }

  /** What the present holder means for a newcomer; undefined when the lease is free to take. */
  async function answerForHolder(held: Item): Promise<ClaimResult | undefined> {
    const execution = held['execution'] as string
    const status = await statusOf(execution, held['status'] as ExecutionStatus)
    if (status === 'RUNNING') return duplicate(held, 'the same training is under way')
    // What was rejected is looked at again: a plan's month, unlike the bytes, is another one later.
    if (status === 'SUCCEEDED' && held['outcome'] === 'rejected') return undefined
    if (status === 'SUCCEEDED') return duplicate(held, 'the same training is done')
    return undefined
  }

  /**
   * The record may lag behind the execution, whose end reaches it by an event, and which a redrive
   * sets going again. Only success is final.
   */
  async function statusOf(execution: string, recorded: ExecutionStatus): Promise<ExecutionStatus> {
    if (recorded === 'SUCCEEDED') return recorded
    try {
      return (await executions.describe(workflow, execution)).status
    } catch (error) {
      if (isMillraceError(error, 'ExecutionNotFound')) return 'ABORTED'
      throw error
    }
  }

  /** One that is on record stays as it is. */
  async function recordDelivery(delivery: Delivery, execution: string): Promise<void> {
    const record = { ...keyOfDelivery(delivery), execution, status: 'RUNNING' }
    await attempt(table.put(record, { if: 'absent' }))
  }
}

function keyOfDelivery({ bucket, key, versionId }: Delivery) {
  return { pk: `delivery#${bucket}#${key}`, sk: versionId }
}

function trainingOf({ model, trainingId }: ClaimRequest) {
  return { model: formatModel(model), trainingId }
}

function duplicate(held: Item, reason: string): ClaimResult {
  return { outcome: 'duplicate', of: held['execution'] as string, reason }
}

/** The same settings as one text, in whatever order they were said. */
export function sortedByName(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedByName)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sortedByName(inner)]),
  )
}
