import type { JsonObject } from '../ports/json.ts'
import type { Clock, Logger, Metrics } from '../ports/observability.ts'

/** A clock that only the test moves. */
export class ManualClock implements Clock {
  #now: number

  /** @param now milliseconds since 1970 */
  constructor(now: number) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds
  }

  set(now: number): void {
    this.#now = now
  }
}

export interface RecordedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: JsonObject
}

/** Keeps what is logged. */
export class RecordingLogger implements Logger {
  readonly lines: RecordedLine[] = []

  debug(message: string, fields: JsonObject = {}): void {
    this.lines.push({ level: 'debug', message, fields })
  }

  info(message: string, fields: JsonObject = {}): void {
    this.lines.push({ level: 'info', message, fields })
  }

  warn(message: string, fields: JsonObject = {}): void {
    this.lines.push({ level: 'warn', message, fields })
  }

  error(message: string, fields: JsonObject = {}): void {
    this.lines.push({ level: 'error', message, fields })
  }
}

export interface RecordedMetric {
  readonly name: string
  readonly value: number
  readonly unit: 'Count' | 'Milliseconds' | 'Bytes'
  readonly dimensions: Readonly<Record<string, string>>
}

/** Keeps what is measured. */
export class RecordingMetrics implements Metrics {
  readonly recorded: RecordedMetric[] = []

  record(
    name: string,
    value: number,
    unit: RecordedMetric['unit'],
    dimensions: Readonly<Record<string, string>> = {},
  ): void {
    this.recorded.push({ name, value, unit, dimensions })
  }
}
