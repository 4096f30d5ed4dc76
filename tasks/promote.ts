import * as z from 'zod'
import { createRegistry } from './registry.ts'
import { gateDecision, trainingClaim } from './shapes.ts'
import { defineTask } from './task.ts'

/** Makes the version champion when the gate let it pass, and it is still the right one to be so. */
export const promote = defineTask({
  name: 'Promote',
  input: z.object({
    claim: trainingClaim,
    version: z.number().int().nonnegative(),
    decision: gateDecision,
  }),
  output: z.object({
    outcome: z.enum(['promoted', 'kept', 'superseded', 'champion-moved']),
    /** The version that answers predictions now; null when none does. */
    champion: z.number().int().nullable(),
    previous: z.number().int().nullable(),
    reason: z.string(),
  }),
  async run({ claim, version, decision }, { table, clock }) {
    const registry = createRegistry(table, clock)
    await registry.annotate(claim.model, version, 'decision', decision)
    if (!decision.promote) {
      await registry.challenge(claim.model, version, claim.execution)
      return {
        outcome: 'kept' as const,
        champion: decision.championVersion,
        previous: null,
        reason: decision.reason,
      }
    }
    const result = await registry.promote({
      model: claim.model,
      version,
      championSeen: decision.championVersion,
      execution: claim.execution,
      reason: decision.reason,
    })
    switch (result.outcome) {
      case 'promoted':
        return {
          outcome: result.outcome,
          champion: version,
          previous: result.previous,
          reason: decision.reason,
        }
      case 'superseded':
        return {
          outcome: result.outcome,
          champion: result.champion,
          previous: null,
          reason: `version ${result.champion} was promoted from a newer upload`,
        }
      case 'champion-moved':
        return {
          outcome: result.outcome,
          champion: result.champion,
          previous: null,
          reason: 'the champion is another than the one that the gate compared with',
        }
      default:
        return result satisfies never
    }
  },
})
