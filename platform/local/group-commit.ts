import { gathering } from './gathering.ts'

interface Waiting<Item> {
  readonly item: Item
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Gathers what callers hand in and commits it in groups, one after the other: a group is all that came
 * during the commit before it, and in turns of the event loop for as long as each brings more, which a
 * commit for each of them would hold up longer. Each caller is answered with its group, whose error is
 * everyone's.
 */
export function groupCommit<Item>(
  commit: (group: readonly Item[]) => Promise<void>,
): (item: Item) => Promise<void> {
  let waiting: Waiting<Item>[] = []
  let isRunning = false

  const run = async () => {
    isRunning = true
    while (waiting.length > 0) {
      await gathering(() => waiting.length)
      const group = waiting
      waiting = []
      try {
        await commit(group.map(({ item }) => item))
        for (const { resolve } of group) resolve()
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    isRunning = false
  }
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (!isRunning) void run()
    })
}
