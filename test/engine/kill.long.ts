import { it } from 'vitest'
import { killEverywhere } from './kill.ts'

// At each of them, and with more seeds, in kill.crash.ts.
it('an execution goes on after its process was killed at a transition', () =>
  killEverywhere([1], 9))
