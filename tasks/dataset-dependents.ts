import { pages, type Table, type Write } from '../platform/ports/index.ts'
import { datasetPartition } from './dataset-records.ts'
import { datasetOfKey, formatModel, parseModel, type ModelName } from './names.ts'
import type { Registry } from './registry.ts'

/** The write that tells a dataset which model learned from it; none for another source. */
export function dependentWrites(sourceKey: string, model: ModelName, version: number): Write[] {
  const dataset = datasetOfKey(sourceKey)
  if (dataset === null) return []
  const sk = `dependent#${formatModel(model)}`
  return [{ put: { pk: datasetPartition(dataset), sk, version } }]
}

/**
 * Models that are there and learned from a dataset, some of them when there are many: that of its own
 * name, and each that has a version from an object of it.
 */
export async function dependentModels(
  table: Table,
  registry: Pick<Registry, 'head'>,
  dataset: ModelName,
): Promise<string[]> {
  const found = new Set<string>()
  const own = await registry.head(dataset)
  if (own?.deletedAt === null) found.add(formatModel(dataset))
  const pk = datasetPartition(dataset)
  for await (const { items } of pages((cursor) =>
    table.query(pk, { prefix: 'dependent#', cursor }),
  )) {
    for (const item of items) {
      const name = item.sk.slice('dependent#'.length)
      const head = await registry.head(parseModel(name))
      if (head?.deletedAt === null && Number(item['version']) >= head.firstVersion) found.add(name)
    }
    if (found.size > 0) break
  }
  return [...found]
}
