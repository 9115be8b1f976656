export { clientFromEnvironment } from './client-from-environment.js'
export { createVerifier } from './create-verifier.js'
export type {
  AnyClaims,
  Principal,
  Verifier,
  VerifierClient,
  VerifierLog,
  VerifierOptions,
  VerifierStatus,
} from './types.js'
export { VerifierError, type VerifierErrorCode, type VerifierErrorOptions } from './verifier-error.js'
