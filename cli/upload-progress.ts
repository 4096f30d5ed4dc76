import { barLine } from './bar.ts'
import { Redrawn } from './redrawn.ts'
import { duration, type OutputStream } from './terminal.ts'

/** Milliseconds between two drawings. */
const drawEvery = 100

/** Shows on a terminal how far an upload or a download is, how fast, and how long it will take; nothing elsewhere. */
export class UploadProgress {
  readonly #stream: OutputStream
  readonly #redrawn: Redrawn | undefined
  readonly #name: string
  readonly #total: number
  readonly #now: () => number
  readonly #began: number
  /** What was there before, which says nothing of how fast it goes. */
  readonly #before: number
  #sent: number
  #drawnAt = -Infinity

  constructor(
    stream: OutputStream,
    upload: { readonly name: string; readonly total: number; readonly before: number },
    now: () => number = () => performance.now(),
  ) {
    this.#stream = stream
    this.#redrawn = stream.isTTY ? new Redrawn(stream) : undefined
    this.#name = upload.name
    this.#total = upload.total
    this.#before = upload.before
    this.#sent = upload.before
    this.#now = now
    this.#began = now()
  }

  /** More bytes were sent; fewer than none where a part is to be sent again. */
  add(bytes: number): void {
    this.#sent += bytes
    if (this.#now() - this.#drawnAt >= drawEvery) this.#draw()
  }

  /** Draws how it ended. */
  end(): void {
    this.#draw()
  }

  #draw(): void {
    const now = this.#now()
    this.#drawnAt = now
    // A file that grows meanwhile has more than it had.
    const share = this.#total === 0 ? 1 : Math.min(1, this.#sent / this.#total)
    const [rate, left] = this.#pace(now)
    const line = barLine(this.#stream, { label: this.#name, share, rate, left })
    this.#redrawn?.draw([line], 'last')
  }

  #pace(now: number): [rate: string, left: string] {
    const rate = (this.#sent - this.#before) / (now - this.#began)
    if (!(rate > 0)) return ['', '']
    const left = this.#total - this.#sent
    const speed = `${((rate * 1000) / 1e6).toFixed(1)} MB/s`
    return [speed, left > 0 ? `${duration(left / rate)} left` : '']
  }
}
