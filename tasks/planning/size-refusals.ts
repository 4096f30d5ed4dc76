import type { Place } from '../../platform/ports/index.ts'
import { maxDatasetBytes } from '../dataset.ts'
import type { RejectionReason } from '../shapes.ts'
import { bytesText, secondsText } from './figures.ts'
import { memoryShare, timeShare } from './places.ts'
import { readingNeed, type FileSize } from './rates.ts'

/** Why an upload of so many bytes is too large as such. */
export function bytesRefusals(bytes: number): RejectionReason[] {
  if (bytes <= maxDatasetBytes) return []
  const message =
    `the upload has ${bytes} bytes; a training takes at most ${maxDatasetBytes}: ` +
    'train on some of its rows, or on fewer columns'
  return [{ code: 'TooLarge', message }]
}

/** Why states that hold a whole upload cannot hold this one: the first of them, and what binds. */
export function sizeRefusals(file: FileSize, place: Place): RejectionReason[] {
  const tooLarge = bytesRefusals(file.bytes)
  if (tooLarge.length > 0) return tooLarge
  for (const state of ['Validate', 'Evaluate', 'CheckDrift'] as const) {
    const need = readingNeed(state, file)
    const isMemory = memoryShare(need, place) > 1
    if (!isMemory && timeShare(need, place) <= 1) continue
    const found = isMemory ? `${bytesText(need.peakBytes)} of memory` : secondsText(need.seconds)
    const most = isMemory ? bytesText(place.memoryBytes) : secondsText(place.seconds!)
    const what = `${state} of ${bytesText(file.bytes)} of .${file.format} takes about ${found}`
    // Its values take the same memory from either; from a .npy they are there sooner.
    const other = file.format === 'csv' && !isMemory ? 'save it as .npy, ' : ''
    const more = place.seconds === null ? '' : ', or give the training functions more memory'
    const message = `${what}, and a function has ${most}: ${other}take fewer rows or columns${more}`
    return [{ code: 'TooLarge', message }]
  }
  return []
}
