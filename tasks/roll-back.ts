import { millraceEvent } from '../events/index.ts'
import { isMillraceError, type Ports } from '../platform/ports/index.ts'
import { formatModel } from './names.ts'
import { createRegistry } from './registry.ts'
import type { RetrainingRun, WatchedPromotion } from './retraining-shapes.ts'

type RollBackPorts = Pick<Ports, 'table' | 'clock' | 'bus'>

/**
 * Makes the former champion champion again, if the champion is still the version that was promoted, and
 * tells so. Done again it tells again. Answers whether the former one is champion by this retraining.
 */
export async function rollBack(
  { table, clock, bus }: RollBackPorts,
  run: RetrainingRun,
  promotion: WatchedPromotion,
  reason: string,
): Promise<boolean> {
  const { model, execution } = run
  const registry = createRegistry(table, clock)
  if (!(await isRolledBack({ table, clock }, run, promotion))) {
    const alias = await registry.alias(model, 'champion')
    if (alias?.version !== promotion.version) return false
    try {
      await registry.moveAlias({
        model,
        alias: 'champion',
        version: promotion.previous,
        ifRevision: alias.revision,
        movedBy: execution,
        reason,
      })
    } catch (error) {
      // Somebody else moved it at this moment, or the model went: theirs holds.
      const isTheirs = ['AliasChanged', 'ModelNotFound', 'ModelDeleted'] as const
      if (isTheirs.some((name) => isMillraceError(error, name))) return false
      throw error
    }
  }
  await bus.publish([
    millraceEvent('Model Promoted', {
      model: formatModel(model),
      version: promotion.previous,
      previousVersion: promotion.version,
      movedBy: execution,
      reason,
    }),
  ])
  return true
}

/** Whether this retraining has taken its promotion back already. */
export async function isRolledBack(
  { table, clock }: Pick<RollBackPorts, 'table' | 'clock'>,
  { model, execution }: RetrainingRun,
  { previous }: WatchedPromotion,
): Promise<boolean> {
  const alias = await createRegistry(table, clock).alias(model, 'champion')
  return alias?.version === previous && alias.movedBy === execution
}
