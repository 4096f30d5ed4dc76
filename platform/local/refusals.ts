import { sha256 } from '../../tasks/digest.ts'
import { putJson } from '../../tasks/stored-objects.ts'
import type { Ports } from '../ports/index.ts'
import type { RefusedFile } from './incoming-files.ts'

/**
 * Keeps a report about something in the folder of uploads that cannot become an object (a directory,
 * a link, a name that is no key): there are no bytes to keep, and no execution would tell of it.
 */
export async function reportRefusal(refused: RefusedFile, ports: Ports): Promise<void> {
  const { key, message } = refused
  const name = sha256(key).slice(0, 16)
  try {
    await putJson(ports.objects, `quarantine/_refused/${name}.report.json`, {
      outcome: 'rejected',
      reasons: [{ code: 'FileRefused', message }],
      upload: { key },
      rejectedAt: new Date(ports.clock.now()).toISOString(),
    })
  } catch (error) {
    ports.logger.error('a report could not be kept', { key, error: String(error) })
  }
}
