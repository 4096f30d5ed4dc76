import * as z from 'zod'
import type { HtmlValue } from './page.ts'

/** What a report of a version is about. */
export interface ReportAbout {
  /** `<user>/<dataset>` */
  readonly model: string
  readonly version: number
  readonly algorithm: string
  /** The key of the object it learned from. */
  readonly source: string
  readonly sha256: string
  readonly execution: string
}

/** Reports that a training writes beside its model. */
export const reportKind = z.enum(['dataset', 'evaluation'])
export type ReportKind = z.infer<typeof reportKind>

export function aboutFacts(about: ReportAbout): [string, HtmlValue][] {
  return [
    ['Algorithm', about.algorithm],
    ['Source', about.source],
    ['SHA-256', `${about.sha256.slice(0, 16)}…`],
    ['Execution', about.execution],
  ]
}
