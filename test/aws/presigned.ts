/** A presigned upload, as the API tells it. */
export interface Presigned {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

export function sendPresigned({ url, headers }: Presigned, body: Uint8Array): Promise<Response> {
  return fetch(url, { method: 'PUT', headers: withoutLength(headers), body: new Uint8Array(body) })
}

/** fetch writes it itself, from the body. */
function withoutLength(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-length'))
}
