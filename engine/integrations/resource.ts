/** How a task of a service integration ends. */
export type IntegrationPattern = '.sync' | '.sync:2' | '.waitForTaskToken'

/**
 * The Resource of a Task: `arn:aws:states:::sqs:sendMessage.waitForTaskToken` is the action
 * `sendMessage` of `sqs`, which ends by its task token.
 */
export interface Resource {
  /** `sqs`, `aws-sdk:sfn`. */
  readonly service: string
  readonly action: string
  /** Absent: the task ends with the service's answer. */
  readonly pattern: IntegrationPattern | undefined
}

const integration =
  /^arn:[a-z-]+:states:[^:]*:[^:]*:((?:aws-sdk:)?[^:]+):([^:.]+)(\.sync|\.sync:2|\.waitForTaskToken)?$/

export function parseResource(arn: string): Resource {
  const match = integration.exec(arn)
  if (match === null) {
    const parts = arn.split(':')
    return { service: parts.slice(5, -1).join(':'), action: parts.at(-1)!, pattern: undefined }
  }
  const [, service, action, pattern] = match as unknown as [string, string, string, string?]
  return { service, action, pattern: pattern as IntegrationPattern | undefined }
}

export function patternOf(arn: string): IntegrationPattern | undefined {
  return parseResource(arn).pattern
}

/** Whether the task has a token: its Context object has `Task.Token`. */
export function hasTaskToken(arn: string): boolean {
  return patternOf(arn) !== undefined
}
