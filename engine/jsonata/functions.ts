import { createHash, randomUUID } from 'node:crypto'
import type { LibraryExpression } from './sandbox.ts'

/** What an expression may ask of the world outside of it. */
export interface ExpressionHost {
  /** Milliseconds since 1970. */
  now(): number
  /** Uniform in [0, 1). */
  random(): number
}

/**
 * The functions that Step Functions adds to JSONata, and those of JSONata that it changes. They are
 * given to an expression when it is parsed; what they answer is copied when the expression ends.
 * https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
 */
export function addFunctions(expression: LibraryExpression, host: ExpressionHost): void {
  expression.registerFunction('partition', partition, '<an:a>')
  expression.registerFunction('range', range, '<nnn:a>')
  expression.registerFunction('hash', hash, '<ss?:s>')
  expression.registerFunction('random', (seed?: number) => random(host, seed), '<n?:n>')
  expression.registerFunction('uuid', () => randomUUID(), '<:s>')
  expression.registerFunction('parse', parse, '<s:x>')
  expression.registerFunction('millis', () => host.now(), '<:n>')
  expression.registerFunction(
    'now',
    function (this: Focus, picture?: string, timezone?: string) {
      if (picture === undefined) return new Date(host.now()).toISOString()
      const format = this.environment.lookup('fromMillis').implementation
      return format(host.now(), picture, timezone)
    },
    '<s?s?:s>',
  )
  expression.registerFunction('eval', refuseEval)
  expression.registerFunction('pad', pad, '<s-ns?:s>')
  expression.registerFunction('join', join, '<a<s>s?:s>')
}

/** What the package gives a function as its `this`. */
interface Focus {
  readonly environment: {
    lookup(name: string): { implementation: (...values: unknown[]) => unknown }
  }
}

/** Numbers that `$range` makes, as the service does. */
const maximumItems = 360_145

/** Characters that one call may make: JSONata's own would first fill the memory with them. */
const maximumCharacters = 1_000_000

/** JSONata's own, bounded: to the right up to `width` characters, to the left with a negative one. */
function pad(text?: string, width = 0, filling = ' '): string | undefined {
  if (text === undefined) return undefined
  if (!(Math.abs(width) <= maximumCharacters)) {
    throw new FunctionError(`$pad makes at most ${maximumCharacters} characters; found ${width}`)
  }
  const missing = Math.max(0, Math.abs(Math.trunc(width)) - [...text].length)
  const characters = [...(filling === '' ? ' ' : filling)]
  const added = Array.from({ length: missing }, (_, i) => characters[i % characters.length])
  return width < 0 ? added.join('') + text : text + added.join('')
}

/** JSONata's own, bounded. */
function join(texts?: readonly string[], separator = ''): string | undefined {
  if (texts === undefined) return undefined
  const length = texts.reduce((sum, text) => sum + text.length + separator.length, 0)
  if (length > maximumCharacters) {
    throw new FunctionError(`$join makes at most ${maximumCharacters} characters; found ${length}`)
  }
  return texts.join(separator)
}

/** Chunks of `size`, the last one possibly smaller; nothing for no items, or for a size under 1. */
function partition(items?: readonly unknown[], size?: number): unknown[][] | undefined {
  const step = Math.trunc(size ?? 0)
  if (items === undefined || items.length === 0 || !(step >= 1)) return undefined
  const chunks: unknown[][] = []
  for (let i = 0; i < items.length; i += step) chunks.push(items.slice(i, i + step))
  return chunks
}

/**
 * From `first` to `last`, both inclusive; as every sequence of JSONata, a single number stands for
 * itself. Nothing for a step that does not lead from the one to the other.
 */
function range(first?: number, last?: number, step?: number): number[] | number | undefined {
  if (first === undefined || last === undefined || step === undefined) return undefined
  const [start, end, stride] = [Math.trunc(first), Math.trunc(last), Math.trunc(step)]
  const length = Math.floor((end - start) / stride) + 1
  if (stride === 0 || !(length >= 1)) return undefined
  if (length > maximumItems) {
    throw new FunctionError(`$range would make ${length} numbers; at most ${maximumItems} are made`)
  }
  return length === 1 ? start : Array.from({ length }, (_, i) => start + i * stride)
}

const hashAlgorithms = new Map([
  ['MD5', 'md5'],
  ['SHA-1', 'sha1'],
  ['SHA-256', 'sha256'],
  ['SHA-384', 'sha384'],
  ['SHA-512', 'sha512'],
])

function hash(text?: string, algorithm?: string): string | undefined {
  if (text === undefined || algorithm === undefined) return undefined
  const name = hashAlgorithms.get(algorithm)
  if (name === undefined) {
    const known = [...hashAlgorithms.keys()].join(', ')
    throw new FunctionError(`$hash takes an algorithm of ${known}; found ${algorithm}`)
  }
  return createHash(name).update(text).digest('hex')
}

/** With a seed, always the same number for it. */
function random(host: ExpressionHost, seed?: number): number {
  if (seed === undefined) return host.random()
  const digest = createHash('sha256').update(String(seed)).digest()
  return digest.readUIntBE(0, 6) / 2 ** 48
}

function parse(text?: string): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new FunctionError(`$parse takes JSON: ${(error as Error).message}`)
  }
}

function refuseEval(): never {
  throw new FunctionError('$eval is not available; $parse reads JSON')
}

class FunctionError extends Error {
  override readonly name = 'FunctionError'
}
