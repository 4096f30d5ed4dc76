import { isMillraceError, MillraceError, type Ports, type Table } from '../platform/ports/index.ts'
import { aliasOf, partition, type AliasMove } from './aliases.ts'
import { createLedger } from './ledger.ts'
import { formatModel, type ModelName } from './names.ts'
import { createRegistry, headItem } from './registry.ts'

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
  const pk = partition(model)
  const head = await registry.head(model)
  if (head === undefined) throw new MillraceError('ModelNotFound', `there is no model ${name}`)
  const { nextVersion, firstVersion } = head
  const deletedAt = head.deletedAt ?? new Date(clock.now()).toISOString()
  // A version that is registered at this moment makes the condition fail, and is removed by a repetition.
  await table.transact([
    { put: headItem(model, { nextVersion, firstVersion, deletedAt }), if: { nextVersion } },
    { delete: { pk: 'models', sk: name } },
  ])
  await ifStill(table.delete(`user#${model.user}`, 'last-promoted', { if: { model: name } }))
  for (const item of await all(table, pk, 'alias#')) {
    const { version, revision } = aliasOf(item)
    if (version < nextVersion) await ifStill(table.delete(pk, item.sk, { if: { revision } }))
  }
  for (const item of await all(table, pk, 'move#')) {
    if ((item['move'] as unknown as AliasMove).to < nextVersion) await table.delete(pk, item.sk)
  }
  for (const item of await all(table, pk, 'training#')) {
    if (Number(item['version']) < nextVersion) await table.delete(pk, item.sk)
  }
  await createLedger(table, executions, 'training').forget(model)
}

async function all(table: Table, pk: string, prefix: string) {
  const items = []
  let cursor: string | undefined
  do {
    const page = await table.query(pk, { prefix, ...(cursor === undefined ? {} : { cursor }) })
    items.push(...page.items)
    cursor = page.cursor
  } while (cursor !== undefined)
  return items
}

/** A condition that fails here means that something newer has taken the place. */
async function ifStill(write: Promise<unknown>): Promise<void> {
  try {
    await write
  } catch (error) {
    if (!isMillraceError(error, 'ConditionFailed')) throw error
  }
}
