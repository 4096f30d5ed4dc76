import { MillraceError } from '../../platform/ports/index.ts'

/**
 * Loads a package that only the commands for AWS need.
 *
 * @throws MillraceError PackageMissing, saying what to install.
 */
export async function optional<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw packagesMissing([name], error)
  }
}

export function packagesMissing(names: readonly string[], cause?: unknown): MillraceError {
  const list = names.join(' ')
  return new MillraceError(
    'PackageMissing',
    `this command needs ${list}, which the embedded platform does without: npm install --save-dev ${list}`,
    { cause },
  )
}
