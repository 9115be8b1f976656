import type { RulesetDefinition } from '@stoplight/spectral-core'
import { oas } from '@stoplight/spectral-rulesets'

/** Spectral's rules for the OpenAPI document. */
export const spectralRules: RulesetDefinition = {
  // The type of `oas` says less than its value.
  extends: [[oas as RulesetDefinition, 'recommended']],
  rules: {
    // The document describes a program that others run: there is nobody to contact.
    'info-contact': 'off',
    // The paths of Simple JWT end with a slash, as everywhere in Django.
    'path-keys-no-trailing-slash': 'off',
    // MethodNotAllowed and NotFound answer requests that belong to no operation.
    'oas3-unused-component': 'off',
  },
}
