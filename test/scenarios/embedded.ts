import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventEnvelope } from '../../events/index.ts'
import type { LocalBus } from '../../platform/local/bus.ts'
import { openPlatform } from '../../platform/local/platform.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import type { ScenarioPlatform } from './platform.ts'

/** The embedded platform in a directory of its own. */
export async function openEmbedded(): Promise<ScenarioPlatform> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-scenario-'))
  const platform = await openPlatform({ dataDir, logger: new RecordingLogger() })
  const { ports, url } = platform
  const events: EventEnvelope[] = []
  const bus = ports.bus as LocalBus
  bus.addRule({
    name: 'scenario',
    matches: ({ source }) => source === 'millrace',
    deliver: async (event) => void events.push(event),
  })
  return {
    put: (key, body, metadata = {}) => ports.objects.put(key, body, { metadata }),
    read: (key) => ports.objects.read(key),
    remove: (key) => ports.objects.delete(key),
    fetch: (path, init) => fetch(new URL(path, url), init),
    executions: ports.executions,
    events: async () => events,
    close: async () => {
      await platform.close()
      await rm(dataDir, { recursive: true })
    },
  }
}
