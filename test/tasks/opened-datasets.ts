import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import type { Ports } from '../../platform/ports/index.ts'
import { createDatasets, type Datasets } from '../../tasks/datasets.ts'
import type { DatasetSchema } from '../../tasks/dataset-schema.ts'

export const name = { user: 'ada', dataset: 'stones' }
export const schema: DatasetSchema = {
  columns: [
    { name: 'carat', type: 'number' },
    { name: 'price', type: 'number' },
    { name: 'cut', type: 'text' },
  ],
  target: 'price',
}

export function openDatasets(ports: MemoryPorts = memoryPorts()) {
  return { ports, datasets: createDatasets(ports) }
}

/** Of the dataset `name` with these rows as its version 1. */
export async function openWith(rows: readonly unknown[]) {
  const opened = openDatasets()
  await opened.datasets.create(name, schema)
  await opened.datasets.append(name, rows)
  return opened
}

/** A version as the text of its object. */
export async function textOf(
  { objects }: Pick<Ports, 'objects'>,
  datasets: Datasets,
  version?: number,
  dataset = name,
) {
  const { source } = await datasets.materialise(dataset, version)
  return new TextDecoder().decode(await objects.read(source.key, { versionId: source.versionId }))
}

export const iris = { user: 'ada', dataset: 'iris' }
export const irisHeader = 'feature_0,feature_1,feature_2,feature_3,target'
