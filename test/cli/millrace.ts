import { main } from '../../cli/main.ts'

/** The `millrace` command from its sources, for tests that run it as a process. */
process.exitCode = await main(process.argv.slice(2))
