import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  bundleContainer,
  bundleFunctions,
  bundlingOptions,
  type Bundle,
} from '../../../platform/aws/bundle-functions.ts'
import { settingsVariables } from '../../../platform/aws/settings.ts'
import { formatApiKey, newApiKey } from '../../../tasks/api-key.ts'
import { httpApiEvent } from './http-events.ts'

const root = resolve(import.meta.dirname, '../../..')
const run = promisify(execFile)

const names = [
  'announce',
  'api',
  'authorizer',
  'await-training',
  'check-drift',
  'claim',
  'claim-retraining',
  'count-labels',
  'end-retraining',
  'evaluate',
  'join-batch',
  'messages',
  'monitors',
  'plan-batch',
  'predict-range',
  'predictions',
  'prepare-retraining',
  'promote',
  'quarantine',
  'record-retraining',
  'register',
  'report',
  'rewrite-rows',
  'sweep',
  'train',
  'usage',
  'validate',
  'watch-promotion',
]

/** Of those that are larger: with what draws reports, in a part that is loaded for one alone. */
const maxBytes: Readonly<Record<string, number>> = { api: 2_200_000, report: 1_700_000 }

let directory: string
let bundles: Bundle[]
let refusing: Server

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-functions-'))
  bundles = await bundleFunctions(directory)
  refusing = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(403).end())
  })
  await new Promise<void>((listening) => refusing.listen(0, '127.0.0.1', listening))
})

afterAll(async () => {
  refusing.close()
  refusing.closeAllConnections()
  await rm(directory, { recursive: true, force: true })
})

/** All files of a folder by their names; what lies deeper is no code. */
async function filesOf(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  const read = async (file: string) => [file, await readFile(join(folder, file), 'utf8')] as const
  return new Map(await Promise.all(files.sort().map(read)))
}

/** What tells whether two folders have the same files. */
async function digestsOf(folder: string): Promise<Record<string, string>> {
  const digest = (text: string) => createHash('sha256').update(text).digest('hex')
  return Object.fromEntries(
    Array.from(await filesOf(folder), ([file, text]) => [file, digest(text)]),
  )
}

