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
})
