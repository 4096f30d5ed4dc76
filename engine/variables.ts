import { type Data, dataLimitExceeded, type Json } from './data.ts'
import type { Failure } from './errors.ts'
import type { Execution, Scope } from './execution.ts'
import { limits } from './limits.ts'

/**
 * The failure of an assignment that would bring the variables of an execution over what the service
 * stores, or undefined. That one assignment is within its own limit is seen where it is evaluated.
 */
export function assignmentFault(
  execution: Execution,
  scope: Scope,
  stateName: string,
  assigned: Data,
): Failure | undefined {
  // What was assigned since the last count is counted in full, also where it replaces something.
  const estimate = (estimates.get(execution) ?? Infinity) + Buffer.byteLength(assigned.text)
  if (estimate <= limits.variableBytes) {
    estimates.set(execution, estimate)
    return undefined
  }
  const exact = bytesAfter(execution, scope, assigned.value as Readonly<Record<string, Json>>)
  if (exact > limits.variableBytes) return dataLimitExceeded(stateName)
  estimates.set(execution, exact)
  return undefined
}

/** At least the bytes of the variables of an execution; unknown after it is read from its log. */
const estimates = new WeakMap<Execution, number>()

/** Bytes of all variables that something can still read, once `assigned` is. */
function bytesAfter(
  execution: Execution,
  scope: Scope,
  assigned: Readonly<Record<string, Json>>,
): number {
  let bytes = sizeOf(assigned)
  for (const each of execution.scopes.values()) {
    if (each.status !== 'running') continue
    const kept = Object.entries(each.variables).filter(
      ([name]) => each !== scope || !Object.hasOwn(assigned, name),
    )
    for (const [name, value] of kept) bytes += sizeOf([name, value])
  }
  return bytes
}

function sizeOf(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value))
}
