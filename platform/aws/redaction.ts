/** Longer texts are cut, so that no line of the log is the place of somebody's data. */
const maxText = 2000

const redacted = '[redacted]'

const secretNames =
  /authorization|bearer|cookie|credential|password|passwd|secret|signature|token|api[-_]?key/i

const secrets: readonly (readonly [pattern: RegExp, instead: string])[] = [
  // The query of a presigned URL is its signature.
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s"'<>?]*)\?[^\s"'<>]*/gi, `$1?${redacted}`],
  [/\b(x-amz-[a-z0-9-]+)(=|%3d)[^\s&"']*/gi, `$1=${redacted}`],
  [/\b(bearer|basic|aws4-hmac-sha256)\s+[^\s"',;]+/gi, `$1 ${redacted}`],
  [
    /((?:authorization|cookie|credential|password|passwd|secret|signature|token|api[-_]?key)[\w-]*\\?["']?\s*[:=]\s*\\?["']?)[^\s"'\\,;&}]+/gi,
    `$1${redacted}`,
  ],
  // Our keys, JSON web tokens and AWS access keys have forms of their own.
  [/\bmr_(?:[0-9a-f]{16}|operator)_[\w-]*/g, redacted],
  [/\beyJ[\w-]{6,}[\w.-]*/g, redacted],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g, redacted],
  // Three numbers in a row are a row of data.
  [
    /[-+]?(?:\d[\d.e+-]*|nan|null|inf(?:inity)?)(?:[\s,;|[\]]+[-+]?(?:\d[\d.e+-]*|nan|null|inf(?:inity)?)){2,}/gi,
    '[numbers]',
  ],
]

/** A text for the log: without signatures, tokens and rows of numbers, and not too long. */
export function redactedText(text: string): string {
  const cut = text.length > maxText ? `${text.slice(0, maxText)}…` : text
  return secrets.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), cut)
}

/**
 * A replacer for `JSON.stringify` of a log line: texts and names as `redactedText` has them, fields
 * named for a secret without their value, and rows of numbers by their length.
 */
export function redactedField(name: string, value: unknown): unknown {
  if (typeof value === 'string') return secretNames.test(name) ? redacted : redactedText(value)
  if (Array.isArray(value) && value.length > 2 && value.every(isNumeric)) {
    return `[${value.length} numbers]`
  }
  if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes of numbers]`
  return isObject(value) ? withRedactedNames(value) : value
}

function withRedactedNames(fields: Readonly<Record<string, unknown>>): object {
  const names = Object.keys(fields)
  if (names.every((name) => redactedText(name) === name)) return fields
  return Object.fromEntries(names.map((name) => [redactedText(name), fields[name]]))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function isNumeric(value: unknown): boolean {
  return value === null || typeof value === 'number'
}
