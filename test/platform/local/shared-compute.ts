import { LocalCompute } from '../../../platform/local/compute.ts'
import type { Platform } from '../../../platform/local/platform.ts'

/** Of all platforms of the tests: a thread takes longer to start than these trainings take. */
const shared = new LocalCompute()

/** Lets the trainings of a platform run on the thread that those of other platforms run on, too. */
export function shareCompute(platform: Platform): void {
  platform.ports.compute.run = shared.run.bind(shared)
}
