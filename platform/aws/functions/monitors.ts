import { createMonitors, type Monitors } from '../../../tasks/monitors.ts'
import { logFunction } from '../log-function.ts'

let monitors: Monitors | undefined

export const handler = logFunction('monitors', (batch, ports) => {
  monitors ??= createMonitors(ports)
  return monitors.watch(batch)
})
