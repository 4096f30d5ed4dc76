/** The same in the same order, each next one asked for while the one before is worked on. */
export async function* readAhead<Part>(parts: AsyncIterable<Part>): AsyncIterable<Part> {
  const iterator = parts[Symbol.asyncIterator]()
  const ask = () => {
    const next = iterator.next()
    // Told where it is awaited, if it is at all.
    next.catch(() => undefined)
    return next
  }
  let next = ask()
  try {
    for (;;) {
      const result = await next
      if (result.done === true) return
      next = ask()
      yield result.value
    }
  } finally {
    await iterator.return?.()
  }
}
