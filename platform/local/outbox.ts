import type { EventEnvelope } from '../../events/envelope.ts'
import type { Logger } from '../ports/observability.ts'
import type { LocalDatabase } from './database.ts'

/** An event on its way, and where it stands with each rule. */
export interface Delivery {
  readonly sequence: number
  readonly event: EventEnvelope
  readonly publishedAt: number
  /** Rules that have yet to take it. */
  readonly open: Set<string>
  /** Rules that took it, or gave up. */
  readonly done: Set<string>
  /** Failed attempts by rule. */
  readonly attempts: Map<string, number>
}

/** An event that a rule never took. */
export interface DeadEvent {
  readonly rule: string
  readonly event: EventEnvelope
  readonly attempts: number
  readonly error: string
  /** ISO 8601 time. */
  readonly failedAt: string
}

/** Progress is written a moment later, many steps in one commit: a loss repeats a delivery. */
const progressDelayMs = 10

/** The bus's part of the database: events not yet delivered, progress by rule, dead letters. */
export class Outbox {
  readonly #database: LocalDatabase
  readonly #logger: Logger
  readonly #statements
  #progress: (() => void)[] = []
  #flushing: NodeJS.Timeout | undefined
  #isClosed = false
  #loadedTo = 0
  #newest = 0

  constructor(database: LocalDatabase, logger: Logger) {
    this.#database = database
    this.#logger = logger
    this.#statements = prepareStatements(database)
    const row = this.#statements.newest.get()
    this.#newest = Number(row?.['newest'] ?? 0)
  }

  /** Whether there are events that were not loaded yet; also true of some that were taken back. */
  get hasMore(): boolean {
    return this.#newest > this.#loadedTo
  }

  /** Within the transaction of the caller. */
  insert(event: EventEnvelope, now: number): void {
    const { lastInsertRowid } = this.#statements.insert.run(JSON.stringify(event), now)
    this.#newest = Math.max(this.#newest, Number(lastInsertRowid))
  }

  /** The next events in the order in which they were published, at most `limit`. */
  load(limit: number): Delivery[] {
    const deliveries = this.#database.read(() =>
      this.#statements.load.all(this.#loadedTo, limit).map((row) => this.#deliveryOf(row)),
    )
    this.#loadedTo = deliveries.at(-1)?.sequence ?? this.#loadedTo
    // A transaction that was taken back leaves a gap above the last event.
    if (deliveries.length < limit) this.#newest = this.#loadedTo
    return deliveries
  }

  /** Every rule has it. */
  remove({ sequence }: Delivery): void {
    this.#write(() => {
      this.#statements.removeEvent.run(sequence)
      this.#statements.removeProgress.run(sequence)
    })
  }

  recordDone(delivery: Delivery, rule: string): void {
    const attempts = delivery.attempts.get(rule) ?? 0
    this.#write(() => this.#statements.progress.run(delivery.sequence, rule, attempts, 1))
  }

  recordAttempts({ sequence }: Delivery, rule: string, attempts: number): void {
    this.#write(() => this.#statements.progress.run(sequence, rule, attempts, 0))
  }

  recordDead({ event }: Delivery, rule: string, attempts: number, error: string, now: number) {
    const text = JSON.stringify(event)
    this.#write(() => this.#statements.bury.run(rule, text, attempts, error, now))
  }

  deadLetters(limit: number): DeadEvent[] {
    this.#flush()
    return this.#database.read(() => this.#statements.dead.all(limit).map(deadEventOf))
  }

  close(): void {
    this.#flush()
    this.#isClosed = true
  }

  #deliveryOf(row: Record<string, unknown>): Delivery {
    const sequence = row['sequence'] as number
    const delivery: Delivery = {
      sequence,
      event: JSON.parse(row['event'] as string) as EventEnvelope,
      publishedAt: row['published_at'] as number,
      open: new Set(),
      done: new Set(),
      attempts: new Map(),
    }
    for (const progress of this.#statements.progressOf.all(sequence)) {
      const rule = progress['rule'] as string
      delivery.attempts.set(rule, progress['attempts'] as number)
      if (progress['done'] === 1) delivery.done.add(rule)
    }
    return delivery
  }

  #write(step: () => void): void {
    // A delivery that outlived the patience of close(): it repeats at the next start.
    if (this.#isClosed) return
    this.#progress.push(step)
    this.#flushing ??= setTimeout(() => this.#flush(), progressDelayMs)
  }

  #flush(): void {
    clearTimeout(this.#flushing)
    this.#flushing = undefined
    const steps = this.#progress.splice(0)
    if (steps.length === 0) return
    try {
      this.#database.transaction(() => {
        for (const step of steps) step()
      })
    } catch (error) {
      // Kept for the next flush; should the process end before it, deliveries repeat.
      this.#progress.unshift(...steps)
      this.#logger.error('the progress of the bus could not be written', { error: String(error) })
    }
  }
}

function prepareStatements({ connection }: LocalDatabase) {
  connection.exec(
    `CREATE TABLE IF NOT EXISTS bus_events
       (sequence INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL,
        published_at INTEGER NOT NULL);
     CREATE TABLE IF NOT EXISTS bus_progress
       (sequence INTEGER NOT NULL, rule TEXT NOT NULL, attempts INTEGER NOT NULL,
        done INTEGER NOT NULL, PRIMARY KEY (sequence, rule)) WITHOUT ROWID;
     CREATE TABLE IF NOT EXISTS bus_dead_letters
       (sequence INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, event TEXT NOT NULL,
        attempts INTEGER NOT NULL, error TEXT NOT NULL, failed_at INTEGER NOT NULL)`,
  )
  return {
    newest: connection.prepare('SELECT max(sequence) AS newest FROM bus_events'),
    insert: connection.prepare('INSERT INTO bus_events (event, published_at) VALUES (?, ?)'),
    load: connection.prepare(
      'SELECT * FROM bus_events WHERE sequence > ? ORDER BY sequence LIMIT ?',
    ),
    removeEvent: connection.prepare('DELETE FROM bus_events WHERE sequence = ?'),
    removeProgress: connection.prepare('DELETE FROM bus_progress WHERE sequence = ?'),
    progressOf: connection.prepare('SELECT * FROM bus_progress WHERE sequence = ?'),
    progress: connection.prepare('INSERT OR REPLACE INTO bus_progress VALUES (?, ?, ?, ?)'),
    bury: connection.prepare(
      `INSERT INTO bus_dead_letters (rule, event, attempts, error, failed_at)
         VALUES (?, ?, ?, ?, ?)`,
    ),
    dead: connection.prepare('SELECT * FROM bus_dead_letters ORDER BY sequence DESC LIMIT ?'),
  }
}

function deadEventOf(row: Record<string, unknown>): DeadEvent {
  return {
    rule: row['rule'] as string,
    event: JSON.parse(row['event'] as string) as EventEnvelope,
    attempts: row['attempts'] as number,
    error: row['error'] as string,
    failedAt: new Date(row['failed_at'] as number).toISOString(),
  }
}
