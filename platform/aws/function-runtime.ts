import type { Ports } from '../ports/index.ts'
import { powertoolsLogger, type FunctionLogger } from './function-logger.ts'
import { powertoolsMetrics, type FunctionMetrics } from './function-metrics.ts'
import { awsPorts, type AwsPorts } from './ports.ts'
import { settingsFromEnvironment } from './settings.ts'

/** What a function works with from its first call to the end of its process. */
export interface FunctionRuntime<FunctionPorts extends Ports = Ports> {
  readonly ports: FunctionPorts
  readonly logger: FunctionLogger
  readonly metrics: FunctionMetrics
}

let made: FunctionRuntime<AwsPorts> | undefined

/**
 * The runtime of this process, from its environment. At the first call of a function and not when its
 * module loads: what is missing is then an error of the call, with its name.
 *
 * @throws MillraceError SettingsInvalid.
 */
export function functionRuntime(): FunctionRuntime<AwsPorts> {
  made ??= runtimeFrom(process.env)
  return made
}

function runtimeFrom(
  environment: Readonly<Record<string, string | undefined>>,
): FunctionRuntime<AwsPorts> {
  const settings = settingsFromEnvironment(environment)
  const logger = powertoolsLogger()
  const metrics = powertoolsMetrics(logger)
  return { ports: awsPorts(settings, { logger, metrics }), logger, metrics }
}
