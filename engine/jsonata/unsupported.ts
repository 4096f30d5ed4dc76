import type { SyntaxNode } from './sandbox.ts'

/**
 * What an expression asks for that the service does not have, as a sentence, or undefined: there is no
 * context item at its top level, so that a bare name, like `$$`, refers to nothing; `$eval` is not
 * available, and `$states.errorOutput` only in a Catch.
 */
export function unsupportedIn(tree: SyntaxNode, isOfCatch: boolean): string | undefined {
  const pending: Visit[] = [{ node: tree, isTop: true }]
  // A tree of the package may share its parts, and a part be seen with a context item and without.
  const seen: Record<'top' | 'below', Set<unknown>> = { top: new Set(), below: new Set() }
  while (pending.length > 0) {
    const { node, isTop } = pending.pop()!
    const visited = seen[isTop ? 'top' : 'below']
    if (node === null || typeof node !== 'object' || visited.has(node)) continue
    visited.add(node)
    if (Array.isArray(node)) {
      for (const part of node as unknown[]) pending.push({ node: part, isTop })
      continue
    }
    const syntax = node as SyntaxNode
    const found = unsupported(syntax, isTop, isOfCatch)
    if (found !== undefined) return found
    pending.push(...partsOf(syntax, isTop))
  }
  return undefined
}

interface Visit {
  readonly node: unknown
  /** Whether it is evaluated without a context item. */
  readonly isTop: boolean
}

function unsupported(node: SyntaxNode, isTop: boolean, isOfCatch: boolean): string | undefined {
  const { type, value } = node
  if (type === 'name' && isTop) {
    return `Reference to '${String(value)}' at the top level is not supported.`
  }
  if (type === 'variable' && value === '$') return `Reference to '$$' is not supported.`
  if (type === 'variable' && value === 'eval') {
    return '$eval is not available; use $parse to read JSON'
  }
  if (type === 'path' && !isOfCatch) {
    const [first, second] = (node['steps'] ?? []) as readonly SyntaxNode[]
    if (first?.type === 'variable' && first.value === 'states' && second?.value === 'errorOutput') {
      return `Reference to '$states.errorOutput' is not supported.`
    }
  }
  return undefined
}

/** Fields whose expressions have a context item, whatever there is around them. */
const belowFields = new Set([
  'predicate',
  'stages',
  'group',
  'terms',
  'pattern',
  'update',
  'delete',
])

function partsOf(node: SyntaxNode, isTop: boolean): Visit[] {
  const parts: Visit[] = []
  for (const [field, part] of Object.entries(node)) {
    if (field === 'steps' && Array.isArray(part)) {
      part.forEach((step, i) => parts.push({ node: step, isTop: isTop && i === 0 }))
    } else if (field !== 'value' || typeof part === 'object') {
      parts.push({ node: part, isTop: isTop && !belowFields.has(field) })
    }
  }
  return parts
}
