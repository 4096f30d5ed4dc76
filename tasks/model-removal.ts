import { MillraceError, pages, type Item, type Ports, type Table } from '../platform/ports/index.ts'
import { aliasOf, moveOf } from './aliases.ts'
import { createDriftPolicies } from './drift-policy.ts'
import { createLedger } from './ledger.ts'
import { headItem, modelList, modelPartition } from './model-records.ts'
import { formatModel, type ModelName } from './names.ts'
import { createRegistry } from './registry.ts'
import { attempt } from './table-items.ts'

/**
 * Removes a model: it answers nothing any more and is in no list. Its versions stay on record, since
 * predictions name them, and so do its files. The same upload, sent again, trains it anew, with
 * versions that go on where the old ones ended.
 *
 * Repeating it is harmless, and finishes what a removal that was cut short began.
 *
 * Throws ModelNotFound.
 */
export async function removeModel(
  { table, clock, executions }: Pick<Ports, 'table' | 'clock' | 'executions'>,
  model: ModelName,
): Promise<void> {
  const registry = createRegistry(table, clock)
  const name = formatModel(model)
  const pk = modelPartition(model)
  const head = await registry.head(model)
  if (head === undefined) throw new MillraceError('ModelNotFound', `there is no model ${name}`)
  const { nextVersion, firstVersion } = head
  const deletedAt = head.deletedAt ?? new Date(clock.now()).toISOString()
  // A version that is registered at this moment makes the condition fail, and is removed by a repetition.
  await table.transact([
    { put: headItem(model, { nextVersion, firstVersion, deletedAt }), if: { nextVersion } },
    { delete: { pk: modelList, sk: name } },
  ])
  // A condition that fails from here on means that something newer has taken the place.
  await attempt(table.delete(`user#${model.user}`, 'last-promoted', { if: { model: name } }))
  for (const item of await all(table, pk, 'alias#')) {
    const { version, revision } = aliasOf(item)
    if (version < nextVersion) await attempt(table.delete(pk, item.sk, { if: { revision } }))
  }
  for (const item of await all(table, pk, 'move#')) {
    if (moveOf(item).to < nextVersion) await table.delete(pk, item.sk)
  }
  for (const item of await all(table, pk, 'training#')) {
    if (Number(item['version']) < nextVersion) await table.delete(pk, item.sk)
  }
  await createLedger(table, executions, 'training').forget(model)
  // A model that comes after it is not paused by what was said of this one.
  await createDriftPolicies(table).drop(model)
}

async function all(table: Table, pk: string, prefix: string): Promise<Item[]> {
  const found: Item[] = []
  for await (const { items } of pages((cursor) => table.query(pk, { prefix, cursor }))) {
    found.push(...items)
  }
  return found
}
