/**
 * Rows on their way through a tree over one block of memory, in which every array is given by its
 * place in bytes, a multiple of 8. There are two of these, one in WebAssembly (`walk.as`) and one in
 * plain TypeScript (`walk-plain.ts`).
 *
 * A node has 16 bytes: its threshold, a double; 8 times its column, and 1 more where a missing value
 * goes right, 32 bits; its right child's number, 32 bits. The left child comes next. A leaf sends all
 * values right, to itself.
 */
export interface WalkArithmetic {
  /** Writes the number of each row's leaf, 32 bits, from the root, which is node 0. */
  walk(nodes: number, rows: number, count: number, cols: number, out: number): void
}
