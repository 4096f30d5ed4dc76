import type { JsonObject } from '../ports/json.ts'
import type { Clock, Logger, Metrics } from '../ports/observability.ts'

/** What log lines are written to: process.stderr, or a file. */
export interface LineStream {
  write(line: string): unknown
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export const systemClock: Clock = { now: () => Date.now() }

/** Log lines of `level` (default info) and above as JSON, one a line. */
export function jsonLogger(
  stream: LineStream,
  options: { clock: Clock; level?: LogLevel },
): Logger {
  const lowest = levels.indexOf(options.level ?? 'info')
  const at = (level: LogLevel) => {
    if (levels.indexOf(level) < lowest) return () => undefined
    return (message: string, fields: JsonObject = {}) => {
      writeLine(stream, { ...fields, time: isoTime(options.clock), level, message })
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Measurements as JSON, one a line. */
export function jsonMetrics(stream: LineStream, options: { clock: Clock }): Metrics {
  return {
    record(name, value, unit, dimensions = {}) {
      writeLine(stream, { time: isoTime(options.clock), metric: name, value, unit, dimensions })
    },
  }
}

function writeLine(stream: LineStream, line: JsonObject): void {
  stream.write(`${JSON.stringify(line)}\n`)
}

function isoTime(clock: Clock): string {
  return new Date(clock.now()).toISOString()
}
