import { defineTask } from 'millrace'
import * as z from 'zod'

/** Writes `cards/<model>/<version>.md`, from the event that tells of a promotion. */
export const writeCard = defineTask({
  name: 'WriteCard',
  input: z.object({
    model: z.string(),
    version: z.number(),
    previousVersion: z.number().nullable(),
    reason: z.string(),
  }),
  output: z.object({ card: z.string(), replaced: z.number().nullable() }),
  async run({ model, version, previousVersion, reason }, { objects }) {
    const card = `cards/${model}/${version}.md`
    const text = `# ${model}, version ${version}\n\nServes because: ${reason}\n`
    await objects.put(card, new TextEncoder().encode(text), { contentType: 'text/markdown' })
    return { card, replaced: previousVersion }
  },
})
