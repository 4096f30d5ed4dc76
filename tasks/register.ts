import * as z from 'zod'
import { createRegistry } from './registry.ts'
import { evaluation, trainingClaim } from './shapes.ts'
import { defineTask } from './task.ts'

/** Gives the evaluated model its version. The same training always gets the same one. */
export const register = defineTask({
  name: 'Register',
  input: z.object({ claim: trainingClaim, evaluation }),
  output: z.object({ version: z.number().int().nonnegative(), created: z.boolean() }),
  async run(input, { table, clock }) {
    return createRegistry(table, clock).register(input)
  },
})
