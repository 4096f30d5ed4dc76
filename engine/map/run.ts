import type { Json } from '../data.ts'
import type { LogEvent } from '../log.ts'
import type { ReaderRequest } from './items/read.ts'
import type { Transformation } from './definition.ts'

export type MapRunStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED'

/** A map run as the log of its execution has it; only `apply` changes it. */
export interface MapRun {
  readonly arn: string
  readonly settings: MapRunSettings
  status: MapRunStatus
  maxConcurrency: number
  tolerance: Tolerance
  /** Why the run is going to fail, once what still runs is stopped. */
  failing:
    { readonly error?: string; readonly cause?: string; readonly location?: string } | undefined
  /** How many items there are; undefined until all are read. */
  total: number | undefined
  redriveCount: number
  /** Whether a redrive has to begin all of it again. */
  isLost: boolean
}

/** How many items may fail. Without either none may. */
export interface Tolerance {
  readonly count?: number
  readonly percentage?: number
}

/** What a map run does, with all its expressions evaluated. It is JSON, and is logged. */
export interface MapRunSettings {
  readonly label: string
  readonly executionType: 'STANDARD' | 'EXPRESS'
  /** 0 is as many as the engine runs at once. */
  readonly maxConcurrency: number
  readonly tolerance: Tolerance
  /** Items from the state's input. */
  readonly items?: Json
  /** Items from a dataset. */
  readonly reader?: ReaderRequest
  readonly batch?: BatchSettings
  readonly results: ResultSettings
}

export interface BatchSettings {
  readonly maxItems?: number
  readonly maxBytes?: number
  readonly input?: Json
}

export interface ResultSettings {
  readonly transformation: Transformation
  readonly outputType: 'JSON' | 'JSONL'
  readonly destination?: { readonly bucket: string; readonly prefix: string }
}

/** Whether `failed` of `total` items are more than may fail. */
export function isExceeded(
  { count, percentage }: Tolerance,
  failed: number,
  total: number,
): boolean {
  if (failed === 0) return false
  if (count === undefined && percentage === undefined) return true
  if (count !== undefined && failed > count) return true
  return percentage !== undefined && (failed * 100) / total > percentage
}

/** The events of map runs. */
export type MapRunEvent = Extract<LogEvent, { readonly type: `MapRun${string}` }>

export function isMapRunEvent(event: LogEvent): event is MapRunEvent {
  return event.type.startsWith('MapRun')
}

export function newMapRun(event: LogEvent & { readonly type: 'MapRunStarted' }): MapRun {
  const settings = event.settings.value as unknown as MapRunSettings
  return {
    arn: event.mapRunArn,
    settings,
    status: 'RUNNING',
    maxConcurrency: settings.maxConcurrency,
    tolerance: settings.tolerance,
    failing: undefined,
    total: event.total,
    redriveCount: 0,
    isLost: event.total === undefined,
  }
}

export function applyToMapRun(
  mapRun: MapRun,
  event: Exclude<MapRunEvent, { readonly type: 'MapRunStarted' }>,
): void {
  switch (event.type) {
    case 'MapRunItemsRead':
      mapRun.total = event.total
      mapRun.isLost = false
      break
    case 'MapRunUpdated': {
      const { toleratedFailureCount: count, toleratedFailurePercentage: percentage } = event
      mapRun.maxConcurrency = event.maxConcurrency ?? mapRun.maxConcurrency
      mapRun.tolerance = {
        ...mapRun.tolerance,
        ...(count === undefined ? {} : { count }),
        ...(percentage === undefined ? {} : { percentage }),
      }
      break
    }
    case 'MapRunFailing': {
      const { error, cause, location } = event
      mapRun.failing = {
        ...(error === undefined ? {} : { error }),
        ...(cause === undefined ? {} : { cause }),
        ...(location === undefined ? {} : { location }),
      }
      break
    }
    case 'MapRunSucceeded':
      // All of it, when what follows fails: there is nothing left of it that could go on.
      mapRun.isLost = true
      mapRun.status = 'SUCCEEDED'
      break
    case 'MapRunFailed':
      mapRun.isLost ||= event.isLost
      mapRun.status = 'FAILED'
      break
    case 'MapRunAborted':
      mapRun.status = 'ABORTED'
      break
    case 'MapRunRedriven':
      mapRun.status = 'RUNNING'
      mapRun.failing = undefined
      mapRun.redriveCount = event.redriveCount
      break
  }
}
