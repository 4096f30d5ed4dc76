/** What all methods of a port are like. */
type Methods<Port> = { readonly [Name in keyof Port]: (...args: never[]) => Promise<unknown> }

/**
 * A port whose adapter, with its client of the SDK, is loaded at the first call of a method: a
 * function pays only for what it calls.
 *
 * @param known what is there without the adapter, or answers no promise
 */
export function lazyPort<Port extends object, Known extends Partial<Port> = object>(
  load: () => Promise<Methods<Omit<Port, keyof Known>>>,
  known: Known = {} as Known,
): Port {
  let loading: Promise<object> | undefined
  const call = async (name: PropertyKey, args: readonly unknown[]) => {
    const port = (await (loading ??= load())) as Record<
      PropertyKey,
      (...args: unknown[]) => unknown
    >
    return port[name]!(...args)
  }
  const methods = new Map<PropertyKey, (...args: unknown[]) => Promise<unknown>>()
  return new Proxy(known, {
    get(target, name) {
      if (name in target) return Reflect.get(target, name) as unknown
      // What awaits a port asks whether it is a promise.
      if (typeof name === 'symbol' || name === 'then') return undefined
      const method = methods.get(name) ?? ((...args: unknown[]) => call(name, args))
      methods.set(name, method)
      return method
    },
  }) as unknown as Port
}
