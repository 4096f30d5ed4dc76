/**
 * Where the HTTP API of a stack is reached. An emulator says `<id>.execute-api.localhost`, which many
 * resolvers do not know; it answers the same below a path of its own address.
 */
export function reachableApiUrl(apiUrl: string, endpoint: string | undefined): string {
  if (endpoint === undefined) return apiUrl
  const [, id] = /^([a-z0-9]+)\.execute-api\./.exec(new URL(apiUrl).hostname) ?? []
  return id === undefined ? apiUrl : `${endpoint}/_aws/execute-api/${id}/$default/`
}
