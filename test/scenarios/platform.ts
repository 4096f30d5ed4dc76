import type { EventEnvelope } from '../../events/index.ts'
import type { Executions } from '../../platform/ports/index.ts'

/** A running platform as its users meet it, wherever it runs. */
export interface ScenarioPlatform {
  /** Puts an object into the bucket by the platform's own client, not through the API. */
  put(
    key: string,
    body: Uint8Array,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<{ versionId: string }>
  /** The current bytes of an object of the bucket. */
  read(key: string): Promise<Uint8Array>
  /** Hides an object of the bucket. */
  remove(key: string): Promise<void>
  /** A request to the HTTP API. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  readonly executions: Executions
  /** What the platform told on the bus since it was opened, in no promised order. */
  events(): Promise<readonly EventEnvelope[]>
  close(): Promise<void>
}
