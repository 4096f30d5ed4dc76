import { describe, expect, it } from 'vitest'
import { Followed, maxFollowed } from '../../api/followed.ts'

describe('what is followed', () => {
  it('keeps a bounded number of values, those used last', async () => {
    const reads: string[] = []
    const followed = new Followed({
      read: async (key) => {
        reads.push(key)
        return key
      },
      clock: { now: () => 0 },
      onError: () => undefined,
    })
    await followed.get('often')
    for (let i = 0; i < 2 * maxFollowed; i++) {
      await followed.get(`model-${i}`)
      await followed.get('often')
    }
    expect(reads.filter((key) => key === 'often')).toHaveLength(1)
    await followed.get('model-0')
    expect(reads.filter((key) => key === 'model-0')).toHaveLength(2)
  })

  it('lets nobody wait for what is in memory, however old, unless an age is set', async () => {
    const { followed, clock, reads } = following()
    await followed.get('model')
    clock.now = () => 1e9
    expect(followed.get('model')).toBe('model 1')
    expect(reads).toHaveLength(2)
  })

  it('lets a request wait for what is older than the age that is set', async () => {
    const { followed, clock, reads } = following(5000)
    await followed.get('model')
    clock.now = () => 4000
    expect(followed.get('model')).toBe('model 1')
    clock.now = () => 9001 + 4000
    expect(await followed.get('model')).toBe('model 3')
    expect(reads).toHaveLength(3)
  })

  it('goes on with what is in memory when it cannot be read again', async () => {
    const { followed, clock, errors, fail } = following(5000)
    await followed.get('model')
    fail(new Error('the table is away'))
    clock.now = () => 6000
    expect(await followed.get('model')).toBe('model 1')
    expect(errors).toEqual(['model: the table is away'])
    expect(followed.get('model')).toBe('model 1')
  })
})

/** Values that count the readings of their key. */
function following(maxAge?: number) {
  const clock = { now: () => 0 }
  const reads: string[] = []
  const errors: string[] = []
  let failure: Error | undefined
  const followed = new Followed({
    read: async (key) => {
      if (failure !== undefined) throw failure
      reads.push(key)
      return `${key} ${reads.length}`
    },
    clock,
    onError: (key, error) => errors.push(`${key}: ${(error as Error).message}`),
    ...(maxAge === undefined ? {} : { maxAge }),
  })
  return { followed, clock, reads, errors, fail: (error: Error) => (failure = error) }
}
