import { MillraceError } from '../../platform/ports/index.ts'

/** What a command needs to find a stack and to ask its API. */
export const clientPackages = ['@aws-sdk/client-cloudformation', '@smithy/signature-v4']

/**
 * Loads a package that only the commands for AWS need.
 *
 * @param names it, and those that the command needs beside it, so that one error tells of all
 * @throws MillraceError PackageMissing, saying what to install.
 */
export async function optional<Module>(
  names: readonly string[],
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw packagesMissing(names, error)
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
