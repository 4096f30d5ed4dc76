import { isDataError } from '../../ml/data/index.ts'
import type { Objects, Place } from '../../platform/ports/index.ts'
import type { RejectionReason, TrainingClaim } from '../shapes.ts'
import { sketchDataset } from './dataset-sketch.ts'
import { bytesRefusals, sizeRefusals } from './size-refusals.ts'

/** No function is too small for so much. */
const smallBytes = 16 * 2 ** 20

/**
 * Why an upload is too large for the functions that read it whole, told by its header or first records
 * before any of them does; none where these are no dataset, which reading says better.
 */
export async function uploadRefusals(
  objects: Objects,
  { source, format }: Pick<TrainingClaim, 'source' | 'format'>,
  place: Place,
): Promise<RejectionReason[]> {
  const { key, versionId, size } = source
  if (size <= smallBytes) return []
  const tooLarge = bytesRefusals(size)
  if (tooLarge.length > 0) return tooLarge
  const read = (start: number, end: number) => objects.read(key, { versionId, start, end })
  try {
    return sizeRefusals(await sketchDataset({ size, read }, format, {}), place)
  } catch (error) {
    if (!isDataError(error)) throw error
    return []
  }
}
