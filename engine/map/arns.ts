import { createHash } from 'node:crypto'
import type { ExecutionIdentity } from '../execution.ts'

/**
 * Names of a map run and of its child executions: `mapRun:machine/label:id`,
 * `stateMachine:machine/label`, `execution:machine/label:name`.
 */
export function mapRunArnOf(execution: ExecutionIdentity, label: string, id: string): string {
  const [partition, region, account] = originOf(execution)
  const machine = baseName(execution.stateMachineName)
  return `arn:${partition}:states:${region}:${account}:mapRun:${machine}/${label}:${id}`
}

/** The state machine that child executions are shown to be of. */
export function childStateMachineOf(
  execution: ExecutionIdentity,
  label: string,
): { readonly arn: string; readonly name: string } {
  const [partition, region, account] = originOf(execution)
  const name = `${baseName(execution.stateMachineName)}/${label}`
  return { arn: `arn:${partition}:states:${region}:${account}:stateMachine:${name}`, name }
}

export function childArnOf(
  stateMachineArn: string,
  name: string,
  type: 'STANDARD' | 'EXPRESS',
): string {
  const kind = type === 'EXPRESS' ? 'express' : 'execution'
  const suffix = type === 'EXPRESS' ? `:${uuidOf(`${stateMachineArn} ${name}`)}` : ''
  return `${stateMachineArn.replace(':stateMachine:', `:${kind}:`)}:${name}${suffix}`
}

/** The last part of a map run's ARN. */
export function mapRunIdOf(mapRunArn: string): string {
  return mapRunArn.slice(mapRunArn.lastIndexOf(':') + 1)
}

/** The label of a Map that has none: always the same one for the same state. */
export function labelOf(stateName: string): string {
  return uuidOf(stateName)
}

/**
 * The name of the child execution that begins with the item `index`: it follows from the map run, so
 * that those that never started have names, too.
 */
export function childNameOf(mapRunArn: string, index: number): string {
  return uuidOf(`${mapRunArn} ${index}`)
}

function originOf({ arn }: ExecutionIdentity): [string, string, string] {
  const [, partition = '', , region = '', account = ''] = arn.split(':')
  return [partition, region, account]
}

/** A Map in a child execution has the name of the state machine, not that of the Map around it. */
function baseName(stateMachineName: string): string {
  return stateMachineName.split('/', 1)[0]!
}

function uuidOf(text: string): string {
  const digest = createHash('sha256').update(text).digest('hex')
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
}
