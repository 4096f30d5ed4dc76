import * as z from 'zod'
import { MillraceError } from '../ports/errors.ts'

/** Where a deployed platform keeps what the ports stand for. */
export interface AwsSettings {
  readonly bucket: string
  readonly table: string
  readonly queueUrl: string
  readonly deadLetterQueueUrl: string
  /** Name or ARN of the event bus. */
  readonly eventBus: string
  /** State machine ARNs by the names of their workflows. */
  readonly stateMachines: Readonly<Record<string, string>>
}

/** The environment variables that carry the settings to a function. */
export const settingsVariables = {
  bucket: 'MILLRACE_BUCKET',
  table: 'MILLRACE_TABLE',
  queueUrl: 'MILLRACE_QUEUE_URL',
  deadLetterQueueUrl: 'MILLRACE_DEAD_LETTER_QUEUE_URL',
  eventBus: 'MILLRACE_EVENT_BUS',
  stateMachines: 'MILLRACE_STATE_MACHINES',
} as const satisfies Record<keyof AwsSettings, string>

const stateMachines = z.record(z.string(), z.string().startsWith('arn:'))

/**
 * The settings as `TrainingPlatform` puts them into the environment of its functions.
 *
 * @throws MillraceError SettingsInvalid, naming each variable that is missing or wrong.
 */
export function settingsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): AwsSettings {
  const text = (name: string) => environment[name] ?? ''
  const missing = Object.values(settingsVariables).filter((name) => text(name) === '')
  if (missing.length > 0) {
    throw invalid(`${missing.join(', ')} missing from the environment of this function`)
  }
  return {
    bucket: text(settingsVariables.bucket),
    table: text(settingsVariables.table),
    queueUrl: text(settingsVariables.queueUrl),
    deadLetterQueueUrl: text(settingsVariables.deadLetterQueueUrl),
    eventBus: text(settingsVariables.eventBus),
    stateMachines: readStateMachines(text(settingsVariables.stateMachines)),
  }
}

function readStateMachines(text: string): Record<string, string> {
  try {
    return stateMachines.parse(JSON.parse(text))
  } catch (error) {
    throw invalid(
      `${settingsVariables.stateMachines} is not JSON of workflow names and ARNs: ${text}`,
      error,
    )
  }
}

function invalid(message: string, cause?: unknown): MillraceError {
  return new MillraceError('SettingsInvalid', `${message}: deploy it by TrainingPlatform`, {
    cause,
  })
}
