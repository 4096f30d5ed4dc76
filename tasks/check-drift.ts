import * as z from 'zod'
import { compareUpload } from './compare-upload.ts'
import { withUpload } from './dataset.ts'
import { readArtifact } from './model-artifact.ts'
import { trainingFolder } from './names.ts'
import { createRegistry } from './registry.ts'
import { driftFinding, trainingClaim, type DriftFinding } from './shapes.ts'
import { putJson } from './stored-objects.ts'
import { defineTask } from './task.ts'

/** Features told one by one in states and in the registry; the report has all of them. */
const maxFeaturesInStates = 20

/**
 * Compares the upload with the baseline of the champion that it may replace, and records the finding
 * with the new version. It asks for no training: one is under way.
 */
export const checkDrift = defineTask({
  name: 'CheckDrift',
  input: z.object({ claim: trainingClaim, version: z.number().int().nonnegative() }),
  output: driftFinding,
  async run({ claim, version }, { objects, table, clock, compute }, { signal }) {
    const registry = createRegistry(table, clock)
    const champion = await registry.alias(claim.model, 'champion')
    const finding = champion === undefined ? firstVersion : await compare(champion.version)
    await registry.annotate(claim.model, version, 'drift', finding)
    return finding

    async function compare(against: number): Promise<DriftFinding> {
      const { artifact } = await registry.version(claim.model, against)
      const file = await readArtifact(objects, artifact)
      const { sha256 } = claim.source
      const report = await withUpload(objects, claim, (upload) =>
        compute.run(compareUpload, { ...upload, sha256, champion: file }, { signal }),
      )
      if (report === 'schema-changed') {
        return {
          verdict: report,
          againstVersion: against,
          reasons: [
            `the features are not those of version ${against}: there is nothing to compare`,
          ],
          features: [],
        }
      }
      await putJson(objects, `${trainingFolder(claim)}/drift.json`, { against, ...report })
      return {
        verdict: report.verdict,
        againstVersion: against,
        reasons: report.reasons.slice(0, maxFeaturesInStates),
        features: report.features.slice(0, maxFeaturesInStates).map((feature) => ({ ...feature })),
      }
    }
  },
})

const firstVersion: DriftFinding = {
  verdict: 'first-version',
  againstVersion: null,
  reasons: ['the first version: its training rows are the baseline from now on'],
  features: [],
}
