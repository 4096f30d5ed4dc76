import * as z from 'zod'
import { withUpload } from './dataset.ts'
import { readArtifact } from './model-artifact.ts'
import { formatModel } from './names.ts'
import { makeTrainingReports } from './reporting/make-training-reports.ts'
import { reportKind } from './reporting/report-about.ts'
import { reportKey } from './reporting/stored-reports.ts'
import { driftFinding, evaluation, trainingClaim } from './shapes.ts'
import { defineTask } from './task.ts'

/** Writes the pages about a version's dataset and evaluation beside its model. */
export const report = defineTask({
  name: 'Report',
  input: z.object({
    claim: trainingClaim,
    version: z.number().int().nonnegative(),
    evaluation,
    drift: driftFinding,
  }),
  output: z.record(reportKind, z.string()),
  async run({ claim, version, evaluation, drift }, { objects, compute }, { signal }) {
    const model = await readArtifact(objects, evaluation.artifact)
    const { key: source, sha256 } = claim.source
    const about = {
      model: formatModel(claim.model),
      version,
      algorithm: evaluation.algorithm,
      source,
      sha256,
      execution: claim.execution,
    }
    const made = await withUpload(objects, claim, (upload) =>
      compute.run(makeTrainingReports, { about, ...upload, model, evaluation, drift }, { signal }),
    )
    const written = reportKind.options.map(async (kind) => {
      const key = reportKey(claim, kind)
      const body = new TextEncoder().encode(made[kind])
      await objects.put(key, body, { contentType: 'text/html; charset=utf-8' })
      return [kind, key] as const
    })
    return Object.fromEntries(await Promise.all(written)) as Record<
      z.infer<typeof reportKind>,
      string
    >
  },
})
