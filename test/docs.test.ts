import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { engineErrors } from '../engine/index.ts'
import { dataErrors } from '../ml/data/index.ts'
import { driftErrors } from '../ml/drift/index.ts'
import { modelErrors } from '../ml/models/index.ts'
import { errorTable } from '../platform/ports/index.ts'

const root = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]

describe('the docs', () => {
  it('lists every error with what it means (vitest -u writes the page)', async () => {
    await expect(errorsPage()).toMatchFileSnapshot(join(root, 'docs/errors.md'))
  })

  it.each(pages)('%s links to pages that are there', (page) => {
    const links = [...read(page).matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link]) => link!)
    const missing = links.filter(
      (link) => !/^https?:/.test(link) && !existsSync(join(root, dirname(page), link)),
    )
    expect(missing).toEqual([])
  })

  it.each(pages)('%s shows code that stands in a tested file', (page) => {
    for (const [, file, code] of read(page).matchAll(/<!-- from (\S+) -->\n+```ts\n([^]*?)```/g)) {
      expect(withoutIndent(read(file!))).toContain(withoutIndent(code!))
    }
    const untold = [...read(page).matchAll(/(<!-- from \S+ -->\n+)?```ts\n/g)]
    expect(untold.filter(([, source]) => source === undefined)).toEqual([])
  })
})

/** A block inside of a page stands further to the left than in its file. */
function withoutIndent(code: string): string {
  return code.replace(/^ +/gm, '')
}

function errorsPage(): string {
  const rows = Object.entries(errorTable).map(
    ([name, { status, retryable, meaning }]) =>
      `| \`${name}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${meaning} |`,
  )
  return [
    '# Errors',
    '',
    "An error's name is part of the interface: a state machine's `ErrorEquals` matches it, the HTTP API",
    'answers it as `urn:millrace:error:<name>`, and `error.name` is it. Names do not change; texts may.',
    '',
    '## Tasks, ports and the HTTP API',
    '',
    '`MillraceError`, from `millrace`. Retryable: the same call may succeed later with nothing changed.',
    '',
    '| name | HTTP | retryable | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    ...section(
      'Data',
      '`DataError`, from `millrace/data`. Validation turns them into reasons.',
      dataErrors,
    ),
    ...section('Learning', '`ModelError`, from `millrace/models`.', modelErrors),
    ...section('Drift', '`DriftError`, from `millrace/drift`.', driftErrors),
    ...section(
      'Engine',
      "`EngineError`, from `millrace/engine`: mostly the Step Functions API's own names.",
      engineErrors,
    ),
    '',
  ].join('\n')
}

function section(title: string, intro: string, table: Readonly<Record<string, string>>): string[] {
  const rows = Object.entries(table).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`)
  return ['', `## ${title}`, '', intro, '', '| name | meaning |', '| --- | --- |', ...rows]
}
