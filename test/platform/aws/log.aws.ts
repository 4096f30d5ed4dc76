import { DeleteItemCommand, DescribeTableCommand } from '@aws-sdk/client-dynamodb'
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams'
import type { DynamoDBStreamEvent } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { headOf, keyOfRecords, recordsPartition } from '../../../platform/aws/log-items.ts'
import { DynamoLog, type DynamoLogOptions } from '../../../platform/aws/log.ts'
import { DynamoTable } from '../../../platform/aws/table.ts'
import { logPosition } from '../../../platform/ports/log-position.ts'
import type { LogRecord } from '../../../platform/ports/log.ts'
import { RecordingLogger } from '../../../platform/testing/memory-observability.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { logContract } from '../../contracts/log.ts'
import { createTestTable, type TestTable } from './dynamodb-table.ts'
import { clientOptions } from './endpoint.ts'

let own: TestTable
beforeAll(async () => {
  own = await createTestTable()
})
afterAll(() => own.drop())

const logger = new RecordingLogger()
function openLog(options: Partial<DynamoLogOptions> = {}): DynamoLog {
  return new DynamoLog({ ...own, logger, pollMs: 5, retryPauseMs: 1, ...options })
}

logContract('DynamoDB', async () => {
  const log = openLog()
  return {
    log,
    close: async () => {
      await log.close()
      await own.clear()
    },
  }
})

describe('DynamoLog', () => {
  afterEach(() => own.clear())

  const ns = (records: readonly LogRecord[]) => records.map(({ record }) => record['n'])
  /** A handler that keeps what it gets, and throws on keys in `failing`. */
  const collector = () => {
    const batches: (readonly LogRecord[])[] = []
    const failing = new Set<string>()
    const handler = async (batch: readonly LogRecord[]) => {
      if (failing.has(batch[0]!.key)) throw new Error('cannot handle this')
      batches.push(batch)
    }
    return { handler, batches, failing, of: (key: string) => ns(only(batches.flat(), key)) }
  }
  const only = (records: readonly LogRecord[], key: string) =>
    records.filter((record) => record.key === key)

  it('keeps every record of several writers of one key, without a gap', async () => {
    const writers = [openLog(), openLog(), openLog()]
    const appends = writers.flatMap((log, w) =>
      Array.from({ length: 10 }, (_, i) => log.append('a', [{ n: `${w}:${i}` }, { n: 'second' }])),
    )
    await Promise.all(appends)
    const records = await openLog().read('a')
    expect(records.map(({ position }) => position)).toEqual(
      Array.from({ length: 60 }, (_, i) => logPosition(i + 1)),
    )
    expect(new Set(ns(records)).size).toBe(31)
  })

  describe('by the stream', () => {
    let streamed: TestTable
    let stream: StreamReader
    beforeEach(async () => {
      streamed = await createTestTable()
      stream = new StreamReader(streamed)
    })
    afterEach(() => streamed.drop())

    it('delivers what an event of the table names, in order, past and present', async () => {
      const log = openLog({ ...streamed, batchSize: 2 })
      await log.append('a', [{ n: 0 }, { n: 1 }])
      await stream.event(2)
      await log.append('a', [{ n: 2 }])
      await new DynamoTable(streamed).put({ pk: 'not the log', sk: 's' })
      await log.append('b', [{ n: 0 }])
      const event = await stream.event(2)
      const { handler, batches, of } = collector()
      expect(await log.drainStream('consumer', handler, event)).toEqual({ batchItemFailures: [] })
      expect([of('a'), of('b')]).toEqual([[0, 1, 2], [0]])
      expect(batches.map(({ length }) => length)).toEqual([2, 1, 1])

      expect(await log.drainStream('consumer', handler, event)).toEqual({ batchItemFailures: [] })
      expect(batches).toHaveLength(3)
    })

    it('reports the first record of a key that fails, and delivers the others', async () => {
      const log = openLog(streamed)
      for (const key of ['a', 'b', 'c']) await log.append(key, [{ n: 0 }, { n: 1 }])
      const event = await stream.event(6)
      const { handler, failing, of } = collector()
      failing.add('b')
      const first = event.Records.find(
        ({ dynamodb }) => dynamodb!.Keys!['pk']!.S === recordsPartition('b'),
      )!
      expect(await log.drainStream('consumer', handler, event)).toEqual({
        batchItemFailures: [{ itemIdentifier: first.dynamodb!.SequenceNumber }],
      })
      expect([of('a'), of('b'), of('c')]).toEqual([[0, 1], [], [0, 1]])
      expect(logger.lines.at(-1)).toMatchObject({ level: 'error', fields: { key: 'b' } })

      failing.clear()
      expect(await log.drainStream('consumer', handler, event)).toEqual({ batchItemFailures: [] })
      expect([of('a'), of('b')]).toEqual([
        [0, 1],
        [0, 1],
      ])
    })
  })

  describe('by a sweep', () => {
    it('delivers to a new consumer what came before it, and goes through all keys', async () => {
      const log = openLog()
      for (const key of ['a', 'b', 'c']) await log.append(key, [{ n: 0 }])
      const { handler, failing, of } = collector()
      failing.add('b')
      await expect(log.drainAll('consumer', handler)).rejects.toThrow('cannot handle this')
      expect([of('a'), of('b'), of('c')]).toEqual([[0], [], [0]])
      failing.clear()
      await log.drainAll('consumer', handler)
      expect([of('a'), of('b'), of('c')]).toEqual([[0], [0], [0]])
    })

    it('never moves a position back when a key is drained twice at once', async () => {
      const log = openLog({ batchSize: 1 })
      await log.append('a', [{ n: 0 }, { n: 1 }, { n: 2 }])
      const started = Promise.withResolvers<undefined>()
      const other = Promise.withResolvers<undefined>()
      const seen: unknown[] = []
      const slow = log.drainAll('consumer', async (batch) => {
        seen.push(...ns(batch))
        started.resolve(undefined)
        await other.promise
      })
      await started.promise
      const { handler, of } = collector()
      await openLog().drainAll('consumer', handler)
      expect(of('a')).toEqual([0, 1, 2])
      other.resolve(undefined)
      await slow
      expect(seen).toEqual([0])
      await log.drainAll('consumer', handler)
      expect(of('a')).toHaveLength(3)
    })
  })

  describe('by polling', () => {
    it('holds up only the key whose records cannot be handled', async () => {
      const log = openLog({ batchSize: 1 })
      for (const key of ['a', 'b', 'c']) await log.append(key, [{ n: 0 }, { n: 1 }])
      const { handler, failing, batches, of } = collector()
      failing.add('b')
      const stop = log.subscribe('consumer', handler)
      await expect.poll(() => batches.length).toBe(4)
      expect([of('a'), of('b'), of('c')]).toEqual([[0, 1], [], [0, 1]])
      expect(ns(batches.slice(0, 2).flat())).toEqual([0, 0])
      failing.clear()
      await expect.poll(() => of('b')).toEqual([0, 1])
      await stop()
    })

    it('waits before it tries a key again, and meanwhile delivers the others', async () => {
      const log = openLog({ retryPauseMs: 600_000 })
      await log.append('failing', [{ n: 0 }])
      let attempts = 0
      const { handler, of } = collector()
      const stop = log.subscribe('consumer', async (batch) => {
        if (batch[0]!.key !== 'failing') return handler(batch)
        attempts++
        throw new Error('cannot handle this')
      })
      for (let n = 0; n < 5; n++) {
        await log.append('other', [{ n }])
        await expect.poll(() => of('other')).toHaveLength(n + 1)
      }
      await stop()
      expect(attempts).toBe(1)
    })

    it('finds what another process appends', async () => {
      const { handler, of } = collector()
      const stop = openLog().subscribe('consumer', handler)
      await openLog().append('a', [{ n: 0 }])
      await expect.poll(() => of('a')).toEqual([0])
      await stop()
    })
  })

  describe('damaged by other means', () => {
    const retry = { attempts: 2, firstPauseMs: 0 }
    const remove = (pk: string, sk: string) => {
      const Key = { pk: { S: pk }, sk: { S: sk } }
      return own.client.send(new DeleteItemCommand({ TableName: own.tableName, Key }))
    }

    it('does not step over a record that is gone', async () => {
      const log = openLog({ retry })
      await log.append('a', [{ n: 0 }, { n: 1 }, { n: 2 }])
      await remove(recordsPartition('a'), logPosition(2))
      const records = await log.read('a')
      expect(ns(records)).toEqual([0])
      const error = await rejection(log.read('a', { after: records[0]!.position }), 'StorageFailed')
      expect(error.message).toContain('no record 2')
    })

    it('overwrites no record when the head is gone', async () => {
      const log = openLog({ retry })
      await log.append('a', [{ n: 0 }])
      await remove(headOf('a').pk, headOf('a').sk)
      await rejection(log.append('a', [{ n: 1 }]), 'StorageFailed')
      expect(ns(await log.read('a'))).toEqual([0])
    })
  })
})

