/** The package ships no declarations. */
declare module 'asl-validator' {
  export default function validate(definition: object): {
    readonly isValid: boolean
    errorsText(): string
  }
}
