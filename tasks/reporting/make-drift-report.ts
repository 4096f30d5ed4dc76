import type { ServingDrift } from '../../events/index.ts'
import { defineJob } from '../../platform/ports/index.ts'
import type { DriftStatus } from '../drift-status.ts'

export interface DriftReportRequest {
  readonly status: DriftStatus
  /** Of the version, the newest first. */
  readonly detections: readonly ServingDrift[]
}

/** The page about what a version serves. */
export const makeDriftReport = defineJob(
  import.meta.url,
  'makeDriftReport',
  async ({ status, detections }: DriftReportRequest): Promise<string> => {
    // What draws is loaded where it is needed, off the thread that answers requests.
    const { driftReport } = await import('./drift-report.ts')
    return driftReport(status, detections)
  },
)
