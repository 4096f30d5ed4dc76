import type * as api from './api-types.ts'
import { isObject } from './data.ts'
import { EngineError } from './errors.ts'

/**
 * What a state machine has beside its definition and role. The engine keeps it and tells it again;
 * nothing is logged, traced or encrypted by it.
 */
export interface Settings {
  readonly loggingConfiguration?: api.LoggingConfiguration
  readonly tracingConfiguration?: api.TracingConfiguration
  readonly encryptionConfiguration?: api.EncryptionConfiguration
  readonly tags?: readonly api.Tag[]
}

type SettingsInput = Pick<
  api.CreateStateMachineInput,
  'loggingConfiguration' | 'tracingConfiguration' | 'encryptionConfiguration' | 'tags'
>

/** Throws ValidationException, TooManyTags. */
export function readSettings(input: SettingsInput): Settings {
  const { loggingConfiguration, tracingConfiguration, encryptionConfiguration, tags } = input
  return {
    ...(loggingConfiguration === undefined
      ? {}
      : { loggingConfiguration: readLogging(loggingConfiguration) }),
    ...(tracingConfiguration === undefined
      ? {}
      : { tracingConfiguration: { enabled: tracingConfiguration.enabled === true } }),
    ...(encryptionConfiguration === undefined
      ? {}
      : { encryptionConfiguration: readEncryption(encryptionConfiguration) }),
    ...(tags === undefined ? {} : { tags: readTags(tags) }),
  }
}

/** As DescribeStateMachine tells them. */
export function shownSettings(settings: Settings) {
  return {
    loggingConfiguration: settings.loggingConfiguration ?? {
      level: 'OFF' as const,
      includeExecutionData: false,
    },
    tracingConfiguration: settings.tracingConfiguration ?? { enabled: false },
    encryptionConfiguration: settings.encryptionConfiguration ?? { type: 'AWS_OWNED_KEY' as const },
  }
}

/** Those of `tags` and of `added`, which replace those of the same key. Throws TooManyTags. */
export function withTags(tags: readonly api.Tag[], added: unknown): api.Tag[] {
  const merged = new Map(tags.map((tag) => [tag.key, tag]))
  for (const tag of readTags(added)) merged.set(tag.key, tag)
  return checkTagCount([...merged.values()])
}

const maximumTags = 50

function readTags(tags: unknown): api.Tag[] {
  if (!Array.isArray(tags)) throw invalid('tags', 'a list', tags)
  return checkTagCount((tags as unknown[]).map(readTag))
}

function readTag(tag: unknown): api.Tag {
  const { key, value = '' } = isObject(tag) ? tag : {}
  if (typeof key !== 'string' || key.length < 1 || key.length > 128) {
    throw invalid('tags', 'keys of 1 to 128 characters', key)
  }
  if (typeof value !== 'string' || value.length > 256) {
    throw invalid('tags', 'values of at most 256 characters', value)
  }
  return { key, value }
}

function checkTagCount(tags: api.Tag[]): api.Tag[] {
  if (tags.length <= maximumTags) return tags
  throw new EngineError('TooManyTags', `a resource has at most ${maximumTags} tags`)
}

const levels = ['ALL', 'ERROR', 'FATAL', 'OFF']

function readLogging(logging: unknown): api.LoggingConfiguration {
  const { level = 'OFF', includeExecutionData = false, destinations } = fieldsOf(logging)
  if (!levels.includes(level as string)) {
    throw invalid('loggingConfiguration.level', `one of ${levels.join(', ')}`, level)
  }
  return {
    level: level as NonNullable<api.LoggingConfiguration['level']>,
    includeExecutionData: includeExecutionData === true,
    ...(destinations === undefined ? {} : { destinations: readDestinations(destinations) }),
  }
}

function readDestinations(destinations: unknown): api.LogDestination[] {
  if (!Array.isArray(destinations) || destinations.length > 1) {
    throw invalid('loggingConfiguration.destinations', 'at most one destination', destinations)
  }
  return (destinations as unknown[]).map((destination) => {
    const { logGroupArn } = fieldsOf(fieldsOf(destination)['cloudWatchLogsLogGroup'])
    if (typeof logGroupArn !== 'string' || logGroupArn.length > 256) {
      throw invalid('loggingConfiguration.destinations', 'the ARN of a log group', logGroupArn)
    }
    return { cloudWatchLogsLogGroup: { logGroupArn } }
  })
}

function readEncryption(encryption: unknown): api.EncryptionConfiguration {
  const { type } = fieldsOf(encryption)
  if (type === 'AWS_OWNED_KEY') return { type }
  throw invalid(
    'encryptionConfiguration.type',
    'AWS_OWNED_KEY (this engine encrypts nothing)',
    type,
  )
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {}
}

function invalid(name: string, expected: string, found: unknown): EngineError {
  const shown = (JSON.stringify(found) as string | undefined)?.slice(0, 100) ?? 'nothing'
  return new EngineError('ValidationException', `${name}: expected ${expected}; found ${shown}`)
}
