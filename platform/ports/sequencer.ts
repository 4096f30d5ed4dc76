const width = 18

/** The `sequencer` of an S3 event from a count: upper-case hex of one width, so that it compares. */
export function sequencerText(count: number): string {
  return count.toString(16).toUpperCase().padStart(width, '0')
}