/** Reads the stream of a table as Lambda does, a part after the other. */
class StreamReader {
  readonly #table: TestTable
  readonly #streams = new DynamoDBStreamsClient(clientOptions)
  readonly #iterators: (string | undefined)[] = []

  constructor(table: TestTable) {
    this.#table = table
  }

  /** The event of all that came since the last one, which has so many new records of the log. */
  async event(newRecords: number): Promise<DynamoDBStreamEvent> {
    if (this.#iterators.length === 0) await this.#open()
    const Records: DynamoDBStreamEvent['Records'] = []
    await expect
      .poll(async () => {
        for (const [i, ShardIterator] of this.#iterators.entries()) {
          const page = await this.#streams.send(new GetRecordsCommand({ ShardIterator }))
          this.#iterators[i] = page.NextShardIterator
          Records.push(...(page.Records as DynamoDBStreamEvent['Records']))
        }
        return Records.filter(({ dynamodb }) => keyOfRecords(dynamodb!.Keys!['pk']!.S!)).length
      })
      .toBe(newRecords)
    return { Records }
  }

  async #open(): Promise<void> {
    const { client, tableName } = this.#table
    const { Table } = await client.send(new DescribeTableCommand({ TableName: tableName }))
    const StreamArn = Table!.LatestStreamArn!
    const { StreamDescription } = await this.#streams.send(new DescribeStreamCommand({ StreamArn }))
    for (const { ShardId } of StreamDescription!.Shards!) {
      const start = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' as const }
      const { ShardIterator } = await this.#streams.send(new GetShardIteratorCommand(start))
      this.#iterators.push(ShardIterator)
    }
  }
}
