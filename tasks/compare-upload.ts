import { seedFromDigest } from '../ml/data/index.ts'
import { compareBatch, type DriftReport } from '../ml/drift/index.ts'
import { defineJob } from '../platform/ports/index.ts'
import { readDataset, type DatasetForm, type UploadContent } from './dataset.ts'
import { openModel } from './model-artifact.ts'
import { columnsDiffer, featuresFor } from './same-columns.ts'

export type CompareRequest = UploadContent & {
  readonly form: DatasetForm
  readonly sha256: string
  /** The model file whose baseline is compared with. */
  readonly champion: Uint8Array
}

/** Compares the rows of an upload with those that the champion learned from. */
export const compareUpload = defineJob(
  import.meta.url,
  'compareUpload',
  async (request: CompareRequest): Promise<DriftReport | 'schema-changed'> => {
    const { form, sha256, champion } = request
    const { dataset } = await readDataset(request, form)
    const model = openModel(champion)
    if (columnsDiffer(model, dataset) !== null) return 'schema-changed'
    return compareBatch(model.baseline(), featuresFor(model, dataset), {
      seed: seedFromDigest(sha256),
      timeOrdered: form.configuration.timeOrder ?? false,
    })
  },
)
