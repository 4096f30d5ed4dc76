import { Option, type Command } from 'commander'
import { pages } from '../../platform/ports/index.ts'
import type { UserKey } from '../../tasks/accounts.ts'
import { roles, type Role } from '../../tasks/caller.ts'
import { accountsAt } from '../accounts.ts'
import type { Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { printJson, printLine, table } from '../terminal.ts'

interface Shown {
  readonly json?: boolean
}

export function addKeys(program: Command, { terminal }: Run): void {
  const keys = program
    .command('keys')
    .description('list, create and revoke the keys of a user')
    .addHelpText(
      'after',
      `
A key of the role owner may do everything with what belongs to its user, and make other keys; a trainer
uploads, trains and predicts; a predictor asks models, a reader looks. A key that was revoked may be
taken for a few seconds more.

Examples:
  $ millrace keys create ada --role predictor --label web
  $ millrace keys list ada
  $ millrace keys revoke ada 3f0c91b2a47d5e68
  $ millrace keys create ada --stack Millrace`,
    )

  const list = keys
    .command('list')
    .argument('<user>')
    .description('list the keys of a user, the newest first, also those that were revoked')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ millrace keys list ada --json')
    .action(async (user: string, { json }: Shown) => {
      const accounts = await accountsAt(locationOf(list), terminal.signal)
      const found: UserKey[] = []
      const ask = (cursor?: string) => accounts.keys(user, { limit: 100, cursor })
      for await (const page of pages(ask)) found.push(...page.keys)
      if (json) return printJson(terminal.out, { keys: found })
      if (found.length === 0) return printLine(terminal.out, `${user} has no keys yet.`)
      const rows = found.map((one) => [
        one.id,
        one.role,
        one.label,
        `…${one.ending}`,
        one.createdAt,
        one.revokedAt,
      ])
      const header = ['KEY', 'ROLE', 'LABEL', 'ENDS IN', 'CREATED', 'REVOKED']
      printLine(terminal.out, table(header, rows))
    })
  addLocationOptions(list)

  const create = keys
    .command('create')
    .argument('<user>')
    .description('make a key and print it, this one time')
    .addOption(
      new Option('--role <role>', 'what it allows').choices(roles).default('owner' satisfies Role),
    )
    .option('--label <label>', 'what it is for', '')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Example:
  $ export MILLRACE_KEY=$(millrace keys create ada --role trainer)`,
    )
    .action(async (user: string, options: Shown & { role: Role; label: string }) => {
      const accounts = await accountsAt(locationOf(create), terminal.signal)
      const { role, label } = options
      const made = await accounts.createKey(user, { role, label })
      if (options.json) return printJson(terminal.out, made)
      printLine(terminal.out, made.key)
      printLine(terminal.err, `The key ${made.id} of ${user} (${role}); it is not shown again.`)
    })
  addLocationOptions(create)

  const revoke = keys
    .command('revoke')
    .argument('<user>')
    .argument('<id>', 'as `millrace keys list` has it')
    .description('end a key')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ millrace keys revoke ada 3f0c91b2a47d5e68')
    .action(async (user: string, id: string, { json }: Shown) => {
      const accounts = await accountsAt(locationOf(revoke), terminal.signal)
      const revoked = await accounts.revokeKey(user, id)
      if (json) return printJson(terminal.out, revoked)
      printLine(terminal.out, `Revoked ${revoked.id} of ${user}`)
    })
  addLocationOptions(revoke)
}
