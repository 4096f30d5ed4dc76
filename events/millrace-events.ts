import * as z from 'zod'

/** What Millrace itself tells on the bus: `source` is `millrace`, `detail-type` the name here. */
export const millraceSource = 'millrace'

const modelName = z.string()
const version = z.number().int().nonnegative()

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
    execution: z.string(),
    reason: z.string(),
  }),
  /** A model that answers nothing any more; `by` is the key that removed it. */
  'Model Deleted': z.object({ model: modelName, by: z.string().nullable() }),
  /** An upload that differs from what the champion was trained on. */
  'Drift Detected': z.object({
    model: modelName,
    version,
    execution: z.string(),
    reasons: z.array(z.string()),
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
