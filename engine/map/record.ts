import type { Execution } from '../execution.ts'
import type { MapRunEvent, MapRunSettings } from './run.ts'
import type { MapRunRow, NewMapRunRow } from './store.ts'

/** What the events of a map run change in its row. */

export function newRow(
  execution: Execution,
  event: MapRunEvent & { readonly type: 'MapRunStarted' },
): NewMapRunRow {
  const settings = event.settings.value as unknown as MapRunSettings
  return {
    arn: event.mapRunArn,
    execution: execution.id,
    scope: event.scope,
    state: event.name,
    label: settings.label,
    status: 'RUNNING',
    startTime: event.time,
    maxConcurrency: settings.maxConcurrency,
    toleratedFailureCount: settings.tolerance.count ?? 0,
    toleratedFailurePercentage: settings.tolerance.percentage ?? 0,
    total: event.total ?? null,
    isBatched: settings.batch === undefined ? 0 : 1,
  }
}

export function changedColumns(
  event: Exclude<MapRunEvent, { readonly type: 'MapRunStarted' }>,
): Partial<MapRunRow> | undefined {
  const { time } = event
  switch (event.type) {
    case 'MapRunItemsRead':
      return { total: event.total }
    case 'MapRunUpdated': {
      const { maxConcurrency, toleratedFailureCount, toleratedFailurePercentage } = event
      const columns = {
        ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
        ...(toleratedFailureCount === undefined ? {} : { toleratedFailureCount }),
        ...(toleratedFailurePercentage === undefined ? {} : { toleratedFailurePercentage }),
      }
      return Object.keys(columns).length === 0 ? undefined : columns
    }
    case 'MapRunFailing':
      return undefined
    case 'MapRunRedriven': {
      const { redriveCount } = event
      return { status: 'RUNNING', stopTime: null, isWritten: 0, redriveCount, redriveTime: time }
    }
    case 'MapRunSucceeded':
      return { status: 'SUCCEEDED', stopTime: time }
    case 'MapRunFailed':
      return { status: 'FAILED', stopTime: time }
    case 'MapRunAborted':
      return { status: 'ABORTED', stopTime: time }
  }
}
