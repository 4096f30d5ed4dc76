import { open } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { basename, extname } from 'node:path'
import { Option, type Command } from 'commander'
import { isDataError } from '../../ml/data/index.ts'
import { MillraceError, type Place } from '../../platform/ports/index.ts'
import { sketchDataset, type DatasetSketch } from '../../tasks/planning/dataset-sketch.ts'
import { deployedFunctions } from '../../tasks/planning/places.ts'
import { planTraining } from '../../tasks/planning/training-plan.ts'
import { learningTask } from '../../tasks/shapes.ts'
import {
  defaultTrials,
  maxTrials,
  type TrainingConfiguration,
} from '../../tasks/training-configuration.ts'
import { exitCodes } from '../exit-codes.ts'
import { readList, wholeNumber, type Run } from '../options.ts'
import { planPage } from '../plan-page.ts'
import { plannedCosts } from '../planned-costs.ts'
import { printJson, printLine } from '../terminal.ts'
import { nearLimits } from '../../tasks/planning/near-limits.ts'
import { rates } from '../../tasks/planning/rates.ts'

interface Options {
  readonly task?: TrainingConfiguration['task']
  readonly target?: string
  readonly algorithm?: string[]
  readonly trials?: number
  readonly predictions: number
  readonly memory?: number
  readonly container?: boolean
  readonly embedded?: boolean
  readonly json?: boolean
}

const mebibyte = 2 ** 20

/** What a container is given unless the platform says otherwise. */
const container: Place = { name: 'container', memoryBytes: 30 * 2 ** 30, seconds: 36_000 }

export function addPlan(program: Command, run: Run): void {
  program
    .command('plan')
    .argument('<file>', 'a .npy or a .csv with a header; the last column is the target')
    .description('tell what training on a file will take, cost and not fit, before anything runs')
    .addOption(
      new Option('--task <task>', 'what to learn (default: by the target)').choices(
        learningTask.options,
      ),
    )
    .option('--target <column>', 'the target column of a .csv (default: the last one)')
    .option('--algorithm <names>', 'algorithms to race, as svc,gradient-boosting', readList)
    .option(
      '--trials <number>',
      `settings to try of each algorithm (default: ${defaultTrials})`,
      wholeNumber(1, maxTrials),
    )
    .option('--predictions <number>', 'rows to predict in a month', wholeNumber(0, 1e12), 1_000_000)
    .option('--memory <MiB>', 'of the training functions (default: 3008)', wholeNumber(512, 10_240))
    .option('--container', 'with containers for what outgrows functions')
    .option('--embedded', 'for this machine, without AWS')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
A megabyte of the file is read, however large it is. Exits with 1 where it will not fit.

Examples:
  $ millrace plan iris.npy
  $ millrace plan customers.csv --algorithm gradient-boosting --trials 30
  $ millrace plan large.npy --predictions 100000000 --container --json`,
    )
    .action(async (file: string, options: Options) => {
      const { terminal } = run
      const { task, target, algorithm, trials, predictions } = options
      const configuration: TrainingConfiguration = {
        ...(task === undefined ? {} : { task }),
        ...(target === undefined ? {} : { target }),
        ...(algorithm === undefined ? {} : { algorithms: algorithm }),
        ...(trials === undefined ? {} : { trials }),
      }
      const dataset = await sketchFile(file, configuration)
      const training = planTraining(dataset, configuration, placesOf(options))
      const { batch, costs } = plannedCosts(dataset, training, predictions)
      const plan = {
        file: basename(file),
        dataset,
        fits: training.refusals.length === 0,
        training,
        limits: nearLimits(dataset, training, batch),
        predictions,
        costs: options.embedded ? [] : costs,
        measured: rates.measured,
      }
      if (!plan.fits) run.exitCode = exitCodes.failure
      if (options.json) printJson(terminal.out, plan)
      else printLine(terminal.out, planPage(plan))
    })
}

/** Throws RequestInvalid for what is no dataset. */
async function sketchFile(
  file: string,
  configuration: TrainingConfiguration,
): Promise<DatasetSketch> {
  const format = extname(file).slice(1)
  if (format !== 'npy' && format !== 'csv') {
    throw new MillraceError('RequestInvalid', `${file}: a dataset is a .npy or a .csv file`)
  }
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new MillraceError('RequestInvalid', `there is no file ${file}`)
  })
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new MillraceError('RequestInvalid', `${file} is not a file`)
    const read = async (start: number, end: number) => {
      const { buffer, bytesRead } = await handle.read(
        Buffer.alloc(end - start),
        0,
        end - start,
        start,
      )
      return buffer.subarray(0, bytesRead)
    }
    return await sketchDataset({ size: stats.size, read }, format, configuration)
  } catch (error) {
    if (!isDataError(error)) throw error
    throw new MillraceError('RequestInvalid', `${file}: ${error.message}`, { cause: error })
  } finally {
    await handle.close()
  }
}

function placesOf({ memory, container: hasContainer, embedded }: Options): readonly Place[] {
  if (embedded) return [{ name: 'function', memoryBytes: totalmem(), seconds: null }]
  const [usual, large] = deployedFunctions
  return [
    { ...usual!, ...(memory === undefined ? {} : { memoryBytes: memory * mebibyte }) },
    large!,
    ...(hasContainer ? [container] : []),
  ]
}
