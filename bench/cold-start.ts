import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { bundleFunctions } from '../platform/aws/bundle-functions.ts'
import { toAttributes } from '../platform/aws/item-attributes.ts'
import { settingsVariables } from '../platform/aws/settings.ts'
import { memoryPorts } from '../platform/testing/index.ts'
import { irisNpy } from '../test/fixtures/iris.ts'
import { train } from '../test/fixtures/train.ts'
import { median } from './median.ts'

/**
 * The cold start of the predictions function, as the processor time of a process from its start to its
 * exit, beside Python that loads scikit-learn, NumPy and FastAPI; and the handler's own time for a
 * prediction whose model is in memory:
 *
 *   python -m venv .venv && .venv/bin/pip install fastapi scikit-learn
 *   node bench/cold-start.ts --python .venv/bin/python
 *
 * One JSON line a measure, medians of interleaved rounds. `load` imports the bundle. `init` imports it
 * as Lambda does, which loads the clients of DynamoDB and S3 besides. `first-prediction` answers one
 * request from there on: it reads the table and the model over HTTP, without TLS, from a server in the
 * process of the bench, whose time does not count.
 */
const { values } = parseArgs({
  options: { python: { type: 'string' }, rounds: { type: 'string', default: '9' } },
})
const rounds = Number(values.rounds)
const warmCalls = 5000
const run = promisify(execFile)

const request = JSON.stringify({
  version: '2.0',
  rawPath: '/prediction',
  rawQueryString: '',
  headers: { 'content-type': 'application/json' },
  requestContext: { stage: '$default', http: { method: 'POST' } },
  body: JSON.stringify({ userID: 'ada', array: [6.5, 2.8, 4.6, 1.5] }),
  isBase64Encoded: false,
})

const ports = memoryPorts()
await train(ports, 'uploads/ada/iris.npy', irisNpy())
const directory = await mkdtemp(join(tmpdir(), 'millrace-cold-start-'))
const server = createServer((asked, answer) => void serve(asked, answer))
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
try {
  const [bundle] = await bundleFunctions(directory, ['predictions'])
  emit('cold-start.bundle', 'millrace', bundle!.bytes / 1000, 'kB')
  const peers = await processes()
  const cpu = new Map(peers.map(({ name }) => [name, [] as number[]]))
  for (let round = 0; round <= rounds; round++) {
    for (const { name, command, args, env } of peers) {
      const milliseconds = await cpuOf(command, args, env)
      if (round > 0) cpu.get(name)!.push(milliseconds)
    }
  }
  for (const [name, times] of cpu) emit('cold-start.cpu', name, median(times), 'ms')
  const python = cpu.get('python-sklearn-fastapi')
  for (const [name, times] of cpu) {
    if (python === undefined || !name.startsWith('millrace')) continue
    emit('cold-start.cpu.ratio', name, median(times) / median(python), 'x')
  }
  emit('prediction.warm', 'millrace', await warmPrediction(), 'ms')
} finally {
  server.close()
  server.closeAllConnections()
  await rm(directory, { recursive: true, force: true })
}

interface Peer {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

async function processes(): Promise<Peer[]> {
  const script = async (name: string, source: string) => {
    await writeFile(join(directory, `${name}.mjs`), source)
    return join(directory, `${name}.mjs`)
  }
  const load = "await import('./predictions/index.mjs')"
  const env = functionEnvironment()
  const onLambda = { ...env, AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand' }
  const node = process.execPath
  return [
    { name: 'node-empty', command: node, args: [await script('empty', '')], env },
    { name: 'millrace-load', command: node, args: [await script('load', load)], env },
    { name: 'millrace-init', command: node, args: [await script('load', load)], env: onLambda },
    {
      name: 'millrace-first-prediction',
      command: node,
      args: [
        await script(
          'first',
          `const { handler } = ${load}
          const { statusCode, body } = await handler(${request})
          if (statusCode !== 200 || JSON.parse(body).predictions[0] !== 1) throw new Error(body)
          process.exit()`,
        ),
      ],
      env: onLambda,
    },
    ...(values.python === undefined
      ? []
      : [
          {
            name: 'python-sklearn-fastapi',
            command: values.python,
            args: ['-c', 'import sklearn.svm, numpy, fastapi'],
            env: process.env,
          },
        ]),
  ]
}

/** The environment of a function whose platform is the server of this bench. */
function functionEnvironment(): NodeJS.ProcessEnv {
  const { port } = server.address() as AddressInfo
  return {
    ...process.env,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    NODE_OPTIONS: '--enable-source-maps',
    [settingsVariables.bucket]: ports.objects.bucket,
    [settingsVariables.table]: 'table',
    [settingsVariables.queueUrl]: 'http://127.0.0.1/queue',
    [settingsVariables.deadLetterQueueUrl]: 'http://127.0.0.1/dead-letters',
    [settingsVariables.eventBus]: 'default',
    [settingsVariables.stateMachines]: '{}',
  }
}

/** GetItem and GetObject, from what the training left in memory. */
async function serve(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
  if (asked.method === 'POST') {
    const chunks: Buffer[] = []
    for await (const chunk of asked as AsyncIterable<Buffer>) chunks.push(chunk)
    const { Key } = JSON.parse(Buffer.concat(chunks).toString()) as {
      Key: Record<'pk' | 'sk', { S: string }>
    }
    const item = await ports.table.get(Key.pk.S, Key.sk.S)
    const body = item === undefined ? {} : { Item: toAttributes(item) }
    answer.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' })
    answer.end(JSON.stringify(body))
    return
  }
  const url = new URL(asked.url!, 'http://127.0.0.1')
  const key = decodeURIComponent(url.pathname.slice(ports.objects.bucket.length + 2))
  const versionId = url.searchParams.get('versionId')
  const bytes = await ports.objects.read(key, versionId === null ? {} : { versionId })
  answer.writeHead(200, { 'content-length': bytes.length }).end(bytes)
}

/** User and system time of a process, in milliseconds, as its shell tells it. */
async function cpuOf(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const timed = `TIMEFORMAT='%3U %3S'; time "$@"`
  const { stderr } = await run('bash', ['-c', timed, 'bash', command, ...args], { env })
  const [user, system] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number)
  return (user! + system!) * 1000
}

/** Median time of the handler, in milliseconds, in a process of its own. */
async function warmPrediction(): Promise<number> {
  const file = join(directory, 'warm.mjs')
  await writeFile(
    file,
    `const { handler } = await import('./predictions/index.mjs')
    const event = ${request}
    const times = []
    for (let i = 0; i < ${2 * warmCalls}; i++) {
      const start = performance.now()
      await handler(event)
      times.push(performance.now() - start)
    }
    console.log(times.slice(${warmCalls}).sort((a, b) => a - b)[${warmCalls / 2}])
    process.exit()`,
  )
  const { stdout } = await run(process.execPath, [file], { env: functionEnvironment() })
  return Number(stdout)
}

function emit(measure: string, peer: string, value: number, unit: string): void {
  console.log(JSON.stringify({ measure, peer, value, unit }))
}
