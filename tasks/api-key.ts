import { randomBytes, timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import { sha256 } from './digest.ts'

/** The id that stands in the key of the operator, of which the table knows nothing. */
export const operatorKeyId = 'operator'

/** The public part of a user's key. */
export const keyIdSchema = z
  .string()
  .regex(/^[0-9a-f]{16}$/, 'the id of a key is 16 digits and letters from "a" to "f"')

/** A key in its two parts: what names it, and what proves it. */
export interface ApiKey {
  readonly id: string
  /** 256 random bits, in Base64 for URLs. */
  readonly secret: string
}

const keyForm = /^mr_([0-9a-f]{16}|operator)_([A-Za-z0-9_-]{43})$/

export function newApiKey(id = randomBytes(8).toString('hex')): ApiKey {
  return { id, secret: randomBytes(32).toString('base64url') }
}

/** A key as its holder sends it: `mr_<id>_<secret>`. */
export function formatApiKey({ id, secret }: ApiKey): string {
  return `mr_${id}_${secret}`
}

/** Undefined for what is no key. */
export function parseApiKey(text: string): ApiKey | undefined {
  const [, id, secret] = keyForm.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

/**
 * What is kept of a secret. A plain hash is enough: nobody guesses 256 random bits, however fast the
 * hash.
 */
export function digestOfSecret(secret: string): string {
  return sha256(secret)
}

/** Compares in constant time; nothing matches what is no digest. */
export function matchesDigest(secret: string, digest: string): boolean {
  const expected = Buffer.from(digest, 'hex')
  const actual = Buffer.from(digestOfSecret(secret), 'hex')
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}