/** Where nothing of this checkout is, but the bundles. */
function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`,
    [settingsVariables.bucket]: 'bucket',
    [settingsVariables.table]: 'table',
    [settingsVariables.queueUrl]: 'http://127.0.0.1/queue',
    [settingsVariables.deadLetterQueueUrl]: 'http://127.0.0.1/dead-letters',
    [settingsVariables.eventBus]: 'default',
    [settingsVariables.stateMachines]: '{"training":"arn:aws:states:us-east-1:0:stateMachine:m"}',
  }
}

/** Runs a script beside the bundles; its last line of output is JSON. */
async function answerOf(source: string, env = environment()): Promise<unknown> {
  const script = join(directory, 'script.mjs')
  await writeFile(script, source)
  const { stdout } = await run(process.execPath, [script], { env, cwd: directory })
  return JSON.parse(stdout.trim().split('\n').at(-1)!)
}

/** Calls handlers with an event each, and tells what they answer or the name of what they throw. */
function calling(events: Readonly<Record<string, unknown>>): string {
  return `
    const context = { getRemainingTimeInMillis: () => 60_000 }
    const answers = {}
    for (const [name, event] of Object.entries(${JSON.stringify(events)})) {
      const { handler } = await import('./' + name + '/index.mjs')
      answers[name] = await handler(event, context).catch((error) => error.name + ': ' + error.message)
    }
    console.log(JSON.stringify(answers))
    process.exit()`
}

describe('the bundles of the functions', () => {
  it('are one for each entry', () => {
    expect(bundles.map(({ name }) => name)).toEqual(names)
  })

  it.each(names)('keep within their size: %s', async (name) => {
    const files = await filesOf(join(directory, name))
    const code = [...files].filter(([file]) => !file.endsWith('.map'))
    const bytes = code.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0)
    expect(bytes).toBe(bundles.find((bundle) => bundle.name === name)!.bytes)
    expect(bytes).toBeLessThanOrEqual(maxBytes[name] ?? 1_000_000)
  })

  it('have no path of the machine, no sources, and a source map for each file of code', async () => {
    for (const name of names) {
      const files = await filesOf(join(directory, name))
      expect(files.has('index.mjs')).toBe(true)
      for (const [file, text] of files) {
        expect(text).not.toContain(root)
        expect(text).not.toContain(directory)
        if (file.endsWith('.map')) {
          expect(JSON.parse(text)).not.toHaveProperty('sourcesContent')
        } else {
          expect(text).toContain(`//# sourceMappingURL=${file}.map`)
          expect(files.has(`${file}.map`)).toBe(true)
        }
      }
    }
  })

  it('are the same bytes from the same sources, wherever they go and were made from', async () => {
    const other = join(directory, 'again', 'deeper')
    const module = join(root, 'platform/aws/bundle-functions.ts')
    const source = `
      const { bundleFunctions } = await import(${JSON.stringify(module)})
      console.log(JSON.stringify(await bundleFunctions(${JSON.stringify(other)}, ['claim'])))`
    await answerOf(source)
    expect(await digestsOf(join(other, 'claim'))).toEqual(await digestsOf(join(directory, 'claim')))
  })

  it('run: each refuses a wrong payload by its error, and misses no module', async () => {
    const answers = await answerOf(calling(Object.fromEntries(names.map((name) => [name, {}]))))
    for (const name of names) {
      const isOfGateway = ['api', 'authorizer', 'predictions'].includes(name)
      const error = isOfGateway ? 'RequestInvalid' : 'TaskInputInvalid'
      expect(answers).toHaveProperty(name, expect.stringMatching(`^${error}: `))
    }
  })

  it('run: what they load when it is called for is there', async () => {
    const claimed = JSON.parse(
      await readFile(join(root, 'test/fixtures/events/object-created.json'), 'utf8'),
    ) as unknown
    const answers = await answerOf(
      calling({
        claim: { event: claimed, execution: 'run' },
        sweep: { graceSeconds: 60 },
        predictions: httpApiEvent({ path: '/prediction', body: { array: [1] } }),
        api: httpApiEvent({ method: 'GET', path: '/executions/run' }),
        authorizer: { requestContext: {}, headers: { 'x-api-key': formatApiKey(newApiKey()) } },
      }),
    )
    expect(answers).toMatchObject({
      claim: expect.stringMatching(/^AccessRefused: /) as string,
      sweep: expect.stringMatching(/^AccessRefused: /) as string,
      authorizer: expect.stringMatching(/^AccessRefused: /) as string,
      predictions: { body: expect.stringContaining('AccessRefused') as string },
      api: { body: expect.stringContaining('AccessRefused') as string },
    })
  })

  it('run: the authorizer loads the client of its table and no other', async () => {
    const loaded = await answerOf(`
      import { registerHooks } from 'node:module'
      const files = []
      registerHooks({ load(url, context, next) { files.push(url); return next(url, context) } })
      const { handler } = await import('./authorizer/index.mjs')
      const headers = { 'x-api-key': ${JSON.stringify(formatApiKey(newApiKey()))} }
      await handler({ requestContext: {}, headers }).catch(() => undefined)
      console.log(JSON.stringify(files))
      process.exit()`)
    const ours = await filesOf(join(directory, 'authorizer'))
    const names = (loaded as string[]).map((url) => basename(new URL(url).pathname))
    const text = names.map((name) => ours.get(name) ?? '').join('\n')
    expect(text).toContain('GetItem')
    for (const other of ['ListObjectVersions', 'StartExecution', 'PutEvents', 'SendMessageBatch']) {
      expect([other, [...ours.values()].some((code) => code.includes(other))]).toEqual([
        other,
        true,
      ])
      expect([other, text.includes(other)]).toEqual([other, false])
    }
  })

  it('run: say which settings are missing', async () => {
    const { PATH } = process.env
    const events = { claim: {}, predictions: httpApiEvent({ path: '/prediction', body: {} }) }
    const onLambda = { PATH, AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand' }
    expect(await answerOf(calling(events), onLambda)).toEqual({
      claim: expect.stringMatching(/^SettingsInvalid: MILLRACE_BUCKET, /) as string,
      predictions: expect.stringMatching(/^SettingsInvalid: MILLRACE_BUCKET, /) as string,
    })
  })
})

describe('the container of trainings', () => {
  it('is a folder that its image is made of, whose program tells what it was not given', async () => {
    const { name, bytes } = await bundleContainer(directory)
    expect(bytes).toBeLessThanOrEqual(1_000_000)
    const folder = join(directory, name)
    const dockerfile = await readFile(join(folder, 'Dockerfile'), 'utf8')
    expect(dockerfile).toContain('COPY . .')
    const program = join(folder, /"([^"]*\.mjs)"/.exec(dockerfile)![1]!.replace('/training/', ''))
    const ended = run(process.execPath, [program], { env: { PATH: process.env['PATH'] } })
    await expect(ended).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('MILLRACE_BUCKET') as string,
    })
  })
})

describe('an entry of one’s own', () => {
  it('is bundled alike, with what it uses of the package alone', async () => {
    const entry = join(directory, 'own.ts')
    await writeFile(
      entry,
      `import * as z from 'zod'
       import { taskFunction } from ${JSON.stringify(join(root, 'platform/aws/index.ts'))}
       import { defineTask } from ${JSON.stringify(join(root, 'tasks/task.ts'))}
       export const handler = taskFunction(
         defineTask({
           name: 'Count',
           input: z.object({ by: z.number() }),
           output: z.unknown(),
           run: ({ by }, { table }) => table.update('counts', 'all', { add: { n: by } }),
         }),
       )`,
    )
    const outdir = join(directory, 'own')
    await mkdir(outdir)
    const { metafile } = await build({
      ...bundlingOptions(entry, outdir, directory),
      nodePaths: [join(root, 'node_modules')],
      metafile: true,
    })
    const index = Object.entries(metafile.outputs).find(([file]) => /own\/index\.mjs$/.test(file))!
    expect(index[1].bytes).toBeLessThan(100_000)
    expect(await answerOf(calling({ own: { by: 1 } }))).toEqual({
      own: expect.stringMatching(/^AccessRefused: /) as string,
    })
  })
})
