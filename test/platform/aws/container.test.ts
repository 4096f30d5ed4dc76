import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import * as z from 'zod'
import { containerVariables, exitCodes, runTaskOf } from '../../../platform/aws/container.ts'
import { placesVariable, settingsVariables } from '../../../platform/aws/settings.ts'
import { MillraceError } from '../../../platform/ports/index.ts'
import { train } from '../../../tasks/train.ts'
import { defineTask } from '../../../tasks/task.ts'
import { memoryRuntime } from './memory-runtime.ts'

const half = defineTask({
  name: 'Half',
  input: z.object({ n: z.number() }),
  output: z.number(),
  run: async ({ n }, { metrics }) => {
    metrics.record('Halves', 1, 'Count')
    if (n % 2 !== 0) throw new MillraceError('StorageFailed', `${n} is odd`)
    return n / 2
  },
})

const asking = (input: string, task = 'Half') => ({
  [containerVariables.task]: task,
  [containerVariables.input]: input,
})

describe('a container', () => {
  it('runs the task that its environment names, and hands its measurements over', async () => {
    const runtime = memoryRuntime()
    expect(await runTaskOf(asking('{"n":4}'), [train, half], () => runtime)).toBe(exitCodes.done)
    expect(runtime.flushes).toBe(1)
    expect(runtime.ports.logLines.map(({ message }) => message)).toEqual([
      'task started',
      'task ended',
    ])
  })

  it.each<[string, string, string, keyof typeof exitCodes, string]>([
    ['a task that it has not', '{}', 'Third', 'invalid', 'SettingsInvalid'],
    ['an input that is no JSON', '{"n":', 'Half', 'invalid', 'TaskInputInvalid'],
    ['an input that the task refuses', '{"n":"4"}', 'Half', 'invalid', 'TaskInputInvalid'],
    ['a fault, which may pass', '{"n":3}', 'Half', 'failed', 'StorageFailed'],
  ])('tells by its exit code of %s', async (_, input, task, code, error) => {
    const runtime = memoryRuntime()
    expect(await runTaskOf(asking(input, task), [half], () => runtime)).toBe(exitCodes[code])
    expect(runtime.ports.logLines.at(-1)).toMatchObject({
      level: 'error',
      message: 'the container failed',
      fields: { error },
    })
  })
})

describe('a container that is told to end', () => {
  it('ends at once, in the middle of its arithmetic, and told again and again too', async () => {
    const program = join(import.meta.dirname, 'endless-container.ts')
    const env: NodeJS.ProcessEnv = {
      PATH: process.env['PATH'],
      ...asking('{}', 'Endless'),
      ...Object.fromEntries(Object.values(settingsVariables).map((name) => [name, 'none'])),
      [settingsVariables.stateMachines]: '{}',
      [placesVariable]: '',
    }
    const child = spawn(process.execPath, [program], { env, stdio: 'pipe' })
    onTestFinished(() => void child.kill('SIGKILL'))
    let isOver = false
    const closed = once(child, 'close').finally(() => (isOver = true))
    const tellUntilEnd = () => {
      if (isOver) return
      child.kill('SIGTERM')
      setTimeout(tellUntilEnd, 1)
    }
    let [printed, warned] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      printed += chunk
      // Beside it, the log.
      if (chunk.includes('begun')) tellUntilEnd()
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (warned += chunk))
    expect(await closed).toEqual([exitCodes.terminated, null])
    expect(printed).toContain('begun\n')
    expect(JSON.parse(warned)).toMatchObject({
      level: 'WARN',
      message: 'the container is ended before its task',
      signal: 'SIGTERM',
    })
  })
})
