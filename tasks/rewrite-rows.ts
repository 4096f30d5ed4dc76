import * as z from 'zod'
import { npyBlocks, npyHeaderOf, readNpyHeader, type RangeSource } from '../ml/data/index.ts'
import { readPlan } from './batch-results.ts'
import { batchFolder, plannedBatch } from './batch-shapes.ts'
import { createBatches } from './batches.ts'
import { readAhead } from './read-ahead.ts'
import { putStreamed } from './stored-objects.ts'
import { defineTask } from './task.ts'

/** What is turned at a time, in bytes: in each column a piece that is worth a request. */
const blockBytes = 32 * 1024 * 1024

/**
 * Rewrites a `.npy` in Fortran order in C order, as float64, a block of rows at a time, so that each
 * range is one piece of it. What was rewritten first stays.
 */
export const rewriteRows = defineTask({
  name: 'RewriteRows',
  input: z.object({ batch: plannedBatch }),
  output: z.object({ batch: plannedBatch, isColumnwise: z.literal(false) }),
  async run({ batch: planned }, { objects, table }) {
    const { model, batch } = planned
    const batches = createBatches(table)
    const { rewritten } = await batches.head(model, batch)
    if (rewritten !== null) return answerOf(planned, rewritten)
    const { source } = await readPlan(objects, planned)
    const { key, versionId, size } = source
    const read = (start: number, end: number) => objects.read(key, { versionId, start, end })
    const to = `${batchFolder(model, batch)}/rows.npy`
    const made = await putStreamed(objects, to, rowsOf({ size, read }), 'application/octet-stream')
    return answerOf(planned, await batches.rewrite(model, batch, made))
  },
})

type Planned = z.infer<typeof plannedBatch>

function answerOf(batch: Planned, rows: NonNullable<Planned['rows']>) {
  return { batch: { ...batch, rows }, isColumnwise: false as const }
}

async function* rowsOf(source: RangeSource): AsyncIterable<Uint8Array> {
  const { shape } = await readNpyHeader(source)
  yield npyHeaderOf(shape, 'float64')
  for await (const { data } of readAhead(npyBlocks(source, blockBytes))) {
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  }
}
