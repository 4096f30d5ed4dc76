import type { LibraryExpression, SyntaxNode } from './sandbox.ts'

/**
 * What one evaluation may take: the depth and the sequences that the service takes, and a time of our
 * own. The names are the options of the `jsonata` package.
 */
export const evaluationLimits = {
  /** Milliseconds. */
  timeout: 1000,
  /** Nested evaluations. */
  stack: 100,
  /** Elements of one sequence. */
  sequence: 873_782,
} as const

/**
 * `bounded`: its work is bounded by the sizes of its text and of the data, and the package's own
 * checks suffice. `watched`: it can loop, backtrack or blow up its data, and runs under a watchdog,
 * which costs a thread's start.
 */
export type Verdict = 'bounded' | 'watched'

export function verdictOn(tree: SyntaxNode): Verdict {
  return everyNode(tree, isBounded) ? 'bounded' : 'watched'
}

/** Elements and characters that a watched evaluation may produce in all. */
const volumeLimit = 50_000_000

/**
 * Ends evaluations that produce too much, by a hook of the package: its clock alone would let them
 * fill the memory first. The answer starts the count anew.
 */
export function limitVolume(expression: LibraryExpression): () => void {
  let volume = 0
  const onExit = (_node: unknown, _input: unknown, _environment: unknown, result: unknown) => {
    if (typeof result === 'string' || Array.isArray(result)) volume += result.length
    if (volume > volumeLimit) throw new VolumeExceeded()
  }
  expression.assign(Symbol.for('jsonata.__evaluate_exit'), onExit)
  return () => {
    volume = 0
  }
}

class VolumeExceeded extends Error {
  override readonly name = 'VolumeExceeded'
  constructor() {
    super(`the evaluation produced more than ${volumeLimit} elements and characters`)
  }
}

const boundedTypes = new Set([
  'path',
  'binary',
  'unary',
  'name',
  'string',
  'number',
  'value',
  'condition',
  'block',
  'variable',
  'function',
  'filter',
])

/** Functions whose work is in proportion to their arguments, called with no function. */
const boundedFunctions = new Set(
  (
    'abs append average base64decode base64encode boolean ceil contains count decodeUrl ' +
    'decodeUrlComponent encodeUrl encodeUrlComponent exists floor hash keys length lookup ' +
    'lowercase max merge millis min not now number parse power random reverse round spread ' +
    'sqrt string substring substringAfter substringBefore sum trim type uppercase uuid'
  ).split(' '),
)

function isBounded(node: SyntaxNode): boolean {
  if (node.type === undefined) return true
  if (!boundedTypes.has(node.type)) return false
  if (node.type === 'binary') return node.value !== '..'
  if (node.type === 'function') {
    const procedure = node['procedure'] as SyntaxNode | undefined
    return procedure?.type === 'variable' && boundedFunctions.has(String(procedure.value))
  }
  return true
}

function everyNode(root: unknown, accepts: (node: SyntaxNode) => boolean): boolean {
  const seen = new Set<object>()
  const pending = [root]
  while (pending.length > 0) {
    const next = pending.pop()
    if (next === null || typeof next !== 'object' || seen.has(next)) continue
    seen.add(next)
    if (!Array.isArray(next) && !accepts(next as SyntaxNode)) return false
    for (const part of Object.values(next as Record<string, unknown>)) pending.push(part)
  }
  return true
}
