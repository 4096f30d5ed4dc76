import type { Clock, Json, PageOptions, Table } from '../platform/ports/index.ts'
import { defaultUser } from './names.ts'
import { attempt } from './table-items.ts'

/**
 * Whose an execution is. Its input says so: it is about an object of a user's dataset, or names a model.
 * Executions of other workflows are nobody's: the operator alone sees them.
 */
export function ownerOfExecution(input: Json): string | undefined {
  const { detail, model } = (input ?? {}) as { detail?: Record<string, Json>; model?: Json }
  const named = ownerOfName(model ?? detail?.['model'])
  if (named !== undefined) return named
  const key = (detail?.['object'] as { key?: Json } | undefined)?.key
  return typeof key === 'string' ? ownerOfKey(key) : undefined
}

/** `uploads/<user>/…` and `datasets/<user>/…`; what is right under `uploads/` is the default user's. */
function ownerOfKey(key: string): string | undefined {
  const [, first, rest] = /^(?:uploads|datasets)\/([^/]+)(\/.+)?$/.exec(key) ?? []
  return rest === undefined && first !== undefined ? defaultUser : first
}

function ownerOfName(model: Json | undefined): string | undefined {
  if (typeof model === 'string') return model.split('/')[0]
  const { user } = (model ?? {}) as { user?: Json }
  return typeof user === 'string' ? user : undefined
}

/** Where an execution stands in the list of its user. */
export interface ListedExecution {
  readonly workflow: string
  readonly name: string
}

/**
 * Notes an execution in its user's list. Done by its first task, and by what asks for it, so that a
 * list of one user reads no one else's. Idempotent.
 */
export async function listExecution(
  table: Table,
  clock: Clock,
  user: string,
  { workflow, name }: ListedExecution,
): Promise<void> {
  const pk = `executions#${user}`
  const at = new Date(clock.now()).toISOString()
  await attempt(
    table.transact([
      { put: { pk, sk: `name#${workflow}#${name}`, at }, if: 'absent' },
      { put: { pk, sk: `at#${at}#${workflow}#${name}`, workflow, name } },
    ]),
  )
}

/** Executions of a user, the newest first. Throws CursorInvalid. */
export async function executionsOf(
  table: Table,
  user: string,
  { cursor, limit }: PageOptions,
): Promise<{ executions: ListedExecution[]; cursor?: string }> {
  const asked = { prefix: 'at#', descending: true, cursor, limit }
  const found = await table.query(`executions#${user}`, asked)
  return {
    executions: found.items.map(({ workflow, name }) => ({
      workflow: workflow as string,
      name: name as string,
    })),
    cursor: found.cursor,
  }
}
