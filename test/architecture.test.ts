import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')

/** Which of our folders a folder may import from, itself apart; `type` allows types alone. */
const allowed: Record<string, { value: string[]; type?: string[] }> = {
  workflows: { value: ['events'], type: ['tasks'] },
  tasks: { value: ['ml/models', 'ml/drift', 'ml/data', 'events', 'platform/ports'] },
  events: { value: [] },
  engine: { value: [] },
  'ml/models': { value: ['ml/data'] },
  'ml/drift': { value: ['ml/data'] },
  'ml/data': { value: [] },
  'platform/ports': { value: ['events'] },
  'platform/local': {
    value: [
      'workflows',
      'tasks',
      'events',
      'engine',
      'ml/models',
      'ml/drift',
      'ml/data',
      'platform/ports',
      'platform/testing',
      'api',
    ],
  },
  'platform/testing': { value: ['platform/ports', 'events', 'engine', 'workflows', 'tasks'] },
  'platform/aws': {
    value: ['tasks', 'platform/ports', 'events', 'api', 'ml/models', 'ml/drift', 'ml/data'],
  },
  api: { value: ['tasks', 'platform/ports', 'events'] },
  cdk: { value: ['workflows', 'events'] },
  'index.ts': { value: ['workflows', 'tasks', 'events', 'platform/ports', 'platform/local'] },
}

/** Packages that only some folders may load, so that the rest stays light and portable. */
const packagesOf: Record<string, string[]> = {
  'node:sqlite': ['platform/local', 'engine'],
  piscina: ['platform/local'],
  chokidar: ['platform/local'],
  '@hono/node-server': ['platform/local'],
  hono: ['api', 'platform/aws'],
  '@hono/zod-openapi': ['api'],
  jsonata: ['engine'],
  commander: ['cli'],
  'csv-parse': ['ml/data'],
  '@observablehq/plot': ['tasks'],
  linkedom: ['tasks'],
  'ml-svm': ['ml/models'],
  '@aws-sdk': ['platform/aws', 'cli'],
  '@aws-lambda-powertools': ['platform/aws'],
  'aws-cdk-lib': ['cdk'],
  constructs: ['cdk'],
}

const folders = [...Object.keys(allowed), 'cli']

interface Import {
  readonly file: string
  readonly from: string
  readonly isTypeOnly: boolean
}

const imports = sourceFiles().flatMap(importsOf)

describe('architecture', () => {
  it('sees the sources and their imports', () => {
    expect(new Set(imports.map(({ file }) => folderOf(file)))).toEqual(new Set(folders))
  })

  it('imports between folders only as the design allows', () => {
    const broken = imports.filter(({ file, from, isTypeOnly }) => {
      if (!from.startsWith('.')) return false
      const [source, target] = [folderOf(file), folderOf(join(dirname(file), from))]
      if (source === target || source === 'cli') return false
      const rule = allowed[source]!
      return !(rule.value.includes(target) || (isTypeOnly && rule.type?.includes(target)))
    })
    expect(broken).toEqual([])
  })

  it('loads heavy packages only where they belong', () => {
    const broken = imports.filter(({ file, from, isTypeOnly }) => {
      const name = Object.keys(packagesOf).find((one) => from === one || from.startsWith(`${one}/`))
      return name !== undefined && !isTypeOnly && !packagesOf[name]!.includes(folderOf(file))
    })
    expect(broken).toEqual([])
  })

  it('has no import cycle', () => {
    const graph = new Map<string, string[]>()
    for (const { file, from, isTypeOnly } of imports) {
      if (!from.startsWith('.') || isTypeOnly) continue
      graph.set(file, [...(graph.get(file) ?? []), join(dirname(file), from)])
    }
    expect(cycleIn(graph)).toEqual([])
  })

  it('keeps examples to the entry points of the package', () => {
    const broken = filesUnder('examples')
      .flatMap(importsOf)
      .filter(({ from }) => from.startsWith('../..'))
    expect(broken).toEqual([])
  })
})

function sourceFiles(): string[] {
  return [
    'index.ts',
    ...['workflows', 'tasks', 'events', 'engine', 'ml', 'platform', 'api', 'cli', 'cdk'].flatMap(
      filesUnder,
    ),
  ]
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ts$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(root, file), 'utf8'),
    ts.ScriptTarget.ESNext,
  )
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const isTypeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      found.push({ file, from: node.moduleSpecifier.text, isTypeOnly })
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      const from = (node.moduleSpecifier as ts.StringLiteral).text
      found.push({ file, from, isTypeOnly: node.isTypeOnly })
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      if (argument !== undefined && ts.isStringLiteral(argument)) {
        found.push({ file, from: argument.text, isTypeOnly: false })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function folderOf(file: string): string {
  return folders.find((folder) => file === folder || file.startsWith(`${folder}/`)) ?? file
}

/** The files of one cycle, or none. */
function cycleIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): string[] => {
    const at = path.indexOf(file)
    if (at >= 0) return [...path.slice(at), file]
    if (done.has(file)) return []
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next, [...path, file])
      if (cycle.length > 0) return cycle
    }
    done.add(file)
    return []
  }
  for (const file of graph.keys()) {
    const cycle = visit(file, [])
    if (cycle.length > 0) return cycle
  }
  return []
}
