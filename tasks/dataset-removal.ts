import {
  isMillraceError,
  MillraceError,
  pages,
  type Objects,
  type Table,
} from '../platform/ports/index.ts'
import { dependentModels } from './dataset-dependents.ts'
import {
  datasetPartition,
  headWrite,
  isLive,
  listWrite,
  uploadItemKey,
  type DatasetHead,
} from './dataset-records.ts'
import { datasetFolder, formatModel, uploadKey, type ModelName } from './names.ts'
import type { Registry } from './registry.ts'

/**
 * What the table forgets of versions, the versions last. Which uploads became versions stays: a task
 * that runs again must not bring back what was removed.
 */
const forgotten = ['append#', 'content#', 'statistics#', 'version#']

/** Removes a dataset as `Datasets.remove` says, given what its head was seen to be. */
export async function removeDataset(
  { objects, table }: { objects: Objects; table: Table },
  registry: Pick<Registry, 'head'>,
  dataset: ModelName,
  head: DatasetHead,
  { archive, now }: { archive: boolean; now: string },
): Promise<void> {
  if (!archive) await refuseNeeded(table, registry, dataset)
  if (isLive(head)) {
    await table.transact([
      headWrite(dataset, head, {
        ...head,
        firstVersion: head.nextVersion,
        removed: archive ? 'archived' : 'deleted',
        updatedAt: now,
        latest: null,
      }),
      listWrite(dataset, false),
    ])
  }
  if (!archive) await removeKept(objects, table, dataset, head.nextVersion)
}

/** Whether something is left of versions that were removed: an earlier removal did not end. */
export async function hasLeftovers(table: Table, dataset: ModelName): Promise<boolean> {
  const { items } = await table.query(datasetPartition(dataset), { prefix: 'version#', limit: 1 })
  return items.length > 0
}

async function refuseNeeded(table: Table, registry: Pick<Registry, 'head'>, dataset: ModelName) {
  const models = await dependentModels(table, registry, dataset)
  if (models.length === 0) return
  const some = models.slice(0, 5).join(', ')
  throw new MillraceError(
    'DatasetInUse',
    `models learned from ${formatModel(dataset)}: ${some}${models.length > 5 ? ', …' : ''}; ` +
      'delete them first, or archive the dataset, which keeps its objects',
  )
}

/**
 * Hides the objects of versions before `end`, and then forgets the versions: while some are known, the
 * removal can be asked for again. The versions of the objects stay as long as the bucket keeps them.
 */
async function removeKept(objects: Objects, table: Table, dataset: ModelName, end: number) {
  for (const format of ['npy', 'csv'] as const) {
    await removeUpload(objects, table, dataset, uploadKey(dataset, format))
  }
  await emptyFolder(objects, `${datasetFolder(dataset)}/`)
  const pk = datasetPartition(dataset)
  for (const prefix of forgotten) {
    for await (const { items } of pages((cursor) => table.query(pk, { prefix, cursor }))) {
      for (const item of items) {
        if (Number(item['version']) < end) await table.delete(pk, item.sk)
      }
    }
  }
}

/** An upload that is newer than what was removed is on its way to become a dataset again: it stays. */
async function removeUpload(objects: Objects, table: Table, dataset: ModelName, key: string) {
  try {
    const { versionId } = await objects.head(key)
    const known = await table.get(datasetPartition(dataset), uploadItemKey({ key, versionId }))
    if (known !== undefined) await objects.delete(key)
  } catch (error) {
    if (!isMillraceError(error, 'ObjectNotFound')) throw error
  }
}

/** What is hidden is listed no more: each page is the first one. */
async function emptyFolder(objects: Objects, prefix: string): Promise<void> {
  for (;;) {
    const { objects: entries, cursor } = await objects.list(prefix, { limit: 100 })
    for (const { key } of entries) await objects.delete(key)
    if (cursor === undefined) return
  }
}
