import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Resident memory of this process in bytes, as Linux tells it: now (VmRSS), or at its highest (VmHWM).
 * `process.resourceUsage().maxRSS` is also that of the process that started this one.
 */
export function residentBytes(field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync('/proc/self/status', 'utf8')
  return 1024 * Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)![1])
}

/** From here on the highest is counted anew. */
export function resetPeak(): void {
  writeFileSync('/proc/self/clear_refs', '5')
}
