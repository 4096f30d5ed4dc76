import { LocalBus } from '../../../platform/local/bus.ts'
import { openLocalDatabase } from '../../../platform/local/database.ts'
import { LocalObjects } from '../../../platform/local/objects.ts'
import { systemClock } from '../../../platform/local/observability.ts'
import { RecordingLogger } from '../../../platform/testing/memory-observability.ts'

/** Writes objects, tells its parent of each that is acknowledged, and goes on until it is killed. */
const [dataDir, round] = process.argv.slice(2) as [string, string]
const clock = systemClock
const logger = new RecordingLogger()
const database = openLocalDatabase(dataDir)
const bus = new LocalBus(database, { clock, logger })
const objects = await LocalObjects.open({ database, bus, dataDir, clock, logger })

for (let i = 0; ; i += 4) {
  const writes = [i, i + 1, i + 2, i + 3].map(async (n) => {
    const body = new Uint8Array(1000 + 5000 * (n % 7)).fill(n)
    const { versionId, sha256 } = await objects.put(`uploads/r${round}/${n}`, body)
    process.send?.({ versionId, sha256 })
  })
  await Promise.all(writes)
}
