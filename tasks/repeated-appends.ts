import type { Table, Write } from '../platform/ports/index.ts'
import { datasetPartition, type LiveDataset } from './dataset-records.ts'
import type { ModelName } from './names.ts'

/** How long what came of a request is kept for its repetitions, in seconds. */
export const keptSeconds = 24 * 3600

export interface RepeatedAppend {
  /** The version that it made before; undefined where none is known. */
  readonly version: number | undefined
  /** To stand in the transaction that makes a version: of two at one moment the second fails. */
  note(version: number): Write[]
}

/**
 * An append that may be asked for again when its process died after the work and before its answer was
 * kept: which version it made is noted with the version, under what names it and its repetitions alone.
 *
 * @param now milliseconds since 1970
 */
export async function repeatedAppend(
  table: Table,
  dataset: ModelName,
  repetition: string | undefined,
  { head, now }: { readonly head: LiveDataset; readonly now: number },
): Promise<RepeatedAppend> {
  if (repetition === undefined) return { version: undefined, note: () => [] }
  const seconds = Math.floor(now / 1000)
  const pk = datasetPartition(dataset)
  const sk = `append#${repetition}`
  const found = await table.get(pk, sk)
  const made = Number(found?.['version'] ?? -1)
  // What was removed since says nothing any more.
  const isKept = made >= head.firstVersion && Number(found?.['expiresAt']) > seconds
  return {
    version: isKept ? made : undefined,
    note: (version) => [
      {
        put: { pk, sk, version, expiresAt: seconds + keptSeconds },
        if: found === undefined ? 'absent' : { version: made },
      },
    ],
  }
}
