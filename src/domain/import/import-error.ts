/** Why a line of an import is left out. The message is a sentence for the operator. */
export class ImportError extends Error {
  override readonly name = 'ImportError'
}
