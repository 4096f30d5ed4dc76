import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { npyHeaderOf } from '../../ml/data/index.ts'
import { StubAws } from './stub-aws.ts'
import { millrace } from './terminal.ts'

const aws = new StubAws()
const below = '/_aws/execute-api/a1b2c3d4e5/$default'
let directory: string

beforeAll(async () => {
  await aws.open()
  directory = await mkdtemp(join(tmpdir(), 'millrace-batch-deployed-'))
})

afterAll(async () => {
  await aws.close()
  await rm(directory, { recursive: true, force: true })
})

beforeEach(() => {
  for (const name of ['MILLRACE_STACK', 'AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_PROFILE']) {
    vi.stubEnv(name, undefined)
  }
  aws.seen.length = 0
  const ApiUrl = 'https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com'
  const outputs = { ApiUrl, BucketName: 'bucket-1', TableName: 'table-1' }
  aws.stacks.set('Trial', { status: 'CREATE_COMPLETE', outputs })
  return () => vi.unstubAllEnvs()
})

const json = (value: unknown, status = 200) => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
})
const stack = (...args: string[]) => millrace(...args, '--stack', 'Trial', '--endpoint', aws.url)

describe('millrace batch with --stack', () => {
  const header = 'row,prediction,"probability_a\nb"\n'
  const values = Float64Array.of(1, 2, NaN, 4)

  /** Answers what a batch asks for; its results in pages, of rows 0 and 1, and of row 3. */
  function answerBatch(format: 'csv' | 'npy', results: Uint8Array) {
    const sha256 = createHash('sha256').update(results).digest('hex')
    const pages: Record<string, { rows: string; body: Uint8Array; next?: string }> = {
      0: { rows: '0-1', body: pageOf(format, [0, 1]), next: '2' },
      2: { rows: '3-3', body: pageOf(format, [3]) },
    }
    aws.answer = ({ method, url }) => {
      const at = url.replace(below, '')
      if (at === '/models/ada/iris/inputs') {
        const signed = `${aws.url}/bucket-1/inputs/ada/iris/x.csv?X-Amz-Signature=0`
        return json({ key: 'inputs/ada/iris/x.csv', url: signed, method: 'PUT', headers: {} })
      }
      if (method === 'PUT') return { headers: { 'x-amz-version-id': 'v1' } }
      if (at === '/models/ada/iris/batches') return json({ batch: 'b1' }, 202)
      const offset = /results\?offset=(\d+)/.exec(at)?.[1]
      if (offset === undefined) {
        return json({
          ...{ batch: 'b1', model: 'ada/iris', version: 3, status: 'SUCCEEDED', format },
          ...{ rows: 4, rowsDone: 3, rowsFailed: 0, rowsMissing: 1, ranges: 2, rangesDone: 1 },
          failedRanges: [{ from: 2, to: 3, error: 'Fault', message: 'no\nluck' }],
          results: { bytes: 5 * 1024 ** 2, sha256 },
        })
      }
      const { rows, body, next } = pages[offset]!
      const link = `</models/ada/iris/batches/b1/results?offset=${next}&limit=9>; rel="next"`
      const headers: Record<string, string> = { 'x-batch-rows': rows }
      return { headers: next === undefined ? headers : { ...headers, link }, body }
    }
  }

  function pageOf(format: 'csv' | 'npy', rows: readonly number[]): Uint8Array {
    if (format === 'csv') return Buffer.from(header + rows.map((row) => `${row},1,1\n`).join(''))
    const page = Float64Array.from(rows, (row) => values[row]!)
    return Buffer.concat([npyHeaderOf([page.length], 'float64'), new Uint8Array(page.buffer)])
  }

  const whole = {
    csv: Buffer.from(`${header}0,1,1\n1,1,1\n3,1,1\n`),
    npy: Buffer.concat([npyHeaderOf([4], 'float64'), new Uint8Array(values.buffer)]),
  }

  it.each(['csv', 'npy'] as const)('joins the pages of its results: %s', async (format) => {
    const file = join(directory, 'rows.csv')
    await writeFile(file, 'a\n1\n')
    answerBatch(format, whole[format])
    const out = join(directory, `answers.${format}`)
    const batch = await stack('batch', 'ada/iris', file, '--out', out)
    expect(batch).toMatchObject({ exitCode: 0, out: `${out}\n` })
    expect(batch.err).toContain('missing, since their ranges failed: 1 rows\n')
    expect(batch.err).toContain('  rows 2 to 2: Fault: no luck\n')
    expect((await readFile(out)).equals(whole[format])).toBe(true)
    const order = aws.seen.find(({ url }) => url === `${below}/models/ada/iris/batches`)!
    expect(JSON.parse(order.body.toString())).toEqual({
      file: { key: 'inputs/ada/iris/x.csv', versionId: 'v1' },
      format,
    })
  })

  it('keeps no results of another digest', async () => {
    answerBatch('csv', whole.npy)
    const out = join(directory, 'damaged.csv')
    const args = ['batch', 'ada/iris', '--resume', 'b1', '--out', out]
    const { exitCode, err } = await stack(...args)
    expect([exitCode, err]).toEqual([1, expect.stringContaining('StorageFailed') as string])
    expect((await readdir(directory)).filter((name) => name.includes('damaged'))).toEqual([])
  })

  it('ends where a page is damaged, and says how to go on', async () => {
    answerBatch('csv', whole.csv)
    const answer = aws.answer
    const detail = 'the results of rows 2 to 3 are not what was written: resume the batch'
    aws.answer = (request) =>
      /offset=2/.test(request.url)
        ? json({ type: 'urn:millrace:error:ResultsDamaged', status: 409, detail }, 409)
        : answer(request)
    const out = join(directory, 'cut.csv')
    const { exitCode, err } = await stack('batch', 'ada/iris', '--resume', 'b1', '--out', out)
    expect([exitCode, err]).toEqual([5, expect.stringContaining(detail) as string])
    expect(err).toContain('npx millrace batch ada/iris --resume b1 --stack Trial')
    expect((await readdir(directory)).filter((name) => name.includes('cut'))).toEqual([])
  })
})
