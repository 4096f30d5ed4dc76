import { errorNames } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Fields } from './fields.ts'
import { constantTemplate, type Template } from '../template.ts'
import type { Catcher, Continuation, Handling, Retrier, StateBase } from './states.ts'

/** Reads Retry and Catch. */
export function readHandling(fields: Fields): Handling {
  const retriers = fields.objects('Retry')
  const catchers = fields.objects('Catch')
  return {
    retry: retriers.map((retrier, i) => readRetrier(retrier, i === retriers.length - 1)),
    catch: catchers.map((catcher, i) => readCatcher(catcher, i, i === catchers.length - 1)),
  }
}

/** Reads what every state has. */
export function readBase(fields: Fields, name: string): StateBase {
  const { language } = fields
  const inputPath = language === 'JSONPath' ? readNullablePath(fields, 'InputPath') : undefined
  return { name, language, inputPath }
}

/**
 * Reads what becomes of a state's result, and either Next or End.
 *
 * @param has which fields of JSONPath the state type has beside OutputPath
 */
export function readContinuation(
  fields: Fields,
  has: { resultPath?: boolean; resultSelector?: boolean } = {
    resultPath: true,
    resultSelector: true,
  },
): Continuation {
  return { ...readOutput(fields, has), assign: fields.assign(), next: readNext(fields) }
}

/** Reads what becomes of a state's result. */
export function readOutput(
  fields: Fields,
  has: { resultPath?: boolean; resultSelector?: boolean } = {},
): Pick<Continuation, 'output' | 'resultSelector' | 'resultPath' | 'outputPath'> {
  if (fields.language === 'JSONata') return { output: fields.template('Output') }
  return {
    output: undefined,
    resultSelector: has.resultSelector === true ? fields.template('ResultSelector') : undefined,
    resultPath: has.resultPath === true ? fields.referencePath('ResultPath') : undefined,
    outputPath: readNullablePath(fields, 'OutputPath'),
  }
}

/** InputPath and OutputPath, where null stands for `{}`. */
function readNullablePath(fields: Fields, name: string): Template | undefined {
  return fields.raw(name) === null ? constantTemplate({}, name) : fields.path(name)
}

function readNext(fields: Fields): string | undefined {
  const next = fields.string('Next')
  const end = fields.raw('End')
  if (end !== undefined && typeof end !== 'boolean') {
    fields.fault('Expected value of type Boolean', 'End')
  }
  if (fields.has('Next') && end === true) {
    fields.fault(`Only one of the fields 'Next' and 'End' can be set`)
  } else if (!fields.has('Next') && end !== true) {
    fields.fault(`One of the fields 'Next' and 'End' is required`)
  }
  return next
}

function readRetrier(fields: Fields, isLast: boolean): Retrier {
  const errorEquals = readErrorEquals(fields, isLast)
  const seconds = { min: 1, max: limits.seconds }
  const intervalSeconds = fields.number('IntervalSeconds', seconds) ?? 1
  const maxAttempts = fields.number('MaxAttempts', { min: 0, max: limits.seconds }) ?? 3
  const backoffRate = fields.number('BackoffRate', { min: 1, max: Infinity, integer: false }) ?? 2
  const maxDelaySeconds = fields.number('MaxDelaySeconds', { min: 1, max: 31_622_400 })
  if (maxDelaySeconds !== undefined && maxDelaySeconds <= intervalSeconds) {
    fields.fault(`'MaxDelaySeconds' must be more than 'IntervalSeconds'`, 'MaxDelaySeconds')
  }
  const jitter = fields.string('JitterStrategy') ?? 'NONE'
  if (jitter !== 'FULL' && jitter !== 'NONE') {
    fields.fault(`Expected FULL or NONE, found '${jitter}'`, 'JitterStrategy')
  }
  fields.string('Comment')
  fields.close()
  return {
    errorEquals,
    intervalSeconds,
    maxAttempts,
    backoffRate,
    maxDelaySeconds,
    jitterStrategy: jitter === 'FULL' ? 'FULL' : 'NONE',
  }
}

function readCatcher(fields: Fields, index: number, isLast: boolean): Catcher {
  const errorEquals = readErrorEquals(fields, isLast)
  const next = fields.requiredString('Next')
  const isJsonata = fields.language === 'JSONata'
  const output = isJsonata ? fields.template('Output', `Catch[${index}]/Output`) : undefined
  const resultPath = isJsonata ? undefined : fields.referencePath('ResultPath')
  const assign = fields.assign(`Catch[${index}]/Assign`)
  fields.string('Comment')
  fields.close()
  return { errorEquals, next, output, resultPath, assign }
}

const reserved = new Set<string>([
  ...Object.values(errorNames),
  'States.BranchFailed',
  'States.IntrinsicFailure',
  'States.ItemReaderFailed',
  'States.ParameterPathFailure',
  'States.Permissions',
  'States.ResultPathMatchFailure',
  'States.ResultWriterFailed',
  'States.Http.Socket',
])

function readErrorEquals(fields: Fields, isLast: boolean): string[] {
  fields.required('ErrorEquals')
  const value = fields.raw('ErrorEquals')
  if (value === undefined) return []
  if (!Array.isArray(value) || value.some((name) => typeof name !== 'string')) {
    fields.fault('Expected an array of error names', 'ErrorEquals')
    return []
  }
  const names = value as readonly string[]
  if (names.length === 0) fields.fault('Expected at least 1 error name', 'ErrorEquals')
  for (const name of names) {
    if (name.startsWith('States.') && !reserved.has(name)) {
      fields.fault(`'${name}' is not an error name of the language`, 'ErrorEquals')
    }
  }
  if (names.includes(errorNames.all) && (names.length > 1 || !isLast)) {
    fields.fault(`'${errorNames.all}' must stand alone, in the last element`, 'ErrorEquals')
  }
  return [...names]
}
