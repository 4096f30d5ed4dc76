import * as z from 'zod'
import { driftDetected } from './drift-detected.ts'

/** What Millrace itself tells on the bus: `source` is `millrace`, `detail-type` the name here. */
export const millraceSource = 'millrace'

const modelName = z.string()
const version = z.number().int().nonnegative()

/** What a retraining comes to; each but `refused` held the model's one place for a retraining. */
export const retrainingOutcomes = [
  /** The budget, the kill switch or another retraining under way kept it from beginning. */
  'refused',
  /** Too few labels came in time. */
  'unlabelled',
  /** The challenger was not better: the champion stays. */
  'kept',
  /** Promoted, and not worse than its predecessor on what was served since. */
  'confirmed',
  /** Promoted, worse than its predecessor on what was served since, and taken back. */
  'rolled-back',
  /** Promoted; not enough labels came to tell whether it does better. */
  'unconfirmed',
  /** Somebody paused retraining, or moved the champion, in the meantime. */
  'abandoned',
  /** The training failed or refused the rows. */
  'failed',
] as const
export type RetrainingOutcome = (typeof retrainingOutcomes)[number]

export const millraceEvents = {
  /** A dataset that validation refused; `report` is the key of the reasons in the bucket. */
  'Dataset Rejected': z.object({
    model: modelName,
    execution: z.string(),
    key: z.string(),
    versionId: z.string(),
    report: z.string(),
    reasons: z.array(z.string()),
  }),
  /** A model version that is now in the registry, whether or not it serves. */
  'Model Registered': z.object({
    model: modelName,
    version,
    execution: z.string(),
    algorithm: z.string(),
    metrics: z.record(z.string(), z.number()),
  }),
  /** The alias `champion` moved: `version` answers predictions from now on. */
  'Model Promoted': z.object({
    model: modelName,
    version,
    previousVersion: version.nullable(),
    /** The execution that moved it, `key <id>` or `operator`. */
    movedBy: z.string(),
    reason: z.string(),
  }),
  /** A model that answers nothing any more; `by` is the key that removed it. */
  'Model Deleted': z.object({ model: modelName, by: z.string().nullable() }),
  /** What comes in, or what is served, is no longer what the model knows. */
  'Drift Detected': driftDetected,
  /** A retraining that drift asked for has ended, whatever it came to; `numbers` are what decided. */
  'Retraining Ended': z.object({
    model: modelName,
    execution: z.string(),
    detection: z.string(),
    outcome: z.enum(retrainingOutcomes),
    /** The version that was trained, where one was. */
    challenger: version.nullable(),
    champion: version.nullable(),
    reason: z.string(),
    numbers: z.record(z.string(), z.number()),
  }),
} as const

export type MillraceEventName = keyof typeof millraceEvents
export type MillraceEventDetail<Name extends MillraceEventName> = z.infer<
  (typeof millraceEvents)[Name]
>

/** An event of ours as a publisher hands it to the bus; throws ZodError when the detail is not one. */
export function millraceEvent<Name extends MillraceEventName>(
  name: Name,
  detail: MillraceEventDetail<Name>,
) {
  return {
    source: millraceSource,
    detailType: name as string,
    detail: millraceEvents[name].parse(detail) as MillraceEventDetail<Name>,
  }
}
