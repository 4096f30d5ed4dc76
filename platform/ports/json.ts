/** What crosses a port, a state or the wire: JSON, with finite numbers only. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json
}
