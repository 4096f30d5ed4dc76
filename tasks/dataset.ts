import {
  datasetFromCsv,
  datasetFromNpy,
  parseCsv,
  parseNpy,
  splitByRow,
  type Dataset,
  type Split,
} from '../ml/data/index.ts'
import type { Objects } from '../platform/ports/index.ts'
import type { TrainingClaim } from './shapes.ts'
import { readConfiguration, type TrainingConfiguration } from './training-configuration.ts'

/** The largest upload that a training takes, in bytes. */
export const maxDatasetBytes = 512 * 1024 * 1024

/** The share of rows held out of training, to judge models on. */
export const heldOutShare = 0.25

/** How a claim says its bytes are to be read. Plain data, as a worker thread gets it. */
export interface DatasetForm {
  readonly format: TrainingClaim['format']
  readonly configuration: TrainingConfiguration
}

/** The bytes that were claimed, whatever has become of the key since, and how they are to be read. */
export async function readUpload(
  objects: Objects,
  claim: TrainingClaim,
): Promise<{ bytes: Uint8Array; form: DatasetForm }> {
  const { key, versionId } = claim.source
  const [bytes, configuration] = await Promise.all([
    objects.read(key, { versionId }),
    readConfiguration(objects, claim),
  ])
  return { bytes, form: { format: claim.format, configuration } }
}

/**
 * Bytes of an upload as a dataset, named as its configuration says.
 *
 * @throws DataError when they are none.
 */
export function datasetOf(bytes: Uint8Array, { format, configuration }: DatasetForm): Dataset {
  if (format === 'csv') {
    const { target } = configuration
    return datasetFromCsv(parseCsv(bytes), target === undefined ? {} : { target })
  }
  const dataset = datasetFromNpy(parseNpy(bytes))
  const { featureNames } = configuration
  // Too few or too many names are a reason against the upload, which validation gives.
  return featureNames?.length === dataset.features.cols ? { ...dataset, featureNames } : dataset
}

/** Which rows are learned from and which are held out: for each row the same in every upload. */
export function splitDataset(dataset: Dataset): Split {
  return splitByRow(dataset, { heldOut: heldOutShare })
}

/** A class as people read it: its text in a CSV, its number in a `.npy`. */
export function classLabel(dataset: Pick<Dataset, 'classLabels'>, value: number): string {
  return dataset.classLabels?.[value] ?? String(value)
}
