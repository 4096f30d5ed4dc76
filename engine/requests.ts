import { Data, type Json } from './data.ts'
import { EngineError } from './errors.ts'
import { limits } from './limits.ts'

/** Checks of what requests hold. */

/** White space, brackets, wildcards, special and control characters are not allowed in names. */
const forbidden = /[\s\p{Cc}\p{Cs}<>{}[\]?*"#%\\^|~`$&,;:/]/u

/** Throws InvalidName. */
export function checkName(name: unknown, what: string): string {
  if (typeof name === 'string' && name.length >= 1 && name.length <= limits.nameLength) {
    const found = forbidden.exec(name)?.[0]
    if (found === undefined) return name
    throw new EngineError(
      'InvalidName',
      `Invalid Name: '${name}' has ${JSON.stringify(found)}, which the name of ${what} cannot have`,
    )
  }
  throw new EngineError(
    'InvalidName',
    `Invalid Name: the name of ${what} has 1 to ${limits.nameLength} characters; found ${JSON.stringify(name)}`,
  )
}

/** Throws InvalidExecutionInput. */
export function checkInput(input: unknown): Data {
  if (typeof input !== 'string') {
    throw new EngineError('InvalidExecutionInput', 'Invalid Input: the input is JSON text')
  }
  let data: Data
  try {
    data = new Data(JSON.parse(input) as Json)
    // A value nested too deep for the stack shows here.
    if (data.text.length === 0) throw new SyntaxError('no value')
  } catch (error) {
    throw new EngineError(
      'InvalidExecutionInput',
      `Invalid State Machine Execution Input: ${(error as Error).message}`,
      { cause: error },
    )
  }
  if (data.isTooLarge || Buffer.byteLength(input) > limits.stateDataBytes) {
    throw new EngineError(
      'InvalidExecutionInput',
      `the input has ${Buffer.byteLength(input)} bytes; at most ${limits.stateDataBytes} are taken`,
    )
  }
  return data
}

/** Throws ValidationException. */
export function checkText(value: unknown, name: string, length: number): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && value.length <= length) return value
  throw new EngineError(
    'ValidationException',
    `${name} is text of at most ${length} characters; found ${typeof value}`,
  )
}

/** Throws ValidationException for a value that is given and none of `values`. */
export function checkOneOf(value: unknown, name: string, values: readonly string[]): void {
  if (value === undefined || values.includes(value as string)) return
  throw new EngineError(
    'ValidationException',
    `${name} is one of ${values.join(', ')}; found ${JSON.stringify(value)}`,
  )
}

/** The `maxResults` of a page: 1 to 1000, where 0 and undefined mean 100. */
export function checkPageSize(maxResults: unknown): number {
  if (maxResults === undefined || maxResults === 0) return 100
  if (
    Number.isInteger(maxResults) &&
    (maxResults as number) >= 1 &&
    (maxResults as number) <= 1000
  ) {
    return maxResults as number
  }
  throw new EngineError(
    'ValidationException',
    `maxResults is an integer from 0 to 1000; found ${JSON.stringify(maxResults)}`,
  )
}

/** A token that holds where the next page begins, for one operation. */
export function pageToken(operation: string, position: string | number): string {
  return Buffer.from(JSON.stringify([operation, position])).toString('base64url')
}

/** Throws InvalidToken. */
export function readPageToken(
  operation: string,
  token: string | undefined,
): string | number | undefined {
  if (token === undefined) return undefined
  try {
    const [of, position] = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[]
    if (of === operation && (typeof position === 'string' || typeof position === 'number')) {
      return position
    }
  } catch {
    // Not a token of ours: below.
  }
  throw new EngineError(
    'InvalidToken',
    `Invalid Token: '${token}' is not a page token of this list`,
  )
}

/** An ARN of a state machine or an execution. Throws InvalidArn. */
export function checkArn(arn: unknown, resource: 'stateMachine' | 'execution'): string {
  if (typeof arn === 'string') {
    const parts = arn.split(':')
    if (parts[0] === 'arn' && parts[2] === 'states' && parts[5] === resource) return arn
    if (parts[0] === 'arn' && parts[2] === 'states' && parts[5] !== undefined) {
      throw new EngineError(
        'InvalidArn',
        `Invalid Arn: 'Resource type not valid in this context: ${parts[5]}'`,
      )
    }
  }
  throw new EngineError(
    'InvalidArn',
    `Invalid Arn: expected arn:aws:states:…:${resource}:…; found ${JSON.stringify(arn)}`,
  )
}
