import { isMillraceError, MillraceError, type Objects } from '../../platform/ports/index.ts'
import { trainingFolder, type ModelName } from '../names.ts'
import type { ModelVersion } from '../registry.ts'
import type { ReportKind } from './report-about.ts'

/** Where a training keeps a report. */
export function reportKey(
  training: { readonly model: ModelName; readonly trainingId: string },
  kind: ReportKind,
): string {
  return `${trainingFolder(training)}/${kind}.html`
}

/**
 * A report that the training of a version wrote, as HTML. Throws ObjectNotFound where there is none: it
 * is written last, and that it could not be fails no training.
 */
export async function readReport(
  objects: Pick<Objects, 'read'>,
  model: ModelName,
  { version, trainingId, model: name }: Pick<ModelVersion, 'version' | 'trainingId' | 'model'>,
  kind: ReportKind,
): Promise<string> {
  try {
    return new TextDecoder().decode(await objects.read(reportKey({ model, trainingId }, kind)))
  } catch (error) {
    if (!isMillraceError(error, 'ObjectNotFound')) throw error
    throw new MillraceError(
      'ObjectNotFound',
      `version ${version} of ${name} has no ${kind} report: it is written at the end of a training`,
      { cause: error },
    )
  }
}
