import { describe, it } from 'vitest'
import { surviveKill } from './kill.ts'

// All points of the workflow are in kill.crash.ts (npm run test:crash).
describe('kill -9', () => {
  it('is survived in Register, after its work', () => surviveKill('Register', 'after'))
})
