import type { MapRunCounts, MapRunDescription, UpdateMapRunInput } from '../api-types.ts'
import { isObject, type Json } from '../data.ts'
import { EngineError } from '../errors.ts'
import type { ChildCount, MapRunRow } from './store.ts'

/** A map run as DescribeMapRun shows it. */
export function describeMapRun(
  row: MapRunRow,
  executionArn: string,
  counts: readonly ChildCount[],
): MapRunDescription {
  const items = countsOf(row, counts, 'items')
  const executions = countsOf(row, counts, 'executions')
  const left = Math.max(0, (row.total ?? 0) - items.total)
  // How many batches there will be is known when the last one is made.
  const leftExecutions = row.isBatched === 1 ? 0 : left
  return {
    mapRunArn: row.arn,
    executionArn,
    status: row.status,
    startDate: new Date(row.startTime),
    ...(row.stopTime === null ? {} : { stopDate: new Date(row.stopTime) }),
    maxConcurrency: row.maxConcurrency,
    toleratedFailurePercentage: row.toleratedFailurePercentage,
    toleratedFailureCount: row.toleratedFailureCount,
    itemCounts: { ...items, pending: left, total: items.total + left },
    executionCounts: {
      ...executions,
      pending: leftExecutions,
      total: executions.total + leftExecutions,
    },
    redriveCount: row.redriveCount,
    ...(row.redriveTime === null ? {} : { redriveDate: new Date(row.redriveTime) }),
  }
}

function countsOf(
  row: MapRunRow,
  counts: readonly ChildCount[],
  what: 'items' | 'executions',
): MapRunCounts {
  const isRunning = row.status === 'RUNNING'
  const sum = (matches: (count: ChildCount) => boolean) =>
    counts.filter(matches).reduce((total, count) => total + count[what], 0)
  const isPendingRedrive = (count: ChildCount) =>
    isRunning && !count.isCurrent && count.status !== 'SUCCEEDED' && count.status !== 'RUNNING'
  const of = (status: ChildCount['status']) =>
    sum((count) => count.status === status && !isPendingRedrive(count))
  const total = sum(() => true)
  return {
    pending: 0,
    running: of('RUNNING'),
    succeeded: of('SUCCEEDED'),
    failed: of('FAILED'),
    timedOut: of('TIMED_OUT'),
    aborted: of('ABORTED'),
    total,
    resultsWritten: row.isWritten === 1 ? total - of('RUNNING') : 0,
    failuresNotRedrivable: 0,
    pendingRedrive: sum(isPendingRedrive),
  }
}

/** The ItemProcessor of the Map state of that name, as the definition has it. */
export function processorIn(definition: string, state: string): Json {
  const search = (value: Json): Json | undefined => {
    if (!isObject(value)) return undefined
    const states = value['States']
    if (!isObject(states)) return undefined
    for (const [name, found] of Object.entries(states as Readonly<Record<string, Json>>)) {
      if (!isObject(found)) continue
      const { ItemProcessor, Iterator, Branches = [] } = found as Readonly<Record<string, Json>>
      const processor = ItemProcessor ?? Iterator
      if (name === state) return processor
      const within = [processor, ...(Array.isArray(Branches) ? (Branches as readonly Json[]) : [])]
      for (const below of within) {
        const deeper = below === undefined ? undefined : search(below)
        if (deeper !== undefined) return deeper
      }
    }
    return undefined
  }
  return search(JSON.parse(definition) as Json) ?? {}
}

/** Throws ValidationException. */
export function checkUpdate(input: UpdateMapRunInput): Omit<UpdateMapRunInput, 'mapRunArn'> {
  const { maxConcurrency, toleratedFailureCount, toleratedFailurePercentage } = input
  check('maxConcurrency', maxConcurrency, Infinity, Number.isSafeInteger)
  check('toleratedFailureCount', toleratedFailureCount, Infinity, Number.isSafeInteger)
  check('toleratedFailurePercentage', toleratedFailurePercentage, 100, Number.isFinite)
  return {
    ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
    ...(toleratedFailureCount === undefined ? {} : { toleratedFailureCount }),
    ...(toleratedFailurePercentage === undefined ? {} : { toleratedFailurePercentage }),
  }
}

function check(
  name: string,
  value: unknown,
  max: number,
  isValid: (value: unknown) => boolean,
): void {
  if (value === undefined) return
  if (isValid(value) && (value as number) >= 0 && (value as number) <= max) return
  throw new EngineError(
    'ValidationException',
    `${name} is a number from 0${max === Infinity ? '' : ` to ${max}`}; found ${JSON.stringify(value)}`,
  )
}
