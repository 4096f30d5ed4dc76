import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { createApi } from '../../api/app.ts'
import { docsFile } from '../../platform/local/docs-files.ts'
import { memoryPorts } from '../../platform/testing/index.ts'

const api = createApi(memoryPorts(), { docs: docsFile })
const get = (path: string) => api.fetch(new Request(`http://localhost${path}`))

it('the page loads its own files alone, from where it is', async () => {
  const response = await get('/docs')
  expect(response.headers.get('content-type')).toMatch(/^text\/html/)
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
  const page = await response.text()
  const links = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link]) => link!)
  expect(links).toContain('docs/swagger-ui-bundle.js')
  for (const link of links.filter((link) => link !== 'data:,')) {
    expect((await get(`/${link}`)).status).toBe(200)
  }
})

it.each([
  ['swagger-ui-bundle.js', 'text/javascript', 'SwaggerUIBundle'],
  ['swagger-ui.css', 'text/css', '.swagger-ui'],
])('%s is served compressed', async (name, type, content) => {
  const response = await get(`/docs/${name}`)
  expect(response.headers.get('content-encoding')).toBe('gzip')
  expect(response.headers.get('content-type')).toContain(type)
  const text = gunzipSync(await response.arrayBuffer()).toString()
  expect(text).toContain(content)
})

it('there is no page where none is asked for', async () => {
  const other = createApi(memoryPorts())
  expect((await other.fetch(new Request('http://localhost/docs'))).status).toBe(404)
})
