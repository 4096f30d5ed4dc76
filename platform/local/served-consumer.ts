import { createMonitors } from '../../tasks/monitors.ts'
import { countServed } from '../../tasks/usage.ts'
import type { LogRecord, Ports } from '../ports/index.ts'

/** How often what the monitors have in memory is written, in milliseconds. */
const writeInterval = 5000

/** Attempts at a batch that the monitors cannot take before it is given up on. */
const monitorAttempts = 5

/**
 * Counts and watches what is served, in one reading of the log. Monitors that fail do not hold up the
 * counting for good: they read what they missed with the next records of the model. Answers what stops
 * it.
 */
export function consumeServed(
  ports: Ports,
  { monitoring }: { readonly monitoring: boolean },
): () => Promise<void> {
  const count = (batch: readonly LogRecord[]) => countServed(ports.table, batch)
  if (!monitoring) return ports.log.subscribe('usage', count)

  const monitors = createMonitors(ports, { unwrittenMs: writeInterval })
  let failures = 0
  const watch = async (batch: readonly LogRecord[]) => {
    try {
      await monitors.watch(batch)
      failures = 0
    } catch (error) {
      if (++failures < monitorAttempts) throw error
      failures = 0
      ports.logger.error('records are not watched now', { error: String(error) })
    }
  }
  const stop = ports.log.subscribe('usage', async (batch) => {
    await count(batch)
    await watch(batch)
  })
  const write = () =>
    monitors.write().catch((error: unknown) => {
      ports.logger.warn('the monitors could not be written', { error: String(error) })
    })
  const timer = setInterval(() => void write(), writeInterval)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await stop()
    await write()
  }
}
