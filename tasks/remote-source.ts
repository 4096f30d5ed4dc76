import { randomUUID } from 'node:crypto'
import { BroadcastChannel } from 'node:worker_threads'
import type { RangeSource } from '../ml/data/index.ts'

/**
 * Bytes that a job can read while it runs, by way of the thread that asked for it. Plain data, as a
 * worker thread gets it; good while `lendSource` lends it, for one reader.
 */
export interface RemoteSource {
  readonly size: number
  /** The name under which the two threads talk. */
  readonly channel: string
  /** Memory that they share: what is read goes here, so that it is held once. */
  readonly room: Uint8Array
}

/** What a job reads: ranges of `blockBytes` at most. */
export interface LentSource extends RangeSource {
  readonly size: number
  readonly blockBytes: number
}

type Request = { readonly start: number; readonly end: number }
type Reply = { readonly length: number } | { readonly failure: string }

/**
 * Lends a source to a job.
 *
 * @param blockBytes what is read at once, at most
 * @param use runs the job; once it has ended, the source can be read no more
 * @throws what the source throws; what `use` throws
 */
export async function lendSource<Result>(
  source: RangeSource & { readonly size: number },
  blockBytes: number,
  use: (remote: RemoteSource) => Promise<Result>,
): Promise<Result> {
  const { size } = source
  const room = new Uint8Array(new SharedArrayBuffer(Math.min(size, blockBytes)))
  const remote: RemoteSource = { size, channel: randomUUID(), room }
  const channel = new BroadcastChannel(remote.channel)
  const reply = (message: Reply) => channel.postMessage(message)
  let failure: { readonly error: unknown } | undefined
  const answer = async ({ start, end }: Request) => {
    try {
      const bytes = await source.read(start, end)
      room.set(bytes)
      reply({ length: bytes.length })
    } catch (error) {
      failure = { error }
      reply({ failure: String(error) })
    }
  }
  channel.onmessage = ({ data }) => void answer(data as Request)
  try {
    return await use(remote)
  } catch (error) {
    throw failure === undefined ? error : failure.error
  } finally {
    // A job that was given up may still wait.
    reply({ failure: 'the source is lent no more' })
    channel.close()
  }
}

/**
 * Reads a source that is lent.
 *
 * @param use reads one range after the other, none longer than the room: bytes are good until the next
 */
export async function readRemote<Result>(
  { size, channel: name, room }: RemoteSource,
  use: (source: LentSource) => Promise<Result>,
): Promise<Result> {
  const channel = new BroadcastChannel(name)
  // Whoever lends keeps the process alive: one that is gone is not waited for.
  channel.unref()
  let waiting = Promise.withResolvers<Reply>()
  let failure: string | undefined
  channel.onmessage = ({ data }) => {
    const reply = data as Reply
    if ('failure' in reply) failure = reply.failure
    waiting.resolve(reply)
  }
  const read = async (start: number, end: number) => {
    waiting = Promise.withResolvers()
    if (failure === undefined) channel.postMessage({ start, end } satisfies Request)
    const reply = failure === undefined ? await waiting.promise : { failure }
    if ('failure' in reply) throw new Error(reply.failure)
    return room.subarray(0, reply.length)
  }
  try {
    return await use({ size, read, blockBytes: room.length })
  } finally {
    channel.close()
  }
}
