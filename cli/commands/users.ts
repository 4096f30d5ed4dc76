import type { Command } from 'commander'
import { pages } from '../../platform/ports/index.ts'
import type { User } from '../../tasks/accounts.ts'
import { accountsAt } from '../accounts.ts'
import type { Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { printJson, printLine, table } from '../terminal.ts'

interface Shown {
  readonly json?: boolean
}

export function addUsers(program: Command, { terminal }: Run): void {
  const users = program
    .command('users')
    .description('list, add and remove the users of a platform')
    .addHelpText(
      'after',
      `
A user owns datasets and models, and has keys (millrace keys). Of a stack they are read and written in
its table, by your AWS credentials.

Examples:
  $ millrace users
  $ millrace users add ada --plan large
  $ millrace users plan ada small
  $ millrace users remove ada --stack Millrace`,
    )

  const list = users
    .command('list', { isDefault: true })
    .description('list the users, also those that were removed')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ millrace users list --json')
    .action(async ({ json }: Shown) => {
      const accounts = await accountsAt(locationOf(list), terminal.signal)
      const found: User[] = []
      const ask = (cursor?: string) => accounts.users({ limit: 100, cursor })
      for await (const page of pages(ask)) found.push(...page.users)
      if (json) return printJson(terminal.out, { users: found })
      if (found.length === 0) return printLine(terminal.out, 'No users yet.')
      const rows = found.map((one) => [one.name, one.plan, one.createdAt, one.disabledAt])
      printLine(terminal.out, table(['USER', 'PLAN', 'CREATED', 'REMOVED'], rows))
    })
  addLocationOptions(list)

  const add = users
    .command('add')
    .argument('<user>', 'a name as 1 to 64 letters, digits, ".", "_" or "-"')
    .description('add a user, who then needs a key')
    .option('--plan <plan>', 'whose quotas and prices hold')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ millrace users add ada --plan large')
    .action(async (name: string, { plan, json }: Shown & { plan?: string }) => {
      const location = locationOf(add)
      const accounts = await accountsAt(location, terminal.signal)
      const user = await accounts.createUser(name, plan === undefined ? {} : { plan })
      if (json) return printJson(terminal.out, user)
      printLine(terminal.out, `Added ${user.name}, plan ${user.plan}`)
      printLine(
        terminal.err,
        `Make a key with: npx millrace keys create ${user.name}${location.argument}`,
      )
    })
  addLocationOptions(add)

  const plan = users
    .command('plan')
    .argument('<user>')
    .argument('<plan>')
    .description('give a user another plan')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ millrace users plan ada large')
    .action(async (name: string, planName: string, { json }: Shown) => {
      const accounts = await accountsAt(locationOf(plan), terminal.signal)
      const user = await accounts.setPlan(name, planName)
      if (json) return printJson(terminal.out, user)
      printLine(terminal.out, `${user.name} has the plan ${user.plan}`)
    })
  addLocationOptions(plan)

  const remove = users
    .command('remove')
    .argument('<user>')
    .description('end the keys of a user; what belongs to the user stays, and so does the name')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ millrace users remove ada')
    .action(async (name: string, { json }: Shown) => {
      const accounts = await accountsAt(locationOf(remove), terminal.signal)
      const user = await accounts.removeUser(name)
      if (json) return printJson(terminal.out, user)
      printLine(terminal.out, `Removed ${user.name}`)
    })
  addLocationOptions(remove)
}
