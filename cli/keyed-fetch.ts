import type { Send } from './client.ts'

/** `fetch` of requests that carry a key of the platform. */
export function keyedFetch(key: string): Send {
  return (url, { headers = {}, ...request } = {}) =>
    fetch(url, { ...request, headers: { ...headers, authorization: `Bearer ${key}` } })
}
