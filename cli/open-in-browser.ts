import { spawn } from 'node:child_process'

/** What opens a file as a double click would, by the system. */
const openers: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['open'],
  win32: ['explorer.exe'],
}

/** Opens a file with what the system has for it, and does not wait for that. Answers whether it began. */
export function openInBrowser(file: string): Promise<boolean> {
  const [command, ...before] = openers[process.platform] ?? ['xdg-open']
  const child = spawn(command!, [...before, file], { detached: true, stdio: 'ignore' })
  child.unref()
  return new Promise((answer) => {
    child.once('error', () => answer(false)).once('spawn', () => answer(true))
  })
}
