import { MillraceError, type ErrorName } from '../ports/errors.ts'

/** What the errors of the SDK have in common, as far as it concerns us. */
interface ServiceError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
}

const refusals: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
  'CredentialsProviderError',
])

/**
 * Waits for a call of the SDK and answers its error as one of the ports': by `names` (the SDK's name
 * to ours), AccessRefused for what a role or credentials may not do, StorageFailed for all else, each
 * with its cause. `what` says what was tried: "writing the object a/b".
 */
export async function asked<Answer>(
  what: string,
  call: Promise<Answer>,
  names: Readonly<Record<string, ErrorName>> = {},
): Promise<Answer> {
  try {
    return await call
  } catch (error) {
    throw portError(what, error, names)
  }
}

export function portError(
  what: string,
  error: unknown,
  names: Readonly<Record<string, ErrorName>> = {},
): MillraceError {
  if (error instanceof MillraceError) return error
  const { name, message, $metadata } = error as ServiceError
  const request = $metadata?.requestId === undefined ? '' : ` (request ${$metadata.requestId})`
  const known = Object.hasOwn(names, name) ? names[name] : undefined
  const isRefused = refusals.has(name) || $metadata?.httpStatusCode === 403
  return new MillraceError(
    known ?? (isRefused ? 'AccessRefused' : 'StorageFailed'),
    `${what}: ${name}: ${message}${request}`,
    { cause: error },
  )
}
