import { describe, expect, it, onTestFinished, vi } from 'vitest'
import * as z from 'zod'
import { runWorkflow } from '../../platform/testing/index.ts'
import { defineTask } from '../../tasks/task.ts'
import { defineWorkflow, type Workflow } from '../../workflows/workflow.ts'

const greet = defineTask({
  name: 'Greet',
  input: z.object({ name: z.string() }),
  output: z.string(),
  run: async ({ name }) => `hello ${name}`,
})

const definition = {
  QueryLanguage: 'JSONata',
  StartAt: 'Greeting',
  States: {
    Greeting: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Arguments: {
        FunctionName: '${Greet}',
        Payload: { name: "{% $join([$states.input.name, 'of', '${Place}'], ' ') %}" },
      },
      Output: '{% $states.result.Payload %}',
      End: true,
    },
  },
}

const usual: Workflow = {
  name: 'greetings',
  definition,
  tasks: [greet],
  substitutions: ['Place'],
}

describe('defineWorkflow', () => {
  it('takes a definition whose placeholders are its tasks and its substitutions', () => {
    expect(defineWorkflow(usual)).toBe(usual)
  })

  it.each<[string, Partial<Workflow>, RegExp]>([
    ['a task that is missing', { tasks: [] }, /names \$\{Greet\}, and no task has it/],
    [
      'a task that is not named',
      { tasks: [greet, { ...greet, name: 'Part' }] },
      /never names the task Part/,
    ],
    ['a task that is there twice', { tasks: [greet, greet] }, /two tasks are named Greet/],
    [
      'a substitution that is missing',
      { substitutions: [] },
      /has \$\{Place\}, and no substitution is named so/,
    ],
    [
      'a substitution that is not named',
      { substitutions: ['Place', 'Hour'] },
      /no \$\{Hour\} that the substitution Hour could stand for/,
    ],
    [
      'a task in another place than a FunctionName',
      { definition: { ...definition, Comment: '${Greet}' }, substitutions: ['Place', 'Greet'] },
      /\$\{Greet\} stands for a task/,
    ],
    ['a name that is none', { name: 'a b' }, /letters, digits/],
    ['a trigger that is none', { trigger: { source: [] } }, /source/],
  ])('refuses %s', (_, wrong, message) => {
    expect(() => defineWorkflow({ ...usual, ...wrong })).toThrow(message)
  })

  it('tells of everything at once', () => {
    expect(() => defineWorkflow({ ...usual, name: '', tasks: [], substitutions: [] })).toThrow(
      /letters.*\$\{Greet\}.*\$\{Place\}/s,
    )
  })
})

describe('a substitution', () => {
  it('stays as it is where the workflow runs embedded', async () => {
    const run = await runWorkflow(defineWorkflow(usual), { input: { name: 'Ada' } })
    expect(run.output).toBe('hello Ada of ${Place}')
  })
})

describe('the time of a task that runs in memory', () => {
  const { Greeting } = definition.States
  const hurried = { ...definition, States: { Greeting: { ...Greeting, TimeoutSeconds: 1 } } }

  it('is as long as it takes, however slow the machine is', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const slow = defineTask({
      ...greet,
      run: async ({ name }) => {
        await new Promise(setImmediate)
        await vi.advanceTimersByTimeAsync(600_000)
        return `hello ${name}`
      },
    })
    const workflow = defineWorkflow({ ...usual, definition: hurried, tasks: [slow] })
    const run = await runWorkflow(workflow, { input: { name: 'Ada' } })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: 'hello Ada of ${Place}' })
  })

  it('ends with the timeout of its state where a mock hangs', async () => {
    const workflow = defineWorkflow({ ...usual, definition: hurried, tasks: [greet] })
    const mocks = { Greet: () => new Promise(() => undefined) }
    const run = await runWorkflow(workflow, { input: { name: 'Ada' }, mocks })
    expect(run).toMatchObject({ status: 'FAILED', error: 'States.Timeout' })
  })
})
