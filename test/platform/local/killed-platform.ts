import { openPlatform } from '../../../platform/local/platform.ts'
import { training } from '../../../platform/local/training.ts'
import type { AnyTask } from '../../../tasks/task.ts'

/**
 * A platform that kills its own process: before or after the work of one task (`Train before`), or a
 * number of milliseconds after it opened (`37`). Run as `node killed-platform.ts DIR POINT…`.
 */
const [dataDir, point, phase] = process.argv.slice(2)

const kill = () => process.kill(process.pid, 'SIGKILL')

const tasks: readonly AnyTask[] = [...training.tasks, training.onExecutionEnd!]
const victim = tasks.find((task) => task.name === point)
if (victim !== undefined) {
  const run = victim.run.bind(victim)
  Object.assign(victim, {
    run: async (...call: Parameters<AnyTask['run']>) => {
      if (phase === 'before') kill()
      const output = await run(...call)
      kill()
      return output
    },
  })
}
await openPlatform({ dataDir: dataDir! })
if (victim === undefined) setTimeout(kill, Number(point))
