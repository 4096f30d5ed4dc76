import { Logger as PowertoolsLogger } from '@aws-lambda-powertools/logger'
import type { Logger } from '../ports/observability.ts'
import type { LambdaContext } from './lambda.ts'
import { redactedField } from './redaction.ts'

/** Log lines of a function, which say what call of it they are of. */
export interface FunctionLogger extends Logger {
  /** The lines from here on are of this call. */
  begin(context: LambdaContext): void
}

/**
 * Log lines by Powertools, as JSON on standard output: level and service from the environment
 * (POWERTOOLS_LOG_LEVEL, POWERTOOLS_SERVICE_NAME). No line has a token, a signature, or a row of
 * numbers.
 */
export function powertoolsLogger(): FunctionLogger {
  const logger = new PowertoolsLogger({ jsonReplacerFn: redactedField })
  return {
    begin: (context) => logger.addContext(context as Parameters<PowertoolsLogger['addContext']>[0]),
    debug: (message, fields = {}) => logger.debug(message, fields),
    info: (message, fields = {}) => logger.info(message, fields),
    warn: (message, fields = {}) => logger.warn(message, fields),
    error: (message, fields = {}) => logger.error(message, fields),
  }
}
