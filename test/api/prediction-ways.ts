import { expect } from 'vitest'
import type { Admission } from '../../api/admission.ts'
import type { Api } from '../../api/app.ts'
import { MillraceError } from '../../platform/ports/index.ts'
import type { Caller } from '../../tasks/caller.ts'

export const flower = [6.5, 2.8, 4.6, 1.5]
export const iris = '/models/ada/iris/predictions'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Record<string, unknown>
}

export type Way = (
  api: Api,
  path: string,
  body: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>

const textOf = (body: unknown) => (typeof body === 'string' ? body : JSON.stringify(body))
export const json = { 'content-type': 'application/json' }

/** By the routes. */
export const byFetch: Way = async (api, path, body, headers = {}) => {
  const init = { method: 'POST', headers: { ...json, ...headers }, body: textOf(body) }
  const response = await api.fetch(new Request(`http://localhost${path}`, init))
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: (await response.json()) as Answer['body'],
  }
}

/** By the short way, which servers take. */
export const byShortWay: Way = async (api, path, body, headers = {}) => {
  const request = {
    method: 'POST',
    path,
    headers: { ...json, ...headers },
    body: () => textOf(body),
  }
  expect(api.shortWay.takes(request)).toBe(true)
  const answer = await api.shortWay.answer(request)
  return { ...answer, body: JSON.parse(answer.body) as Answer['body'] }
}

export const read = async (api: Api, path: string) => {
  const response = await api.fetch(new Request(`http://localhost${path}`))
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

/** Keys that are the names of their users and roles. */
export const named: Admission = {
  admit({ apiKey }) {
    const [user, role] = (apiKey ?? '').split(':') as [string, Caller['role']]
    if (role === undefined) throw new MillraceError('Unauthenticated', 'no key')
    return { user, role, keyId: `key of ${user}` }
  },
}
