import type { ZodError } from 'zod'
import * as z from 'zod'
import { MillraceError } from '../platform/ports/index.ts'
import { nameSchema } from '../tasks/names.ts'
import type { FieldFault } from './problem.ts'

/** What a body of rows may have, in bytes: what a Lambda function can be sent. */
export const maxBodyBytes = 6 * 1024 * 1024

/** Fields that one refusal names. */
export const maxFaults = 20

export const modelParams = z.object({ user: nameSchema, dataset: nameSchema })

/** A version as it stands in a URL: digits alone. */
export const versionText = z
  .string()
  .regex(/^\d{1,15}$/, 'a version is an integer from 0')
  .transform(Number)

/** A page of a list. */
export const pageQuery = z.object({
  cursor: z.string().max(8192).optional(),
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

/** A JSON body. Throws MediaTypeUnsupported, BodyTooLarge, RequestInvalid. */
export async function readJson(request: Request): Promise<unknown> {
  return parseJson(request.headers.get('content-type') ?? undefined, await readBody(request))
}

/** Text as the JSON that its type says it is. Throws MediaTypeUnsupported, RequestInvalid. */
export function parseJson(contentType: string | undefined, text: string): unknown {
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? '')) {
    throw new MillraceError(
      'MediaTypeUnsupported',
      `send the body as content-type: application/json; found "${contentType ?? ''}"`,
    )
  }
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
 * to be more is not read on. Throws BodyTooLarge.
 */
export async function readBody(request: Request): Promise<string> {
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
