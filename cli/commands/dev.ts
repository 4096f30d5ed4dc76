import { once } from 'node:events'
import type { Command } from 'commander'
import { jsonLogger, systemClock } from '../../platform/local/observability.ts'
import { openPlatform } from '../../platform/local/platform.ts'
import { dataDirArgument, dataDirOption, wholeNumber, type Run } from '../options.ts'
import { printLine, styled } from '../terminal.ts'
import { textLogger } from '../text-logger.ts'

export function addDev(program: Command, { terminal }: Run): void {
  program
    .command('dev')
    .description('run the platform on this machine, until Ctrl-C')
    .option(...dataDirOption)
    .option(
      '--port <port>',
      'the port of the HTTP API; 0 takes a free one',
      wholeNumber(0, 65535),
      4600,
    )
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--json', 'log JSON lines')
    .addHelpText(
      'after',
      `
Copying a file to <data-dir>/bucket/uploads/<user>/<dataset>.npy (or .csv) starts a training, also
when it was copied while the platform was down.

Examples:
  $ millrace dev
  $ millrace dev --data-dir /var/lib/millrace --port 8080`,
    )
    .action(async (options: { dataDir: string; port: number; host: string; json?: boolean }) => {
      const platform = await openPlatform({
        dataDir: options.dataDir,
        port: options.port,
        host: options.host,
        logger: options.json
          ? jsonLogger(terminal.err, { clock: systemClock })
          : textLogger(terminal.err, 'info'),
      })
      const { err } = terminal
      printLine(err, `${styled(err, 'bold', 'Millrace')} listens on ${platform.url}`)
      printLine(
        err,
        `  drop a file:  cp data.npy ${platform.bucketDir}/uploads/<user>/<dataset>.npy`,
      )
      const where = dataDirArgument(options.dataDir)
      printLine(err, `  watch it:     npx millrace executions --watch${where}`)
      printLine(err, `  ask:          npx millrace predict <user>/<dataset> 1.0,2.0,…${where}`)
      if (!terminal.signal.aborted) await once(terminal.signal, 'abort')
      printLine(err, 'Stopping; running executions go on at the next start.')
      await platform.close()
    })
}
