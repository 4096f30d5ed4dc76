import { writeSync } from 'node:fs'
import * as z from 'zod'
import { runContainer } from '../../../platform/aws/container.ts'
import { defineTask } from '../../../tasks/task.ts'

const endless = defineTask({
  name: 'Endless',
  input: z.unknown(),
  output: z.never(),
  run: async () => {
    // Not through the main thread, whose turn comes when this thread pauses.
    writeSync(1, 'begun\n')
    for (;;);
  },
})

await runContainer([endless], import.meta.url)
