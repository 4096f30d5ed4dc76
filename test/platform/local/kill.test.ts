import { describe, it } from 'vitest'
import { surviveKill } from './kill.ts'

// All points of the workflow are in kill.crash.ts (npm run test:crash).
describe('kill -9', () => {
  it.each([
    ['Train', 'before'],
    ['Register', 'after'],
    ['Promote', 'after'],
  ])('is survived in %s, %s its work', surviveKill, 60_000)
})
