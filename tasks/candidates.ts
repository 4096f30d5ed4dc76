import { takeValues, type Dataset, type Split } from '../ml/data/index.ts'
import {
  defaultCandidates,
  fittingCandidates,
  isModelError,
  trainerNamed,
  trainersOf,
} from '../ml/models/index.ts'
import { metricReason } from './chosen-metric.ts'
import {
  learningTask,
  type LearningTask,
  type LeftOutAlgorithm,
  type RejectionReason,
} from './shapes.ts'
import type { TrainingConfiguration } from './training-configuration.ts'

const tasks = learningTask.options

/** What a training races, and what is wrong with what its configuration asks for. */
export interface CandidatePlan {
  /** Trainers in the order asked for, the floor among them. */
  readonly names: string[]
  readonly leftOut: LeftOutAlgorithm[]
  readonly reasons: RejectionReason[]
}

/** What is learned from. */
export interface DatasetSize {
  readonly rows: number
  readonly cols: number
  /** Columns once each category has one of its own. */
  readonly encodedCols: number
  /** Different targets. */
  readonly classes: number
}

/** The size of what a dataset's split leaves to learn from. */
export function sizeToLearn(
  { features, target, categories = [] }: Dataset,
  { train }: Split,
): DatasetSize {
  const { cols } = features
  const encodedCols = categories.reduce(
    (sum, labels) => sum + (labels === null ? 0 : labels.length - 1),
    cols,
  )
  const classes = new Set(takeValues(target, train)).size
  return { rows: train.length, cols, encodedCols, classes }
}

/**
 * The trainers to race on such a dataset: those asked for, else the usual ones for the task and
 * size, and always the floor that a model must beat. What cannot learn from so much is left out;
 * where that leaves nothing, it is a reason against the upload.
 */
export function candidatesFor(
  { algorithms, hyperparameters = {}, metric }: TrainingConfiguration,
  task: LearningTask,
  { rows, cols, encodedCols, classes }: DatasetSize,
): CandidatePlan {
  const reasons = [
    ...metricReasons({ metric, algorithms }, [task]),
    ...(algorithms ?? []).flatMap((name) => algorithmReason(name, [task]) ?? []),
    ...hyperparameterReasons(hyperparameters, [task]),
    ...clusterReasons(hyperparameters, task, rows),
  ]
  const usual = defaultCandidates(rows, cols, task, classes, encodedCols)
  const known = algorithms?.filter((name) => isKnown(name, task))
  const { names, leftOut } = known
    ? fittingCandidates(known, rows, cols, task, classes, encodedCols)
    : usual
  if (reasons.length === 0 && names.length === 0) {
    const why = leftOut.map(({ reason }) => reason).join('; ')
    const others = `leave the choice to the platform, or ask for ${usual.names.join(', ')}`
    const message = `${why}; ${usual.names.length > 0 ? others : 'train on some of the rows'}`
    reasons.push({ code: 'RowCapExceeded', message })
  }
  const plan = {
    names: [...names],
    leftOut: leftOut.map(({ name, ...rest }) => ({ algorithm: name, ...rest })),
    reasons,
  }
  return reasons.length === 0 && metric === 'logLoss' ? withProbabilities(plan) : plan
}

/** The plan without those that no log loss can be told of; the floor has probabilities. */
function withProbabilities({ names, leftOut, reasons }: CandidatePlan): CandidatePlan {
  const weighing = names.filter(hasProbabilities)
  const silent = names.filter((name) => !hasProbabilities(name))
  return {
    names: weighing,
    leftOut: [
      ...leftOut,
      ...silent.map((algorithm) => ({
        algorithm,
        reason: `${algorithm} has no probabilities, which the metric logLoss is of`,
        instead: weighing[0]!,
      })),
    ],
    reasons,
  }
}

function hasProbabilities(name: string): boolean {
  return trainerNamed(name).create().predictProba !== undefined
}

/**
 * What can be told of a configuration before there is data: names and options that there are not, or
 * not for its task.
 */
export function configurationReasons({
  task,
  algorithms = [],
  hyperparameters = {},
  metric,
}: TrainingConfiguration): RejectionReason[] {
  const possible = task === undefined ? tasks : [task]
  return [
    ...metricReasons({ metric, algorithms }, possible),
    ...algorithms.flatMap((name) => algorithmReason(name, possible) ?? []),
    ...hyperparameterReasons(hyperparameters, possible),
  ]
}

/** Why nothing can be compared by a metric: none of the task's, or of nothing that was asked for. */
function metricReasons(
  { metric, algorithms = [] }: Pick<TrainingConfiguration, 'metric' | 'algorithms'>,
  possible: readonly LearningTask[],
): RejectionReason[] {
  const reason = metricReason(metric, possible)
  if (reason !== undefined) return [reason]
  const known = algorithms.filter((name) => isKnown(name, 'classification'))
  if (metric !== 'logLoss' || known.length === 0 || known.some(hasProbabilities)) return []
  const message = `the metric logLoss is of probabilities, and ${known.join(', ')} has none; ask for another algorithm or metric`
  return [{ code: 'MetricUnsupported', message }]
}

/** Why no trainer of this name can be raced, if none can. */
function algorithmReason(
  name: string,
  possible: readonly LearningTask[],
): RejectionReason | undefined {
  if (possible.some((task) => isKnown(name, task))) return undefined
  const known = possible.flatMap((task) => Object.keys(trainersOf(task)))
  const there = `there are ${[...new Set(known)].join(', ')}`
  const others = tasks.filter((task) => isKnown(name, task))
  if (others.length === 0) {
    const shown = JSON.stringify(name)
    return { code: 'AlgorithmUnknown', message: `there is no algorithm ${shown}; ${there}` }
  }
  const message = `${name} is for ${others.join(' and ')}, not for ${possible.join(' or ')}, for which ${there}`
  return { code: 'TaskUnsupported', message }
}

function hyperparameterReasons(
  hyperparameters: NonNullable<TrainingConfiguration['hyperparameters']>,
  possible: readonly LearningTask[],
): RejectionReason[] {
  return Object.entries(hyperparameters).flatMap(([name, options]) => {
    const unknown = algorithmReason(name, possible)
    if (unknown !== undefined) return [unknown]
    const faults = possible
      .filter((task) => isKnown(name, task))
      .map((task) => optionFault(() => trainerNamed(name, task).create(options)))
    const [fault] = faults
    if (fault === undefined || faults.includes(undefined)) return []
    return [{ code: 'HyperparameterInvalid', message: fault }]
  })
}

/** A fold learns from four fifths of the rows or fewer, and no cluster is of no row. */
function clusterReasons(
  hyperparameters: NonNullable<TrainingConfiguration['hyperparameters']>,
  task: LearningTask,
  rows: number,
): RejectionReason[] {
  const most = Math.floor(rows / 2)
  return Object.entries(hyperparameters).flatMap(([name, { nClusters }]) => {
    if (task !== 'clustering' || typeof nClusters !== 'number' || nClusters <= most) return []
    const message = `${name}: nClusters is ${nClusters}; ${rows} rows to learn from are enough for ${most}`
    return [{ code: 'HyperparameterInvalid', message }]
  })
}

function isKnown(name: string, task: LearningTask): boolean {
  return Object.hasOwn(trainersOf(task), name)
}

function optionFault(create: () => unknown): string | undefined {
  try {
    create()
    return undefined
  } catch (error) {
    if (!isModelError(error)) throw error
    return error.message
  }
}
