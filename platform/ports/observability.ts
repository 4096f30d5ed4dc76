import type { JsonObject } from './json.ts'

/** Wall-clock time in milliseconds since 1970. Tests inject their own. */
export interface Clock {
  now(): number
}

/** Structured log lines. Never data rows, secrets or signed URLs. */
export interface Logger {
  debug(message: string, fields?: JsonObject): void
  info(message: string, fields?: JsonObject): void
  warn(message: string, fields?: JsonObject): void
  error(message: string, fields?: JsonObject): void
}

export interface Metrics {
  /** Adds one measurement, with dimensions of low cardinality. */
  record(
    name: string,
    value: number,
    unit: 'Count' | 'Milliseconds' | 'Bytes',
    dimensions?: Readonly<Record<string, string>>,
  ): void
}
