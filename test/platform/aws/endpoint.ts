/** Where the tests find AWS: an emulator on this machine, unless the environment says otherwise. */
export const endpoint = process.env['AWS_ENDPOINT_URL'] ?? 'http://127.0.0.1:4566'

/** Whether it is not AWS itself: where the two differ, a test says what each does. */
export const isEmulator = !new URL(endpoint).hostname.endsWith('.amazonaws.com')

/** What every client of the SDK gets in these tests. */
export const clientOptions = {
  endpoint,
  region: process.env['AWS_REGION'] ?? 'us-east-1',
  credentials: {
    accessKeyId: process.env['AWS_ACCESS_KEY_ID'] ?? 'test',
    secretAccessKey: process.env['AWS_SECRET_ACCESS_KEY'] ?? 'test',
  },
}
