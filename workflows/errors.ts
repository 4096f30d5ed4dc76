/** A definition and its tasks that do not fit together; the message lists every fault. */
export class WorkflowError extends Error {
  override readonly name = 'WorkflowInvalid'
  readonly faults: readonly string[]

  constructor(workflow: string, faults: readonly string[]) {
    super(`workflow "${workflow}": ${faults.join('; ')}`)
    this.faults = faults
  }
}
