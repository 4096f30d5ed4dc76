import type { Ports } from '../../platform/ports/index.ts'

/** Ports whose permissions a function needs; the others are the function's own. */
const guarded = ['objects', 'table', 'queue', 'log', 'bus', 'executions'] as const

/**
 * The same ports, whose calls are noted as the uses they are: a method, with the key of an object or
 * the workflow of an execution behind it.
 */
export function recordedPorts(ports: Ports, record: (use: string) => void): Ports {
  const wrapped = guarded.map((name) => [name, recorded(name, ports[name], record)])
  return { ...ports, ...(Object.fromEntries(wrapped) as Partial<Ports>) }
}

function recorded(name: string, port: object, record: (use: string) => void): object {
  return new Proxy(port, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      return (...given: unknown[]): unknown => {
        record([`${name}.${String(property)}`, ...limitOf(name, given[0])].join(' '))
        return (value as (...given: unknown[]) => unknown).apply(target, given)
      }
    },
  })
}

function limitOf(port: string, first: unknown): string[] {
  if (port === 'objects') return [String(first)]
  if (port !== 'executions') return []
  if (typeof first === 'string') return [first]
  const { workflow } = (first ?? {}) as { workflow?: string }
  return workflow === undefined ? [] : [workflow]
}

/** Whether a declared use allows what was recorded. */
export function covers(declared: string, use: string): boolean {
  const [method, limit] = declared.split(' ')
  const [called, argument] = use.split(' ')
  if (method !== called) return false
  if (limit === undefined) return true
  const [start, end] = limit.split('*') as [string, string | undefined]
  if (argument === undefined) return false
  return end === undefined ? argument === start : argument.startsWith(start)
}
