import { it } from 'vitest'
import { killEverywhere } from './kill.ts'

it(
  'an execution goes on after its process was killed at any transition',
  { timeout: 3_600_000 },
  () =>
    killEverywhere(
      Array.from({ length: 20 }, (_, i) => i + 1),
      1,
    ),
)
