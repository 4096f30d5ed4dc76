import { describe, expect, it, vi } from 'vitest'
import { lazyPort } from '../../../platform/aws/lazy-port.ts'

interface Greeter {
  readonly language: string
  greet(name: string): Promise<string>
  refuse(): Promise<never>
}

class English {
  readonly #greeting = 'Hello'

  async greet(name: string): Promise<string> {
    return `${this.#greeting}, ${name}`
  }

  async refuse(): Promise<never> {
    throw new Error('no greeting today')
  }
}

const open = () => {
  const load = vi.fn(async () => new English())
  const greeter = lazyPort<Greeter, Pick<Greeter, 'language'>>(load, { language: 'en' })
  return { load, greeter }
}

describe('a lazy port', () => {
  it('is not loaded by what is known at once, nor by being awaited', async () => {
    const { load, greeter } = open()
    expect(greeter.language).toBe('en')
    expect(await Promise.resolve(greeter)).toBe(greeter)
    expect(load).not.toHaveBeenCalled()
  })

  it('is loaded once, by the first call, also by calls at the same time', async () => {
    const { load, greeter } = open()
    const greetings = await Promise.all([greeter.greet('Ada'), greeter.greet('Alan')])
    expect(greetings).toEqual(['Hello, Ada', 'Hello, Alan'])
    expect(await greeter.greet('Grace')).toBe('Hello, Grace')
    expect(load).toHaveBeenCalledTimes(1)
  })

  it('throws what the adapter throws, and what loading it throws', async () => {
    const { greeter } = open()
    await expect(greeter.refuse()).rejects.toThrow('no greeting today')
    const missing = lazyPort<English>(async () => {
      throw new Error('no such module')
    })
    await expect(missing.greet('Ada')).rejects.toThrow('no such module')
  })
})
