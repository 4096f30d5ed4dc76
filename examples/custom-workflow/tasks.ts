import { defineTask } from 'millrace'
import { parseCsv } from 'millrace/data'
import * as z from 'zod'

const summary = z.object({ key: z.string(), rows: z.number(), total: z.number() })

/** Adds up the column `amount` of a CSV in the bucket. */
export const summarize = defineTask({
  name: 'Summarize',
  input: z.object({ key: z.string(), versionId: z.string() }),
  output: summary,
  async run({ key, versionId }, { objects }) {
    const table = parseCsv(await objects.read(key, { versionId }))
    const amount = table.columns.find((column) => column.name === 'amount')
    if (amount?.kind !== 'number') throw new Error(`${key} has no column "amount" of numbers`)
    return { key, rows: table.rows, total: amount.values.reduce((sum, value) => sum + value, 0) }
  },
})

/** Keeps a note of a bad month in the table. */
export const flag = defineTask({
  name: 'Flag',
  input: summary,
  output: z.object({ flagged: z.string(), total: z.number() }),
  async run({ key, total }, { table, clock }) {
    await table.put({ pk: 'bad-months', sk: key, total, at: clock.now() })
    return { flagged: key, total }
  },
})
