import type { Json } from '../../platform/ports/index.ts'
import { runTask, type MemoryPorts } from '../../platform/testing/index.ts'
import { joinBatch } from '../../tasks/join-batch.ts'
import { planBatch } from '../../tasks/plan-batch.ts'
import { predictRange } from '../../tasks/predict-range.ts'

interface Planned {
  readonly outcome: string
  readonly batch: object
  readonly items: { readonly key: string }
  readonly toleratedFailures: number
}

interface Work {
  /** Of those that are left, in this order; the last step follows all of them. @default all */
  readonly ranges?: readonly number[]
  /** @default the batch's own */
  readonly execution?: string
  /** Whether the last step follows whatever is done. @default false */
  readonly isJoined?: boolean
}

/** Does what the execution of a batch would do, and ends it as that would. */
export async function workOn(
  ports: MemoryPorts,
  batch: string,
  { ranges: which, execution = batch, isJoined = false }: Work = {},
): Promise<void> {
  const { input: request } = await ports.executions.describe('batch', execution)
  const planned = (await runTask(planBatch, { request, execution }, ports)) as unknown as Planned
  const end = (output: Json) =>
    ports.executions.set({ workflow: 'batch', name: execution, status: 'SUCCEEDED', output })
  if (planned.outcome === 'rejected') return end({ outcome: planned.outcome })
  const text = new TextDecoder().decode(await ports.objects.read(planned.items.key))
  const left = JSON.parse(text) as { index: number }[]
  const chosen = which?.flatMap((index) => left.filter((one) => one.index === index)) ?? left
  for (const range of chosen) {
    await runTask(predictRange, { batch: planned.batch, range }, ports)
  }
  if (chosen.length < left.length && !isJoined) return
  const { toleratedFailures } = planned
  end(await runTask(joinBatch, { batch: planned.batch, toleratedFailures }, ports))
}
