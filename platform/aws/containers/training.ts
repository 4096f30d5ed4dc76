import { train } from '../../../tasks/train.ts'
import { runContainer } from '../container.ts'

await runContainer([train], import.meta.url)
