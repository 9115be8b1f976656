import type { ServiceDefinition } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'

/** The part of `CheckRequest` that is read. Fields that are not sent have no value. */
export interface CheckRequest {
  readonly attributes?: { readonly request?: { readonly http?: HttpRequest } }
}

export interface HttpRequest {
  readonly method?: string
  readonly path?: string
  readonly host?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Instead of `headers`, if Envoy runs with `encode_raw_headers`. */
  readonly headerMap?: { readonly headers?: readonly { readonly key: string; readonly rawValue?: Buffer }[] }
}

export interface CheckResponse {
  readonly status: { readonly code: number }
  readonly okResponse?: {
    /** Replace the headers of the client's request. */
    readonly headers: readonly HeaderOption[]
    readonly headersToRemove: readonly string[]
    /** Are added to the answer of the service. */
    readonly responseHeadersToAdd: readonly HeaderOption[]
  }
  readonly deniedResponse?: {
    readonly status: { readonly code: number }
    readonly headers: readonly HeaderOption[]
    readonly body: string
  }
}

/** With `append` false, it replaces a header of the same name. Without it, a later Envoy may read another field instead. */
export interface HeaderOption {
  readonly header: { readonly key: string; readonly value: string }
  readonly append: { readonly value: false }
}

const HEADER_OPTIONS = { rule: 'repeated', type: 'envoy.config.core.v3.HeaderValueOption' }

/** The fields of `envoy.service.auth.v3` that are used, with their numbers. */
const AUTH = {
  Authorization: { methods: { Check: { requestType: 'CheckRequest', responseType: 'CheckResponse', comment: '' } } },
  CheckRequest: { fields: { attributes: { type: 'AttributeContext', id: 1 } } },
  AttributeContext: {
    fields: { request: { type: 'Request', id: 4 } },
    nested: {
      Request: { fields: { http: { type: 'HttpRequest', id: 2 } } },
      HttpRequest: {
        fields: {
          method: { type: 'string', id: 2 },
          headers: { keyType: 'string', type: 'string', id: 3 },
          path: { type: 'string', id: 4 },
          host: { type: 'string', id: 5 },
          headerMap: { type: 'envoy.config.core.v3.HeaderMap', id: 13 },
        },
      },
    },
  },
  CheckResponse: {
    oneofs: { httpResponse: { oneof: ['deniedResponse', 'okResponse'] } },
    fields: {
      status: { type: 'google.rpc.Status', id: 1 },
      deniedResponse: { type: 'DeniedHttpResponse', id: 2 },
      okResponse: { type: 'OkHttpResponse', id: 3 },
    },
  },
  DeniedHttpResponse: {
    fields: {
      status: { type: 'envoy.type.v3.HttpStatus', id: 1 },
      headers: { ...HEADER_OPTIONS, id: 2 },
      body: { type: 'string', id: 3 },
    },
  },
  OkHttpResponse: {
    fields: {
      headers: { ...HEADER_OPTIONS, id: 2 },
      headersToRemove: { rule: 'repeated', type: 'string', id: 5 },
      responseHeadersToAdd: { ...HEADER_OPTIONS, id: 6 },
    },
  },
}

const CORE = {
  HeaderValue: {
    fields: { key: { type: 'string', id: 1 }, value: { type: 'string', id: 2 }, rawValue: { type: 'bytes', id: 3 } },
  },
  HeaderValueOption: {
    fields: { header: { type: 'HeaderValue', id: 1 }, append: { type: 'google.protobuf.BoolValue', id: 2 } },
  },
  HeaderMap: { fields: { headers: { rule: 'repeated', type: 'HeaderValue', id: 1 } } },
}

/** An enum in Envoy's definition; on the wire it is the same. */
const HTTP_STATUS = { HttpStatus: { fields: { code: { type: 'int32', id: 1 } } } }
const RPC_STATUS = { Status: { fields: { code: { type: 'int32', id: 1 }, message: { type: 'string', id: 2 } } } }

const BOOL_VALUE = { BoolValue: { fields: { value: { type: 'bool', id: 1 } } } }

export const EXT_AUTHZ_NAME = 'envoy.service.auth.v3.Authorization'

/** Envoy's service for external authorization, `envoy.service.auth.v3.Authorization`. */
export const EXT_AUTHZ = fromJSON({
  nested: {
    envoy: {
      nested: {
        service: { nested: { auth: { nested: { v3: { nested: AUTH } } } } },
        config: { nested: { core: { nested: { v3: { nested: CORE } } } } },
        type: { nested: { v3: { nested: HTTP_STATUS } } },
      },
    },
    google: { nested: { rpc: { nested: RPC_STATUS }, protobuf: { nested: BOOL_VALUE } } },
  },
})[EXT_AUTHZ_NAME] as ServiceDefinition
