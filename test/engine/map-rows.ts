import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'vitest'
import { distributed, objectsOf, runMap } from './map-support.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const piece = 2000
const piecesPerLook = 50

/** Maps over the rows of a CSV, and requires that only few of them are in memory at any time. */
export async function mapInFlatMemory(rows: number): Promise<void> {
  let held = 0
  let highest = 0
  const look = () => {
    collectGarbage()
    highest = Math.max(highest, process.memoryUsage().heapUsed)
  }
  async function* content(): AsyncGenerator<Uint8Array> {
    for (let row = 0; row < rows;) {
      let text = ''
      for (let i = 0; i < piece; i++) text += `${row++},name of the row\n`
      held++
      yield Buffer.from(text)
      held--
      if ((row / piece) % piecesPerLook === 0) look()
    }
  }
  const ItemReader = {
    Resource: 'arn:aws:states:::s3:getObject',
    ReaderConfig: { InputType: 'CSV', CSVHeaderLocation: 'GIVEN', CSVHeaders: ['id', 'name'] },
    Arguments: { Bucket: 'b', Key: 'k' },
  }
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  const { result, mapRun } = await runMap(
    distributed(
      { P: { Type: 'Pass', Output: '{% $count($states.input.Items) %}', End: true } },
      { ItemReader, ItemBatcher: { MaxItemsPerBatch: 1000 }, MaxConcurrency: 10 },
    ),
    { objects: objectsOf({ 'b/k': content() }) },
  )
  expect((result as number[]).reduce((sum, count) => sum + count)).toBe(rows)
  expect(await mapRun()).toMatchObject({ itemCounts: { total: rows, succeeded: rows } })
  expect(held).toBe(0)
  // As objects the rows would take more than 200 bytes each.
  expect(highest - before).toBeLessThan(100 * rows)
}
