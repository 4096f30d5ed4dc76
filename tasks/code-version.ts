/**
 * The version of the code that trains, part of a training's identity and of each model's lineage.
 * Equals the package's version, which a test holds.
 */
export const codeVersion = '0.1.0'
