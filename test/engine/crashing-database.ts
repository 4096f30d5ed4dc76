import { DatabaseSync, type StatementSync } from 'node:sqlite'

/**
 * A database whose transaction number `at` (from 1) is the last: `crash` is called before it commits
 * or right after, and when that comes back, nothing more is done on this connection.
 */
export function crashingDatabase(
  database: DatabaseSync,
  at: number,
  moment: 'before' | 'after',
  crash: () => void,
): { database: DatabaseSync; commits: () => number } {
  let commits = 0
  let isCrashed = false
  const run = (sql: string, body: () => unknown): unknown => {
    if (sql === 'ROLLBACK TO engine') return body()
    if (sql === 'RELEASE engine' && !isCrashed) {
      commits++
      const isLast = commits === at
      if (isLast && moment === 'before') stop()
      const result = body()
      if (isLast) stop()
      return result
    }
    if (sql === 'RELEASE engine') return body()
    if (isCrashed) throw new Error('crashed')
    return body()
  }
  const stop = () => {
    isCrashed = true
    crash()
    throw new Error('crashed')
  }
  const prepare = (sql: string): StatementSync => {
    const statement = database.prepare(sql)
    return new Proxy(statement, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...values: unknown[]) =>
          run(sql, () => (value as (...v: unknown[]) => unknown).apply(target, values))
      },
    })
  }
  const proxy = new Proxy(database, {
    get(target, name) {
      if (name === 'prepare') return prepare
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function'
        ? (value as (...v: unknown[]) => unknown).bind(target)
        : value
    },
  })
  return { database: proxy, commits: () => commits }
}
