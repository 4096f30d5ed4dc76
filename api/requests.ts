import type { ZodError } from 'zod'
import * as z from 'zod'
import { MillraceError } from '../platform/ports/index.ts'
import { modelPattern } from '../tasks/names.ts'
import { maxJsonNesting, repeatedName, surveyed } from './json-names.ts'
import type { FieldFault } from './problem.ts'

/** What a body of rows may have, in bytes: what a Lambda function can be sent. */
export const maxBodyBytes = 6 * 1024 * 1024

/** Fields that one refusal names. */
export const maxFaults = 20

/** A dataset or a model as a body names it, read by parseModel. */
export const modelText = z.string().max(129).meta({ pattern: modelPattern })

/** Of the integers in requests: a larger one may be taken for its neighbour. */
export const largestCount = Number.MAX_SAFE_INTEGER

/** A version in a body. */
export const versionNumber = z.number().int().min(0).max(largestCount)

/** A version as it stands in a URL: digits alone, which the OpenAPI document tells as the integer. */
export const versionText = z
  .string()
  .regex(/^\d{1,15}$/, 'a version is an integer from 0')
  .meta({ type: 'integer', minimum: 0, maximum: 999_999_999_999_999, pattern: undefined })
  .transform(Number)

const cursorText = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,8192}$/, 'a cursor is 1 to 8192 letters, digits, "_" or "-"')
  .describe('where the page before ended, as its answer tells it')

/** A page of a list. */
export const pageQuery = z.object({
  cursor: cursorText.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
})

/** The validated part of a request, or RequestInvalid that names each field. */
export function parsed<Output>(schema: z.ZodType<Output>, value: unknown): Output {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw requestInvalid(faultsOf(result.error))
}

function faultsOf(error: ZodError): FieldFault[] {
  return error.issues.slice(0, maxFaults).map((issue) => ({
    field: issue.path.map(String).join('.') || 'body',
    message: issue.message,
  }))
}

/** RequestInvalid that names each field. */
export function requestInvalid(errors: readonly FieldFault[]): MillraceError {
  const first = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return new MillraceError('RequestInvalid', first, { details: { errors } })
}

/**
 * Bodies come as they are: what is small on its way and large when unpacked never is. Throws
 * MediaTypeUnsupported.
 */
export function refuseEncoded(encoding: string | undefined): void {
  if (encoding === undefined || /^(identity)?$/i.test(encoding.trim())) return
  throw new MillraceError(
    'MediaTypeUnsupported',
    `send the body as it is, without content-encoding: ${encoding.slice(0, 100)}`,
    { details: { headers: { 'accept-encoding': 'identity' } } },
  )
}

/** A JSON body. Throws MediaTypeUnsupported, BodyTooLarge, RequestInvalid. */
export async function readJson(request: Request): Promise<unknown> {
  return parseJson(request.headers.get('content-type') ?? undefined, await readBody(request))
}

/**
 * Text as the JSON that its type says it is, of bounded depth, without a name that stands twice in one
 * object. Throws MediaTypeUnsupported, RequestInvalid.
 */
export function parseJson(contentType: string | undefined, text: string): unknown {
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? '')) {
    throw new MillraceError(
      'MediaTypeUnsupported',
      `send the body as content-type: application/json; found "${contentType ?? ''}"`,
    )
  }
  const survey = surveyed(text)
  if (survey.isTooDeep) {
    const message = `JSON nests at most ${maxJsonNesting} arrays and objects here`
    throw requestInvalid([{ field: 'body', message }])
  }
  const value = jsonOf(text)
  const repeated = repeatedName(text, value, survey)
  if (repeated === undefined) return value
  const message = 'this name stands twice in one object'
  throw requestInvalid([{ field: repeated.slice(0, 100), message }])
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new MillraceError('RequestInvalid', `the body is not JSON: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/**
 * The text of a body of at most `maxBodyBytes`: what declares more is refused unread, what turns out
 * to be more is not read on. Throws BodyTooLarge, MediaTypeUnsupported.
 */
export async function readBody(request: Request): Promise<string> {
  refuseEncoded(request.headers.get('content-encoding') ?? undefined)
  if (Number(request.headers.get('content-length')) > maxBodyBytes) throw bodyTooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > maxBodyBytes) throw bodyTooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

export function bodyTooLarge(): MillraceError {
  return new MillraceError('BodyTooLarge', `a body has at most ${maxBodyBytes} bytes`)
}
