/** Why a line of an import is left out: a sentence for the operator. */
export class LineFault extends Error {
  override readonly name = 'LineFault'
}
