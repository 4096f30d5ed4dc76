/** `.npy` bytes put together by hand, for tests of the readers. */
export function npyBytes(
  header: string,
  payload: Uint8Array = new Uint8Array(0),
  version = 1,
): Uint8Array {
  const text = Buffer.from(header, version === 3 ? 'utf8' : 'latin1')
  const prefix = Buffer.alloc(version === 1 ? 10 : 12)
  prefix.write('\x93NUMPY', 'latin1')
  prefix[6] = version
  if (version === 1) prefix.writeUInt16LE(text.length, 8)
  else prefix.writeUInt32LE(text.length, 8)
  return new Uint8Array(Buffer.concat([prefix, text, payload]))
}

export function npyHeader(
  descr: string,
  shape: string,
  fortranOrder: 'True' | 'False' = 'False',
): string {
  const text = `{'descr': '${descr}', 'fortran_order': ${fortranOrder}, 'shape': ${shape}, }`
  return `${text.padEnd(117)}\n`
}

/** The doubles, each in `order`. */
export function doubleBytes(values: readonly number[], order: '<' | '>' = '<'): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 8))
  values.forEach((value, i) => {
    view.setFloat64(i * 8, value, order === '<')
  })
  return new Uint8Array(view.buffer)
}

/** The DataError that `run` throws, or its promise rejects with. */
export async function errorOf(run: () => unknown): Promise<unknown> {
  try {
    await run()
  } catch (error) {
    return error
  }
  throw new Error('no error was thrown')
}
