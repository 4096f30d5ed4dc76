import { once } from 'node:events'
import type { Command } from 'commander'
import { type Engine, type EngineServer, isEngineError } from '../../engine/index.ts'
import { jsonLogger, systemClock } from '../../platform/local/observability.ts'
import { operatorKeyFile } from '../../platform/local/operator-key.ts'
import { openPlatform } from '../../platform/local/platform.ts'
import { dataDirArgument, dataDirOption, wholeNumber, type Run } from '../options.ts'
import { printLine, styled } from '../terminal.ts'
import { textLogger } from '../text-logger.ts'

interface DevOptions {
  readonly dataDir: string
  readonly port: number
  readonly host: string
  readonly auth?: boolean
  readonly publicUrl?: string
  readonly sagemakerModel?: string
  readonly workers: number
  readonly monitoring: boolean
  readonly enginePort?: number
  readonly json?: boolean
}

const defaultEnginePort = 4601

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
    .option(
      '--host <address>',
      'the address to listen on; one that others reach takes --auth',
      '127.0.0.1',
    )
    .option('--auth', "take requests with a key alone: a user's, or the operator's")
    .option(
      '--public-url <url>',
      'where others reach the platform, as URLs for uploads begin; by default the address it listens ' +
        'on, or the one that a request came to where that is all of them',
    )
    .option(
      '--sagemaker-model <user/dataset>',
      "serve GET /ping and POST /invocations, as SageMaker's containers do, for this model",
    )
    .option(
      '--workers <count>',
      'processes that answer predictions, beside the one that does the rest; 0 has that one do both',
      wholeNumber(0, 64),
      0,
    )
    .option('--no-monitoring', 'do not watch what is served for drift')
    .option(
      '--engine-port <port>',
      'the port of the Step Functions API, on this machine only; 0 takes a free one (default: ' +
        `${defaultEnginePort}, or a free one when it is taken)`,
      wholeNumber(0, 65535),
    )
    .option('--json', 'log JSON lines')
    .addHelpText(
      'after',
      `
Copying a file to <data-dir>/bucket/uploads/<user>/<dataset>.npy (or .csv) starts a training, also
when it was copied while the platform was down.

With --auth the operator's key is in <data-dir>/operator.key, where the other commands find it; keys
of users are made by \`millrace keys create\`.

Examples:
  $ millrace dev
  $ millrace dev --auth --host 0.0.0.0
  $ millrace dev --auth --host 0.0.0.0 --public-url https://ml.example.com
  $ millrace dev --workers 2
  $ millrace dev --data-dir /var/lib/millrace --port 8080`,
    )
    .action(async (options: DevOptions) => {
      const platform = await openPlatform({
        dataDir: options.dataDir,
        port: options.port,
        host: options.host,
        auth: options.auth === true,
        workers: options.workers,
        monitoring: options.monitoring,
        ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
        ...(options.sagemakerModel === undefined ? {} : { sagemakerModel: options.sagemakerModel }),
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
      if (options.auth) {
        const file = operatorKeyFile(options.dataDir)
        printLine(
          err,
          `  its key:      ${file}; make those of users: npx millrace keys create <user>${where}`,
        )
      }
      try {
        const { url } = await listen(platform.engine, options.enginePort)
        printLine(err, `  its engine:   ${url} speaks the Step Functions API`)
      } catch (error) {
        await platform.close()
        throw error
      }
      if (!terminal.signal.aborted) await once(terminal.signal, 'abort')
      printLine(err, 'Stopping; running executions go on at the next start.')
      await platform.close()
    })
}

/**
 * Only to this machine, whatever the host of the HTTP API: whoever reaches the engine may do everything.
 * A port that was asked for has to be free.
 */
async function listen(engine: Engine, port: number | undefined): Promise<EngineServer> {
  try {
    return await engine.listen({ port: port ?? defaultEnginePort })
  } catch (error) {
    if (port !== undefined || !isEngineError(error, 'ListenFailed')) throw error
    return engine.listen()
  }
}
