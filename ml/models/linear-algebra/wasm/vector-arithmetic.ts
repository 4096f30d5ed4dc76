/**
 * The inner loops of linear algebra over one block of memory, in which every array of doubles is given
 * by its place in bytes. There are two of these, one in WebAssembly (`vectors.as`) and one in plain
 * TypeScript (`vectors-plain.ts`), and both give the same bits.
 *
 * Vectors begin at multiples of 16 bytes, several of them `stride` bytes apart, and are `length` long,
 * a multiple of 8: what is beyond their own end is 0.
 */
export interface VectorArithmetic {
  dot(a: number, b: number, length: number): number
  /** Adds to each of `count` numbers at `out` the product of a with one of as many vectors. */
  products(
    a: number,
    first: number,
    stride: number,
    count: number,
    length: number,
    out: number,
  ): void
  /**
   * Adds the products of vectors `from` up to `to` with themselves and all that follow to theirs in
   * `out`, count × count; from an even number. What is below the diagonal means nothing.
   */
  gram(
    vectors: number,
    stride: number,
    from: number,
    to: number,
    count: number,
    length: number,
    out: number,
  ): void
  /**
   * Takes from each of `count` vectors `factor` times its product with v, times v. All vectors have one
   * more element, which is apart: `head` of v, and the others' next to each other at `heads`.
   */
  reflect(
    v: number,
    head: number,
    heads: number,
    first: number,
    stride: number,
    count: number,
    length: number,
    factor: number,
  ): void
  /**
   * Turns vector p and each of those `from` up to `to` in their plane until they are at right angles, to
   * within `least` as a cosine. `squares` has the squared lengths of all vectors. How often it had to.
   */
  turn(
    vectors: number,
    stride: number,
    p: number,
    from: number,
    to: number,
    length: number,
    squares: number,
    least: number,
  ): number
}
