import { randomUUID } from 'node:crypto'

/** Where the task of a token is; the token says it, so that it outlives the process. */
export interface TokenPlace {
  /** The execution's key in the database. */
  readonly execution: number
  readonly scope: number
}

/** A new token, which no one can guess, for one attempt of a task. */
export function newTaskToken({ execution, scope }: TokenPlace): string {
  return Buffer.from(`${execution}.${scope}.${randomUUID()}`).toString('base64url')
}

/** Undefined for a text that is no token of ours. */
export function placeOfToken(token: string): TokenPlace | undefined {
  const parts = partsOf(token)
  return parts && { execution: Number(parts[0]), scope: Number(parts[1]) }
}

/** The part of a token that is random: a name for what the attempt makes but once. */
export function nonceOfToken(token: string): string | undefined {
  return partsOf(token)?.[2]
}

function partsOf(token: string): [string, string, string] | undefined {
  const text = Buffer.from(token, 'base64url').toString('latin1')
  const match = /^(\d{1,15})\.(\d{1,15})\.([0-9a-f-]{36})$/.exec(text)
  return match === null ? undefined : (match.slice(1) as [string, string, string])
}
