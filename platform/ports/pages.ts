/** Which page of a list is asked for. */
export interface PageOptions {
  /** Where the page before ended; absent for the first one. */
  readonly cursor?: string | undefined
  readonly limit?: number | undefined
}

/** The pages of a list from the first one on, each asked for when the one before it is used up. */
export async function* pages<Page extends { readonly cursor?: string | undefined }>(
  ask: (cursor: string | undefined) => Promise<Page>,
): AsyncGenerator<Page, void> {
  let cursor: string | undefined
  do {
    const page = await ask(cursor)
    yield page
    cursor = page.cursor
  } while (cursor !== undefined)
}
