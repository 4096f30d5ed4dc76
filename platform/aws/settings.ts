import * as z from 'zod'
import { placeNames, type Place } from '../ports/compute.ts'
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
  /** Where trainings can run, the usual place first. @default functions like the one that asks */
  readonly places?: readonly Place[]
}

/** The environment variables that carry the settings to a function. */
export const settingsVariables = {
  bucket: 'MILLRACE_BUCKET',
  table: 'MILLRACE_TABLE',
  queueUrl: 'MILLRACE_QUEUE_URL',
  deadLetterQueueUrl: 'MILLRACE_DEAD_LETTER_QUEUE_URL',
  eventBus: 'MILLRACE_EVENT_BUS',
  stateMachines: 'MILLRACE_STATE_MACHINES',
} as const satisfies Record<Exclude<keyof AwsSettings, 'places'>, string>

/** The variable that carries the places, to those functions that plan by them. */
export const placesVariable = 'MILLRACE_PLACES'

const stateMachines = z.record(z.string(), z.string().startsWith('arn:'))

const places = z
  .array(
    z.object({
      name: z.enum(placeNames),
      memoryBytes: z.number().int().positive(),
      seconds: z.number().int().positive().nullable(),
    }),
  )
  .min(1)

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
  const given = text(placesVariable)
  return {
    bucket: text(settingsVariables.bucket),
    table: text(settingsVariables.table),
    queueUrl: text(settingsVariables.queueUrl),
    deadLetterQueueUrl: text(settingsVariables.deadLetterQueueUrl),
    eventBus: text(settingsVariables.eventBus),
    stateMachines: readStateMachines(text(settingsVariables.stateMachines)),
    ...(given === '' ? {} : { places: readPlaces(given) }),
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

function readPlaces(text: string): Place[] {
  try {
    return places.parse(JSON.parse(text))
  } catch (error) {
    throw invalid(`${placesVariable} is not JSON of places for trainings: ${text}`, error)
  }
}

function invalid(message: string, cause?: unknown): MillraceError {
  return new MillraceError('SettingsInvalid', `${message}: deploy it by TrainingPlatform`, {
    cause,
  })
}
