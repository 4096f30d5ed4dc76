import type { JsonObject, Logger } from '../platform/ports/index.ts'
import { printLine, styled, type Style } from './terminal.ts'

/** Log lines for people: time, message and the fields that matter. */
export function textLogger(stream: NodeJS.WritableStream, lowest: 'info' | 'warn'): Logger {
  const line = (style: Style, message: string, fields: JsonObject = {}) => {
    const time = new Date().toTimeString().slice(0, 8)
    const shown = Object.entries(fields).map(([name, value]) => `${name}=${compact(value)}`)
    const text = [styled(stream, style, message), ...shown].join(' ')
    printLine(stream, `${styled(stream, 'dim', time)} ${text}`)
  }
  return {
    debug: () => undefined,
    info: lowest === 'info' ? (message, fields) => line('reset', message, fields) : () => undefined,
    warn: (message, fields) => line('yellow', message, fields),
    error: (message, fields) => line('red', message, fields),
  }
}

function compact(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
