/** A path of JSONPath, parsed. */
export interface Path {
  readonly tokens: readonly Token[]
  /** Whether it names one place: it answers a value, not the array of all that it finds. */
  readonly isDefinite: boolean
}

export type Token =
  | { readonly kind: 'property'; readonly names: readonly string[] }
  | { readonly kind: 'index'; readonly indexes: readonly number[] }
  | { readonly kind: 'slice'; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly kind: 'wildcard' }
  | { readonly kind: 'filter'; readonly condition: Condition }
  /** `..`: the next token is applied to everything below. */
  | { readonly kind: 'descent' }
  | { readonly kind: 'function'; readonly name: string; readonly operands: readonly Operand[] }

/** What is between the parentheses of `[?(…)]`. */
export type Condition =
  | { readonly kind: 'or' | 'and'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'not'; readonly condition: Condition }
  | { readonly kind: 'exists'; readonly path: FilterPath }
  | {
      readonly kind: 'comparison'
      readonly left: Operand
      readonly operator: Operator
      readonly right: Operand
    }

export const operators = [
  '==',
  '!=',
  '<=',
  '>=',
  '=~',
  '<',
  '>',
  'in',
  'nin',
  'subsetof',
  'anyof',
  'noneof',
  'contains',
  'size',
  'empty',
] as const

export type Operator = (typeof operators)[number]

export type Operand =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'pattern'; readonly source: string; readonly flags: string }
  | FilterPath

export interface FilterPath {
  readonly kind: 'path'
  /** `@`, the element that is looked at, or `$`. */
  readonly root: '@' | '$'
  readonly path: Path
}

/** The functions of the dialect, which may end a path. */
export const functionNames: ReadonlySet<string> = new Set([
  'length',
  'size',
  'keys',
  'min',
  'max',
  'avg',
  'stddev',
  'sum',
  'concat',
  'append',
  'first',
  'last',
  'index',
])

/** Whether a token leads to one place at most. The last one may name several properties. */
export function isDefinite(tokens: readonly Token[]): boolean {
  return tokens.every((token, i) => {
    switch (token.kind) {
      case 'property':
        return token.names.length === 1 || i === tokens.length - 1
      case 'index':
        return token.indexes.length === 1
      case 'function':
        return true
      default:
        return false
    }
  })
}

/** Whether the path names one place, by properties and indexes only. */
export function isReference({ tokens }: Path): boolean {
  return tokens.every(
    (token) =>
      (token.kind === 'property' && token.names.length === 1) ||
      (token.kind === 'index' && token.indexes.length === 1),
  )
}

/** The tokens as messages show them: `['a'][0]`. */
export function pathText(tokens: readonly Token[]): string {
  return tokens.map(tokenText).join('')
}

function tokenText(token: Token): string {
  switch (token.kind) {
    case 'property':
      return `[${token.names.map((name) => `'${name}'`).join(',')}]`
    case 'index':
      return `[${token.indexes.join(',')}]`
    case 'slice':
      return `[${token.from ?? ''}:${token.to ?? ''}]`
    case 'wildcard':
      return '[*]'
    case 'filter':
      return '[?]'
    case 'descent':
      return '..'
    case 'function':
      return `.${token.name}()`
  }
}
