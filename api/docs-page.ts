import type { ApiApp } from './route.ts'

/** Gives the files of Swagger UI, as `dist/docs-page` has them; undefined for none of these. */
export type DocsFiles = (name: DocsFile) => Promise<Uint8Array<ArrayBuffer>>

export const docsFiles = ['swagger-ui.css', 'swagger-ui-bundle.js'] as const
export type DocsFile = (typeof docsFiles)[number]

/** Nothing from another address, and no script that is not one of these files. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'public, max-age=300',
}

/**
 * `/docs`: a page that describes the API and tries it, from `/openapi.json`. Its links are relative,
 * so that it works below a stage of API Gateway too.
 */
export function docsPage(app: ApiApp, files: DocsFiles): void {
  app.get('/docs', (context) => context.html(page, 200, headers))
  app.get('/docs/start.js', () => answer('text/javascript', start))
  for (const name of docsFiles) {
    const type = name.endsWith('.css') ? 'text/css' : 'text/javascript'
    app.get(`/docs/${name}`, async () => {
      const bytes = await files(name)
      return answer(type, bytes, { 'content-encoding': 'gzip' })
    })
  }
}

function answer(
  type: string,
  body: string | Uint8Array<ArrayBuffer>,
  more: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, {
    headers: { ...headers, ...more, 'content-type': `${type}; charset=utf-8` },
  })
}

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Millrace API</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="docs/swagger-ui.css" />
  </head>
  <body>
    <noscript>This page needs JavaScript; the document it shows is <a href="openapi.json">openapi.json</a>.</noscript>
    <main id="api"></main>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`

const start = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#api',
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
})
`
